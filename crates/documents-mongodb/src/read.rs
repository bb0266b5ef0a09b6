//! Reads documents by the rules of their types. One that cannot be read is named by its id: never a panic, never a
//! silent default.

use std::collections::BTreeMap;

use bursar_core::OwnerId;
use bursar_documents::{DocumentsError, Field, Sealed};
use jiff::Timestamp;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document};

/// A document, and where it is.
pub(crate) struct Reader<'a> {
    document: &'a Document,
    collection: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(document: &'a Document, collection: &'static str) -> Self {
        Self { document, collection }
    }

    /// A document within it.
    pub(crate) fn within(&self, field: &str) -> Result<Option<Self>, DocumentsError> {
        match self.document.get(field) {
            None => Ok(None),
            Some(Bson::Document(document)) => Ok(Some(Self { document, collection: self.collection })),
            Some(_) => Err(self.damaged(field)),
        }
    }

    /// The documents of a list within it.
    pub(crate) fn list(&self, field: &str) -> Result<Vec<Self>, DocumentsError> {
        let list = self.document.get_array(field).map_err(|_| self.damaged(field))?;
        let within = |item: &'a Bson| match item {
            Bson::Document(document) => Ok(Self { document, collection: self.collection }),
            _ => Err(self.damaged(field)),
        };
        list.iter().map(within).collect()
    }

    /// What has to be there.
    pub(crate) fn some<T>(&self, field: &str, found: Option<T>) -> Result<T, DocumentsError> {
        found.ok_or_else(|| self.damaged(field))
    }

    /// A text that is one of a type's words, if there is any.
    pub(crate) fn optional_word<T>(
        &self,
        field: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, DocumentsError> {
        match self.document.get(field) {
            None => Ok(None),
            Some(Bson::String(text)) => read(text).map(Some).ok_or_else(|| self.damaged(field)),
            Some(_) => Err(self.damaged(field)),
        }
    }

    pub(crate) fn word<T>(&self, field: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, DocumentsError> {
        self.some(field, self.optional_word(field, read)?)
    }

    pub(crate) fn optional_number(&self, field: &str) -> Result<Option<i64>, DocumentsError> {
        match self.document.get(field) {
            None => Ok(None),
            Some(Bson::Int64(number)) => Ok(Some(*number)),
            Some(_) => Err(self.damaged(field)),
        }
    }

    pub(crate) fn number(&self, field: &str) -> Result<i64, DocumentsError> {
        self.some(field, self.optional_number(field)?)
    }

    /// A time in microseconds.
    pub(crate) fn time(&self, field: &str) -> Result<Timestamp, DocumentsError> {
        Timestamp::from_microsecond(self.number(field)?).map_err(|_| self.damaged(field))
    }

    pub(crate) fn optional_bytes(&self, field: &str) -> Result<Option<Vec<u8>>, DocumentsError> {
        match self.document.get(field) {
            None => Ok(None),
            Some(Bson::Binary(binary)) => Ok(Some(binary.bytes.clone())),
            Some(_) => Err(self.damaged(field)),
        }
    }

    pub(crate) fn bytes(&self, field: &str) -> Result<Vec<u8>, DocumentsError> {
        self.some(field, self.optional_bytes(field)?)
    }

    pub(crate) fn sealed(&self, field: &str) -> Result<Option<Sealed>, DocumentsError> {
        Ok(self.optional_bytes(field)?.map(Sealed))
    }

    /// Sealed fields by their names.
    pub(crate) fn fields(&self) -> Result<BTreeMap<Field, Sealed>, DocumentsError> {
        let fields = self.some("fields", self.within("fields")?)?;
        let read = |name: &String| {
            let field = Field::from_name(name).ok_or_else(|| self.damaged(name))?;
            Ok((field, Sealed(fields.bytes(name)?)))
        };
        fields.document.keys().map(read).collect()
    }

    /// The value itself is not told: nobody knows what it is.
    pub(crate) fn damaged(&self, field: &str) -> DocumentsError {
        let of = |name| self.document.get_str(name).unwrap_or("without an id");
        let (id, collection) = (of("_id"), self.collection);
        let person =
            self.document.get_str("person").map(|person| format!(" of {person}")).unwrap_or_default();
        DocumentsError::Corrupt(format!("{field} of {id} in {collection}{person} is none of those"))
    }
}

/// Any id.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A person's id.
pub(crate) fn person(text: &str) -> Option<OwnerId> {
    id(text)
}

pub(crate) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// Sealed fields by their names.
pub(crate) fn fields(fields: &BTreeMap<Field, Sealed>) -> Document {
    fields.iter().map(|(field, sealed)| (field.as_str().to_owned(), binary(&sealed.0))).collect()
}

/// The fields that have a value.
pub(crate) fn present<const N: usize>(fields: [(&str, Option<Bson>); N]) -> Document {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A command that sets the fields that have a value, and takes away the others.
pub(crate) fn replacing<const N: usize>(fields: [(&str, Option<Bson>); N]) -> Document {
    let (mut set, mut unset) = (Document::new(), Document::new());
    for (name, value) in fields {
        match value {
            Some(value) => set.insert(name, value),
            None => unset.insert(name, ""),
        };
    }
    // Neither may be empty.
    let parts = [("$set", set), ("$unset", unset)];
    parts
        .into_iter()
        .filter(|(_, part)| !part.is_empty())
        .map(|(name, part)| (name.to_owned(), part.into()))
        .collect()
}
