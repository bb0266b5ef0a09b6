//! Persons are locked and erased, step by step: each is one atomic update, and any two may have a crash between them.

use bursar_core::OwnerId;
use bursar_documents::DocumentsError;
use jiff::Timestamp;
use jiff::civil::Date;
use mongodb::bson::{Document, doc};

use crate::link::{Link, name};
use crate::read::{self, Reader};

impl Link {
    pub(crate) async fn lock_person(&self, id: OwnerId, erase_on: Date) -> Result<(), DocumentsError> {
        let filter = doc! { "_id": id.to_string(), "state": { "$in": ["known", "locked"] } };
        let update = doc! { "$set": { "state": "locked", "erase_on": erase_on.to_string() } };
        let updated =
            self.of(name::PERSONS, |persons| async move { persons.update_one(filter, update).await });
        match updated.await?.matched_count {
            0 => Err(self.why_unchanged(id).await),
            _ => Ok(()),
        }
    }

    pub(crate) async fn list_due_for_erasure(
        &self,
        today: Date,
        limit: usize,
    ) -> Result<Vec<OwnerId>, DocumentsError> {
        let mut due = Vec::new();
        // Days of one length are in order as texts.
        let filters = [doc! { "unfinished": true }, doc! { "erase_on": { "$lte": today.to_string() } }];
        for filter in filters {
            let Ok(left @ 1..) = i64::try_from(limit - due.len()) else { break };
            let id_alone = Some(doc! { "_id": 1 });
            let found = self.list(name::PERSONS, filter, id_alone, Document::new(), left).await?;
            for found in &found {
                due.push(Reader::new(found, name::PERSONS).word("_id", read::person)?);
            }
        }
        Ok(due)
    }

    /// First the key: with the update that puts a tombstone in the place of the person, profile, identity and key are
    /// gone at once, and nothing opens any more. Then what it sealed elsewhere. Who is killed between leaves a tombstone
    /// that says so, and is found among those that are due.
    pub(crate) async fn erase_person(&self, id: OwnerId, at: Timestamp) -> Result<(), DocumentsError> {
        let tombstone = doc! {
            "_id": id.to_string(),
            "state": "erased",
            "erased_at_us": at.as_microsecond(),
            "unfinished": true,
        };
        let alive = doc! { "_id": id.to_string(), "state": { "$ne": "erased" } };
        let buried =
            self.of(name::PERSONS, |persons| async move { persons.replace_one(alive, tombstone).await });
        // Of who was buried before, something may have come to be there since.
        if buried.await?.matched_count == 0 && self.standing(id).await?.is_none() {
            return Err(DocumentsError::Unknown(id));
        }
        for collection in name::READ_MODELS {
            self.delete(collection, doc! { "person": id.to_string() }).await?;
        }
        let erased = doc! { "_id": id.to_string(), "state": "erased" };
        let finish = doc! { "$unset": { "unfinished": "" } };
        self.of(name::PERSONS, |persons| async move { persons.update_one(erased, finish).await })
            .await
            .map(drop)
    }
}
