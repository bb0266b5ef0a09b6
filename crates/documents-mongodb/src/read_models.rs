//! Cards, wallets and purchases: kept many at once, and looked after beside erasures.

pub(crate) mod card;
pub(crate) mod history;
pub(crate) mod wallet;

use std::collections::BTreeSet;

use bursar_core::OwnerId;
use bursar_documents::{DocumentsError, Keep};
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::{code, of_write};
use crate::link::{Link, name};
use crate::read::{self, Reader};
use crate::schema::max_time;

/// States that one command keeps, at most.
const STATES_MAX: usize = 1_000;

/// How often a state is tried: see [`Link::keep_states`].
const RUNS: usize = 2;

/// A state to keep.
pub(crate) struct State {
    id: String,
    person: OwnerId,
    sequence: i64,
    /// What it sets, with its sequence, and takes away.
    update: Document,
}

/// Who of some persons is known, and who was erased.
struct Standings {
    known: BTreeSet<OwnerId>,
    erased: BTreeSet<OwnerId>,
}

impl Link {
    /// Keeps the states of persons who are known, and none beside an erasure.
    ///
    /// No transaction ties this to the person's document: a writer looks whether the person is known, writes, and looks
    /// again. An erasure marks the person first and deletes then, so a state that was written after it deleted was
    /// written by somebody whose second look finds the mark, and who deletes it. Who is killed between is asked again,
    /// since events come until they are done with; then the first look finds the mark, and what was left is deleted.
    pub(crate) async fn keep_read_models(
        &self,
        collection: &str,
        states: Vec<State>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let persons = states.iter().map(|state| state.person).collect();
        let before = self.standings(&persons).await?;
        self.delete_of(collection, &before.erased).await?;
        let states: Vec<State> =
            states.into_iter().filter(|state| before.known.contains(&state.person)).collect();
        let mut kept = 0;
        for states in states.chunks(STATES_MAX) {
            kept += self.keep_states(collection, states, keep, at).await?;
        }
        let after = self.standings(&before.known).await?;
        self.delete_of(collection, &after.erased).await?;
        Ok(kept)
    }

    /// Updates what is older, inserts what is not there. How many that were.
    ///
    /// What is kept and as new is found by no filter, so that it would be inserted, and its key is taken: that is how a
    /// state is ignored. The key may also have been taken just now, by a state that is older. So those are tried once
    /// more: then the document is there, and the filter alone decides.
    async fn keep_states(
        &self,
        collection: &str,
        states: &[State],
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let (mut left, mut kept): (Vec<&State>, u64) = (states.iter().collect(), 0);
        for _ in 0..RUNS {
            if left.is_empty() {
                break;
            }
            let updates: Vec<Document> = left.iter().map(|state| state.statement(keep, at)).collect();
            let taken = self.update_many(collection, updates).await?;
            kept += left.len().saturating_sub(taken.len()) as u64;
            left = taken.into_iter().filter_map(|index| left.get(index).copied()).collect();
        }
        Ok(kept)
    }

    /// One command for all. The places of those whose key is taken.
    ///
    /// Of the driver's own bulk write only servers from version 8 on know.
    async fn update_many(
        &self,
        collection: &str,
        updates: Vec<Document>,
    ) -> Result<Vec<usize>, DocumentsError> {
        let command = doc! {
            "update": collection,
            "updates": updates,
            // One that fails keeps no other back.
            "ordered": false,
            "writeConcern": { "w": "majority", "j": true, "wtimeout": max_time(&self.options) },
            "maxTimeMS": max_time(&self.options),
        };
        let answer = self.ask(|database| async move { database.run_command(command).await }).await?;
        if let Ok(error) = answer.get_document("writeConcernError") {
            let message = error.get_str("errmsg").unwrap_or("the write is not confirmed");
            return Err(DocumentsError::Unavailable(message.to_owned()));
        }
        let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(Bson::as_document).map(taken).collect()
    }

    async fn standings(&self, persons: &BTreeSet<OwnerId>) -> Result<Standings, DocumentsError> {
        let mut standings = Standings { known: BTreeSet::new(), erased: BTreeSet::new() };
        if persons.is_empty() {
            return Ok(standings);
        }
        let ids: Vec<String> = persons.iter().map(ToString::to_string).collect();
        let filter = doc! { "_id": { "$in": ids }, "state": { "$in": ["known", "erased"] } };
        let found = self.list(name::PERSONS, filter, Some(doc! { "state": 1 }), doc! { "_id": 1 }, 0).await?;
        for found in &found {
            let reader = Reader::new(found, name::PERSONS);
            let person = reader.word("_id", read::person)?;
            match reader.word("state", |state| Some(state == "known"))? {
                true => standings.known.insert(person),
                false => standings.erased.insert(person),
            };
        }
        Ok(standings)
    }

    async fn delete_of(&self, collection: &str, persons: &BTreeSet<OwnerId>) -> Result<(), DocumentsError> {
        if persons.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = persons.iter().map(ToString::to_string).collect();
        self.delete(collection, doc! { "person": { "$in": ids } }).await.map(drop)
    }

    /// How many were there.
    pub(crate) async fn delete(&self, collection: &str, filter: Document) -> Result<u64, DocumentsError> {
        let deleted = self.of(collection, |collection| async move { collection.delete_many(filter).await });
        Ok(deleted.await?.deleted_count)
    }

    /// How many are forgotten.
    pub(crate) async fn forget_read_models(
        &self,
        person: Option<OwnerId>,
        kept_before: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let mut filter = doc! { "kept_at_us": { "$lt": kept_before.as_microsecond() } };
        if let Some(person) = person {
            filter.insert("person", person.to_string());
        }
        let mut forgotten = 0;
        for collection in name::READ_MODELS {
            forgotten += self.delete(collection, filter.clone()).await?;
        }
        Ok(forgotten)
    }
}

impl State {
    /// Finds what it replaces by the rule of [`Keep::replaces`]. Its person is in the filter: another's is not touched.
    fn statement(&self, keep: Keep, at: Timestamp) -> Document {
        let mut filter = doc! { "_id": &self.id, "person": self.person.to_string() };
        match keep {
            Keep::Newer => filter.insert("sequence", doc! { "$lt": self.sequence }),
            Keep::Repair { began_at } => filter.insert(
                "$or",
                vec![
                    doc! { "sequence": { "$lte": self.sequence } },
                    doc! { "kept_at_us": { "$lt": began_at.as_microsecond() } },
                ],
            ),
        };
        let mut update = self.update.clone();
        if let Ok(set) = update.get_document_mut("$set") {
            set.insert("kept_at_us", at.as_microsecond());
        }
        doc! { "q": filter, "u": update, "upsert": true }
    }
}

/// The place of a statement whose key is taken.
fn taken(error: &Document) -> Result<usize, DocumentsError> {
    let code = error.get_i32("code").unwrap_or_default();
    let message = error.get_str("errmsg").unwrap_or("the document is not taken");
    let index = error.get_i32("index").ok().and_then(|index| usize::try_from(index).ok());
    match index {
        Some(index) if code == code::DUPLICATE_KEY => Ok(index),
        _ => Err(of_write(code, message)),
    }
}
