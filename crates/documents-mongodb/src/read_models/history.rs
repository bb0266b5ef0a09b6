//! Purchases: documents of `history`.

use bursar_core::{Currency, OwnerId};
use bursar_documents::{DocumentsError, SealedHistoryEntry};
use mongodb::bson::{Bson, Document, doc};

use super::State;
use crate::link::{Link, name};
use crate::read::{Reader, binary, id, present, replacing};

impl Link {
    pub(crate) async fn list_history(
        &self,
        person: OwnerId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SealedHistoryEntry>, DocumentsError> {
        let Ok(limit @ 1..) = i64::try_from(limit) else { return Ok(Vec::new()) };
        let mut filter = present([
            ("person", Some(person.to_string().into())),
            ("position", before.map(|before| doc! { "$lt": before }.into())),
        ]);
        filter.insert("merged_into", Bson::Null);
        let found = self.list(name::HISTORY, filter, None, doc! { "position": -1 }, limit).await?;
        found.iter().map(|found| read(found, person)).collect()
    }
}

pub(crate) fn state(entry: &SealedHistoryEntry) -> State {
    State {
        id: entry.root.to_string(),
        person: entry.person,
        sequence: entry.sequence,
        update: replacing([
            ("position", Some(entry.position.into())),
            ("sequence", Some(entry.sequence.into())),
            ("merged_into", entry.merged_into.map(|root| root.to_string().into())),
            ("card", entry.card.map(|card| card.to_string().into())),
            ("merchant", entry.merchant.as_ref().map(|merchant| binary(&merchant.0))),
            ("category", entry.category.as_ref().map(|category| binary(&category.0))),
            ("status", Some(entry.status.as_str().into())),
            ("amount_minor", entry.amount_minor.map(Bson::from)),
            ("currency", entry.currency.map(|currency| currency.code().into())),
            ("began_at_us", Some(entry.began_at.as_microsecond().into())),
        ]),
    }
}

fn read(found: &Document, person: OwnerId) -> Result<SealedHistoryEntry, DocumentsError> {
    let reader = Reader::new(found, name::HISTORY);
    Ok(SealedHistoryEntry {
        root: reader.word("_id", id)?,
        person,
        position: reader.number("position")?,
        sequence: reader.number("sequence")?,
        merged_into: reader.optional_word("merged_into", id)?,
        card: reader.optional_word("card", id)?,
        merchant: reader.sealed("merchant")?,
        category: reader.sealed("category")?,
        status: reader.word("status", |status| Some(status.to_owned()))?,
        amount_minor: reader.optional_number("amount_minor")?,
        currency: reader.optional_word("currency", |code| Currency::parse(code).ok())?,
        began_at: reader.time("began_at_us")?,
    })
}
