//! Persons: documents of `persons`.

use std::collections::BTreeMap;

use bursar_core::{OwnerId, ProgramId};
use bursar_documents::{BlindIndex, ContactIndex, DocumentsError, SealedPerson, WrappedKey};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use jiff::civil::Date;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::is_duplicate;
use crate::link::{Link, name};
use crate::read::{self, Reader, binary, id, present, replacing};

/// What a person is to those who ask.
pub(crate) enum Standing {
    Known,
    Locked(Date),
    Erased(Timestamp),
}

impl Standing {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Self, DocumentsError> {
        match reader.word("state", |state| Some(state.to_owned()))?.as_str() {
            "known" => Ok(Self::Known),
            "locked" => Ok(Self::Locked(reader.word("erase_on", |day| day.parse().ok())?)),
            "erased" => Ok(Self::Erased(reader.time("erased_at_us")?)),
            _ => Err(reader.damaged("state")),
        }
    }

    /// Why nobody sees the person, if nobody does.
    pub(crate) fn hidden(&self, id: OwnerId) -> Result<(), DocumentsError> {
        match *self {
            Self::Known => Ok(()),
            Self::Locked(erase_on) => Err(DocumentsError::Locked { id, erase_on }),
            Self::Erased(erased_at) => Err(DocumentsError::Erased { id, erased_at }),
        }
    }
}

impl Link {
    /// A document of a person, with all of it or with these fields.
    pub(crate) async fn person(
        &self,
        id: OwnerId,
        fields: Option<Document>,
    ) -> Result<Option<Document>, DocumentsError> {
        let limit = self.options.operation_timeout;
        self.of(name::PERSONS, |persons| async move {
            let find = persons.find_one(doc! { "_id": id.to_string() }).max_time(limit);
            match fields {
                Some(fields) => find.projection(fields).await,
                None => find.await,
            }
        })
        .await
    }

    /// What the person is, if there ever was one.
    pub(crate) async fn standing(&self, id: OwnerId) -> Result<Option<Standing>, DocumentsError> {
        let fields = doc! { "state": 1, "erase_on": 1, "erased_at_us": 1 };
        let found = self.person(id, Some(fields)).await?;
        found.map(|found| Standing::read(&Reader::new(&found, name::PERSONS))).transpose()
    }

    /// Why a change that was for a person who is known, by its version, found nobody.
    pub(crate) async fn why_unchanged(&self, id: OwnerId) -> DocumentsError {
        match self.standing(id).await {
            Ok(None) => DocumentsError::Unknown(id),
            Ok(Some(standing)) => standing.hidden(id).err().unwrap_or(DocumentsError::Conflict(id)),
            Err(error) => error,
        }
    }

    pub(crate) async fn insert_person(&self, person: &SealedPerson) -> Result<(), DocumentsError> {
        let document = document(person);
        let inserted = self.of(name::PERSONS, |persons| async move {
            match persons.insert_one(document).await {
                Err(error) if is_duplicate(&error) => Ok(false),
                inserted => inserted.map(|_| true),
            }
        });
        if inserted.await? {
            return Ok(());
        }
        Err(match self.why_unchanged(person.id).await {
            DocumentsError::Conflict(id) => DocumentsError::Exists(id),
            hidden => hidden,
        })
    }

    pub(crate) async fn find_person(&self, id: OwnerId) -> Result<Option<SealedPerson>, DocumentsError> {
        // An identity has steps, which nobody asks for here.
        let Some(found) = self.person(id, Some(doc! { "kyc": 0 })).await? else { return Ok(None) };
        let reader = Reader::new(&found, name::PERSONS);
        Standing::read(&reader)?.hidden(id)?;
        read(&reader).map(Some)
    }

