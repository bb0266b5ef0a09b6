//! The schema of a store: which migrations it has, and which this program would still run.

use serde::Serialize;

use crate::error::StoreError;

/// A step of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migration {
    /// Its number; they run in this order.
    pub version: i64,
    /// What it is about.
    pub name: String,
    /// What it runs.
    pub sql: String,
}

/// A migration as a program has it, with a sum of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The migration.
    pub migration: Migration,
    /// Differs where the content differs.
    pub checksum: String,
}

/// A migration as a store remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub name: String,
    /// The sum of what was run.
    pub checksum: String,
}

/// Where the schema of a store is, and what brings it up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// The version that is there; 0 where there is none.
    pub found: i64,
    /// The newest version that this program knows.
    pub known: i64,
    /// What would still run, in order.
    pub pending: Vec<Migration>,
}

impl Schema {
    /// Compares what a store has with what this program knows.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], or [`StoreError::OtherSchema`] if some migration is not the one that
    /// this program knows by its number, or was passed over.
    pub fn compare(mut known: Vec<Known>, applied: &[Applied]) -> Result<Self, StoreError> {
        known.sort_by_key(|known| known.migration.version);
        let newest = known.last().map_or(0, |known| known.migration.version);
        let found = applied.iter().map(|applied| applied.version).max().unwrap_or(0);
        if found > newest {
            return Err(StoreError::NewerSchema { found, known: newest });
        }
        for applied in applied {
            let same = known.iter().find(|known| known.migration.version == applied.version);
            if let Some(why) = difference(applied, same) {
                return Err(StoreError::OtherSchema(why));
            }
        }
        let is_pending =
            |known: &Known| !applied.iter().any(|applied| applied.version == known.migration.version);
        let pending: Vec<Migration> =
            known.into_iter().filter(is_pending).map(|known| known.migration).collect();
        match pending.first() {
            Some(first) if first.version < found => Err(StoreError::OtherSchema(format!(
                "it has version {found}, and version {} was passed over",
                first.version
            ))),
            _ => Ok(Self { found, known: newest, pending }),
        }
    }

    /// For who only reads: the data have to be as this program writes them.
    ///
    /// # Errors
    /// Something would still run.
    pub fn refuse_outdated(&self) -> Result<(), StoreError> {
        match self.pending.is_empty() {
            true => Ok(()),
            false => Err(StoreError::Unavailable(format!(
                "the data have schema version {}, and this Bursar reads version {}; bring them up to date with \
                 bursar migrate, or start the server on them once",
                self.found, self.known
            ))),
        }
    }
}

/// In what an applied migration is not the one of this program, if so.
fn difference(applied: &Applied, known: Option<&Known>) -> Option<String> {
    let Applied { version, name, checksum } = applied;
    let applied = format!("migration V{version} {name:?}, which was applied,");
    match known {
        None => Some(format!("{applied} is unknown to this program")),
        Some(Known { migration, .. }) if migration.name != *name => {
            Some(format!("{applied} is {:?} in this program", migration.name))
        }
        Some(known) if known.checksum != *checksum => {
            Some(format!("{applied} has other content in this program"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: i64, name: &str) -> Known {
        let migration = Migration { version, name: name.into(), sql: format!("create {name}") };
        Known { migration, checksum: name.to_owned() }
    }

    fn applied(version: i64, name: &str) -> Applied {
        Applied { version, name: name.into(), checksum: name.into() }
    }

    fn three() -> Vec<Known> {
        vec![known(2, "two"), known(1, "one"), known(3, "three")]
    }

    #[test]
    fn what_is_not_applied_yet_would_run_in_order() {
        let schema = Schema::compare(three(), &[applied(1, "one")]).expect("older");
        let names: Vec<&str> = schema.pending.iter().map(|of| of.name.as_str()).collect();
        assert_eq!((schema.found, schema.known, names), (1, 3, vec!["two", "three"]));
        assert!(schema.refuse_outdated().is_err());
        let all = [applied(1, "one"), applied(2, "two"), applied(3, "three")];
        assert_eq!(Schema::compare(three(), &all).and_then(|schema| schema.refuse_outdated()), Ok(()));
    }

    #[test]
    fn a_newer_another_or_a_patchy_schema_is_refused() {
        let newer = Schema::compare(three(), &[applied(4, "four")]);
        assert_eq!(newer, Err(StoreError::NewerSchema { found: 4, known: 3 }));
        let renamed = Schema::compare(three(), &[applied(1, "first")]);
        let changed = Applied { checksum: "other".into(), ..applied(1, "one") };
        let patchy = [applied(1, "one"), applied(3, "three")];
        let without = vec![known(2, "two"), known(3, "three")];
        for (other, words) in [
            (renamed, "migration V1 \"first\", which was applied, is \"one\" in this program"),
            (
                Schema::compare(three(), &[changed]),
                "migration V1 \"one\", which was applied, has other content",
            ),
            (Schema::compare(without, &[applied(1, "one")]), "\"one\", which was applied, is unknown"),
            (Schema::compare(three(), &patchy), "version 2 was passed over"),
        ] {
            let Err(StoreError::OtherSchema(why)) = other else { panic!("{other:?}") };
            assert!(why.contains(words), "{why}");
        }
    }
}
