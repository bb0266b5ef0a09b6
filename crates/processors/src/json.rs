//! JSON from outside, read carefully: bounded nesting, and an object is an object.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A struct that is read from a JSON object and from nothing else. Serde alone would also read an
/// array into it, by position.
#[derive(Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// All members of an object, in their order: a name that comes twice takes nothing from the other.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// Whether arrays and objects stand in one another deeper than `levels`. Asked before a parser
/// sees the bytes; what is no JSON fails there.
#[must_use]
pub fn nests_deeper_than(body: &[u8], levels: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Pair<'a> {
        #[serde(borrow)]
        first: &'a RawValue,
        second: Option<Object<Inner>>,
    }

    #[derive(serde::Deserialize)]
    struct Inner {
        number: u8,
    }

    #[test]
    fn an_object_is_read_and_an_array_is_not() {
        let read = |json| serde_json::from_str::<Object<Pair<'_>>>(json);
        let pair = read(r#"{"first": 1.10, "second": {"number": 7}}"#).expect("an object").0;
        assert_eq!((pair.first.get(), pair.second.map(|inner| inner.0.number)), ("1.10", Some(7)));
        assert!(read(r#"{"first": 1, "second": null}"#).expect("an object").0.second.is_none());
        for json in ["[1, {\"number\": 7}]", r#"{"first": 1, "second": [7]}"#, "7", "null"] {
            let error = read(json).err().expect(json).to_string();
            assert!(error.contains("expected an object"), "{json}: {error}");
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(!nests_deeper_than(nested(32).as_bytes(), 32));
        assert!(nests_deeper_than(nested(33).as_bytes(), 32));
        assert!(!nests_deeper_than(format!(r#"{{"a": "\"{}"}}"#, nested(99)).as_bytes(), 32));
        assert!(!nests_deeper_than("[]".repeat(99).as_bytes(), 32));
    }
}