    pub(crate) async fn find_keys(
        &self,
        ids: &[OwnerId],
    ) -> Result<BTreeMap<OwnerId, WrappedKey>, DocumentsError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let filter = doc! { "_id": { "$in": ids }, "state": "known" };
        let found = self.list(name::PERSONS, filter, Some(doc! { "key": 1 }), doc! { "_id": 1 }, 0).await?;
        let read = |found: &Document| {
            let reader = Reader::new(found, name::PERSONS);
            Ok((reader.word("_id", read::person)?, WrappedKey(reader.bytes("key")?)))
        };
        found.iter().map(read).collect()
    }

    /// One atomic update decides: of many who saw one version, one finds it still there.
    pub(crate) async fn update_person(&self, person: &SealedPerson) -> Result<(), DocumentsError> {
        let filter = doc! { "_id": person.id.to_string(), "state": "known", "version": person.version - 1 };
        let update = replacing([
            ("fields", Some(read::fields(&person.fields).into())),
            ("email_index", index(person.email_index)),
            ("phone_index", index(person.phone_index)),
            ("version", Some(person.version.into())),
            ("updated_at_us", Some(person.updated_at.as_microsecond().into())),
        ]);
        let updated =
            self.of(name::PERSONS, |persons| async move { persons.update_one(filter, update).await });
        match updated.await?.matched_count {
            0 => Err(self.why_unchanged(person.id).await),
            _ => Ok(()),
        }
    }

    /// Those who are known, after an id; with an address or a number, or of a program.
    pub(crate) async fn list_persons(
        &self,
        by: Option<ContactIndex>,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError> {
        let Ok(limit @ 1..) = i64::try_from(limit) else { return Ok(Vec::new()) };
        let (email, phone) = match by {
            None => (None, None),
            Some(ContactIndex::Email(email)) => (Some(email), None),
            Some(ContactIndex::Phone(phone)) => (None, Some(phone)),
        };
        let filter = present([
            ("state", Some("known".into())),
            ("email_index", index(email)),
            ("phone_index", index(phone)),
            ("program", program.map(|program| program.to_string().into())),
            ("_id", after.map(|after| doc! { "$gt": after.to_string() }.into())),
        ]);
        let found =
            self.list(name::PERSONS, filter, Some(doc! { "kyc": 0 }), doc! { "_id": 1 }, limit).await?;
        found.iter().map(|found| read(&Reader::new(found, name::PERSONS))).collect()
    }

    /// Documents in this order, so many at most; 0 for all.
    pub(crate) async fn list(
        &self,
        collection: &str,
        filter: Document,
        fields: Option<Document>,
        order: Document,
        limit: i64,
    ) -> Result<Vec<Document>, DocumentsError> {
        let time = self.options.operation_timeout;
        self.of(collection, |collection| async move {
            let find = collection.find(filter).sort(order).limit(limit).max_time(time);
            let found = match fields {
                Some(fields) => find.projection(fields).await?,
                None => find.await?,
            };
            found.try_collect().await
        })
        .await
    }
}

fn index(index: Option<BlindIndex>) -> Option<Bson> {
    index.map(|index| binary(&index.0))
}

fn document(person: &SealedPerson) -> Document {
    present([
        ("_id", Some(person.id.to_string().into())),
        ("state", Some("known".into())),
        ("program", Some(person.program.to_string().into())),
        ("key", Some(binary(&person.key.0))),
        ("fields", Some(read::fields(&person.fields).into())),
        ("email_index", index(person.email_index)),
        ("phone_index", index(person.phone_index)),
        ("version", Some(person.version.into())),
        ("created_at_us", Some(person.created_at.as_microsecond().into())),
        ("updated_at_us", Some(person.updated_at.as_microsecond().into())),
    ])
}

fn read(reader: &Reader<'_>) -> Result<SealedPerson, DocumentsError> {
    let index = |field| {
        let bytes = reader.optional_bytes(field)?;
        bytes.map(|bytes| bytes.try_into().map(BlindIndex).map_err(|_| reader.damaged(field))).transpose()
    };
    Ok(SealedPerson {
        id: reader.word("_id", read::person)?,
        program: reader.word("program", id)?,
        key: WrappedKey(reader.bytes("key")?),
        fields: reader.fields()?,
        email_index: index("email_index")?,
        phone_index: index("phone_index")?,
        version: reader.number("version")?,
        created_at: reader.time("created_at_us")?,
        updated_at: reader.time("updated_at_us")?,
    })
}
