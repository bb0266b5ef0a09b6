//! Identities: a part of the person's document, so that an erasure takes them along and none can be written beside it.

use bursar_core::OwnerId;
use bursar_documents::{DocumentsError, KycStatus, SealedKyc, SealedTransition};
use mongodb::bson::{Bson, Document, doc};

use crate::link::{Link, name};
use crate::person::Standing;
use crate::read::{self, Reader, binary, present};

impl Link {
    pub(crate) async fn find_kyc(&self, person: OwnerId) -> Result<Option<SealedKyc>, DocumentsError> {
        let fields = doc! { "state": 1, "erase_on": 1, "erased_at_us": 1, "kyc": 1 };
        let found = self.person(person, Some(fields)).await?.ok_or(DocumentsError::Unknown(person))?;
        let reader = Reader::new(&found, name::PERSONS);
        Standing::read(&reader)?.hidden(person)?;
        let Some(kyc) = reader.within("kyc")? else { return Ok(None) };
        Ok(Some(SealedKyc {
            person,
            status: status(&kyc, "status")?,
            fields: kyc.fields()?,
            transitions: kyc.list("transitions")?.iter().map(transition).collect::<Result<_, _>>()?,
            retain_until: kyc.optional_word("retain_until", |day| day.parse().ok())?,
            version: kyc.number("version")?,
        }))
    }

    pub(crate) async fn put_kyc(&self, kyc: &SealedKyc) -> Result<(), DocumentsError> {
        let before = match kyc.version {
            1 => Bson::Null,
            version => (version - 1).into(),
        };
        let filter = doc! { "_id": kyc.person.to_string(), "state": "known", "kyc.version": before };
        let update = doc! { "$set": { "kyc": document(kyc) } };
        let updated =
            self.of(name::PERSONS, |persons| async move { persons.update_one(filter, update).await });
        match updated.await?.matched_count {
            0 => Err(self.why_unchanged(kyc.person).await),
            _ => Ok(()),
        }
    }
}

fn document(kyc: &SealedKyc) -> Document {
    let transition = |step: &SealedTransition| {
        Bson::Document(present([
            ("at_us", Some(step.at.as_microsecond().into())),
            ("from", Some(step.from.as_str().into())),
            ("to", Some(step.to.as_str().into())),
            ("reason", step.reason.as_ref().map(|reason| binary(&reason.0))),
        ]))
    };
    present([
        ("status", Some(kyc.status.as_str().into())),
        ("fields", Some(read::fields(&kyc.fields).into())),
        ("transitions", Some(Bson::Array(kyc.transitions.iter().map(transition).collect()))),
        ("retain_until", kyc.retain_until.map(|day| day.to_string().into())),
        ("version", Some(kyc.version.into())),
    ])
}

fn transition(reader: &Reader<'_>) -> Result<SealedTransition, DocumentsError> {
    Ok(SealedTransition {
        at: reader.time("at_us")?,
        from: status(reader, "from")?,
        to: status(reader, "to")?,
        reason: reader.sealed("reason")?,
    })
}

fn status(reader: &Reader<'_>, field: &str) -> Result<KycStatus, DocumentsError> {
    reader.word(field, KycStatus::from_word)
}
