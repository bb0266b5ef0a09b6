//! Takes typed values out of the merged tree and checks their ranges.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use config::{Value, ValueKind};

use super::effective::{Effective, REDACTED};
use super::problem::{Problem, Problems};

/// Reads settings one by one. A bad value is a problem and gives a stand-in, which is never used:
/// the problems end the start.
pub(super) struct Reader {
    tree: Value,
    effective: Effective,
    problems: Problems,
}

impl Reader {
    pub(super) fn new(tree: Value) -> Self {
        Self { tree, effective: Effective::default(), problems: Problems::default() }
    }

    /// What was read, in order, and what was wrong with it.
    pub(super) fn finish(self) -> (Effective, Problems) {
        (self.effective, self.problems)
    }

    pub(super) fn milliseconds(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Duration {
        Duration::from_millis(self.count(key, range))
    }

    pub(super) fn seconds(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Duration {
        Duration::from_secs(self.count(key, range))
    }

    /// A whole number within a range.
    pub(super) fn count<T: TryFrom<u32>>(&mut self, key: &'static str, range: RangeInclusive<u32>) -> T {
        let number = match self.take(key).kind {
            ValueKind::I64(number) => u32::try_from(number).ok().filter(|number| range.contains(number)),
            _ => None,
        };
        if number.is_none() {
            let remedy = format!("give {} to {}", range.start(), range.end());
            self.problem(key, "is out of range", &remedy);
        }
        let number = number.unwrap_or(*range.start());
        T::try_from(number).ok().expect("every type of a count has room for 32 bits")
    }

    pub(super) fn text(&mut self, key: &'static str) -> String {
        match self.take(key).kind {
            ValueKind::String(text) => text,
            _ => String::new(),
        }
    }

    /// A text that is listed without what it is.
    pub(super) fn secret(&mut self, key: &'static str) -> String {
        let text = self.text(key);
        if !text.is_empty() {
            self.hide(key);
        }
        text
    }

    /// Lists the setting without what it is.
    pub(super) fn hide(&mut self, key: &'static str) {
        self.effective.redact(key);
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> T {
        let word = self.text(key);
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return *choice;
        }
        let words: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let remedy = format!("give {}", words.join(" or "));
        self.problem(key, "is none of its words", &remedy);
        choices[0].1
    }

    /// A text of a form.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        stand_in: T,
        remedy: &str,
    ) -> T {
        match self.text(key).parse() {
            Ok(value) => value,
            Err(error) => {
                self.problem(key, &format!("cannot be read ({error})"), remedy);
                stand_in
            }
        }
    }

    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Says what is wrong with the value of a setting; the value is put in front, unless it is a secret.
    pub(super) fn problem(&mut self, key: &'static str, what: &str, remedy: &str) {
        let value = find(&self.tree, key);
        let shown = match value {
            _ if self.effective.is_redacted(key) => REDACTED.to_owned(),
            Some(value) => shown(&value.kind),
            None => "missing".to_owned(),
        };
        self.problems.push(Problem {
            key: key.to_owned(),
            origin: origin(value).to_owned(),
            what: format!("= {shown} {what}"),
            remedy: remedy.to_owned(),
        });
    }

    fn take(&mut self, key: &'static str) -> Value {
        let value = find(&self.tree, key).cloned().unwrap_or_default();
        self.effective.add(key, &value.kind, origin(Some(&value)));
        value
    }
}

/// A value as it is written in a file.
pub(super) fn shown(value: &ValueKind) -> String {
    match value {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a section".to_owned(),
        other => other.to_string(),
    }
}

/// Walks the tree: the getters of `config` forget where a value came from.
fn find<'t>(tree: &'t Value, key: &str) -> Option<&'t Value> {
    key.split('.').try_fold(tree, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

fn origin(value: Option<&Value>) -> &str {
    value.and_then(Value::origin).unwrap_or("nowhere")
}
