//! The opened side of the documents: what the server asks for.

mod key;
mod read_models;
mod sealing;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bursar_core::{OwnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::contact::Contact;
use crate::documents::{Documents, Figures};
use crate::error::{DocumentsError, PeopleError};
use crate::kyc::{Kyc, KycRefusal, KycStep};
use crate::person::{Person, Profile};
use crate::sealed::SealedPerson;
use crate::vault::{DataKey, SealError, Vault};

/// Persons and their documents: seals on the way to the store, opens on the way back.
///
/// Times are arguments, as in `core`. Every method fails as the one of [`Documents`] beneath it does, and with
/// [`PeopleError::Sealed`] where something does not open; and with [`PeopleError::OtherKey`] on documents of another
/// documents key, before it reads or changes anything.
pub struct People {
    documents: Arc<dyn Documents>,
    vault: Vault,
    /// Whether the documents are known to be of the vault's key.
    is_ours: AtomicBool,
}

/// What became of a person that was to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing personal is left.
    Erased,
    /// The law has it kept until that day. Nobody sees it any more, and [`People::erase_due`] erases it then.
    LockedUntil(Date),
}

impl People {
    /// The persons of these documents, by this vault.
    #[must_use]
    pub fn new(documents: Arc<dyn Documents>, vault: Vault) -> Self {
        Self { documents, vault, is_ours: AtomicBool::new(false) }
    }

    /// The store, whoever's key its documents are of: for who looks at it, and changes nothing.
    #[must_use]
    pub fn documents(&self) -> &dyn Documents {
        self.documents.as_ref()
    }

    /// That documents can be read and written, and how much there is.
    ///
    /// # Errors
    /// Why not.
    pub async fn figures(&self) -> Result<Figures, PeopleError> {
        let documents = self.ours().await?;
        documents.ready().await?;
        Ok(documents.figures().await?)
    }

    /// Those of these persons that are known.
    ///
    /// # Errors
    /// As for every method.
    pub async fn known(&self, ids: &[OwnerId]) -> Result<Vec<OwnerId>, PeopleError> {
        Ok(self.ours().await?.find_keys(ids).await?.into_keys().collect())
    }

    /// Makes a person, with a data key of its own.
    ///
    /// # Errors
    /// [`DocumentsError::Exists`].
    pub async fn create(
        &self,
        id: OwnerId,
        program: ProgramId,
        profile: Profile,
        at: Timestamp,
    ) -> Result<Person, PeopleError> {
        let person = Person { id, program, profile, version: 1, created_at: at, updated_at: at };
        let (key, wrapped) = self.vault.make_key(id).map_err(of(id))?;
        let sealed = sealing::seal_person(&self.vault, &key, wrapped, &person).map_err(of(id))?;
        self.ours().await?.insert_person(sealed).await?;
        Ok(person)
    }

    /// A person.
    ///
    /// # Errors
    /// It is locked or erased.
    pub async fn find(&self, id: OwnerId) -> Result<Option<Person>, PeopleError> {
        self.ours().await?.find_person(id).await?.map(|sealed| self.open(&sealed)).transpose()
    }

    /// Replaces the profile that was seen with this version.
    ///
    /// # Errors
    /// [`DocumentsError::Conflict`] if it has another one by now, [`DocumentsError::Unknown`], or it is locked or erased.
    pub async fn update(
        &self,
        id: OwnerId,
        version: i64,
        profile: Profile,
        at: Timestamp,
    ) -> Result<Person, PeopleError> {
        let kept = self.ours().await?.find_person(id).await?.ok_or(DocumentsError::Unknown(id))?;
        if kept.version != version {
            return Err(DocumentsError::Conflict(id).into());
        }
        let key = self.vault.unwrap(id, &kept.key).map_err(of(id))?;
        let SealedPerson { program, created_at, key: wrapped, .. } = kept;
        let person = Person { id, program, profile, version: version + 1, created_at, updated_at: at };
        let sealed = sealing::seal_person(&self.vault, &key, wrapped, &person).map_err(of(id))?;
        self.ours().await?.update_person(sealed).await?;
        Ok(person)
    }

    /// Persons by their ids, those after the given one, so many at most: of a program, or of all.
    ///
    /// # Errors
    /// As for every method.
    pub async fn list(
        &self,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<Person>, PeopleError> {
        let sealed = self.ours().await?.list_persons(program, after, limit).await?;
        sealed.iter().map(|sealed| self.open(sealed)).collect()
    }

    /// The same of those with this e-mail address or telephone number, however it is written.
    ///
    /// # Errors
    /// As for every method.
    pub async fn search(
        &self,
        contact: &Contact,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<Person>, PeopleError> {
        let index = self.vault.contact_index(contact);
        let sealed = self.ours().await?.list_by_index(index, program, after, limit).await?;
        sealed.iter().map(|sealed| self.open(sealed)).collect()
    }

    /// What is known of a person's identity.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`], or it is locked or erased.
    pub async fn find_kyc(&self, person: OwnerId) -> Result<Kyc, PeopleError> {
        let key = self.key(person).await?;
        self.kyc_by(&key, person).await
    }

    /// Takes a step of the verification that was seen with this version. One that may not be taken changes nothing.
    ///
    /// # Errors
    /// [`DocumentsError::Conflict`] if it has another one by now, [`DocumentsError::Unknown`], or it is locked or erased.
    pub async fn move_kyc(
        &self,
        person: OwnerId,
        version: i64,
        step: KycStep,
        at: Timestamp,
    ) -> Result<Result<Kyc, KycRefusal>, PeopleError> {
        let key = self.key(person).await?;
        let kept = self.kyc_by(&key, person).await?;
        if kept.version != version {
            return Err(DocumentsError::Conflict(person).into());
        }
        let moved = match kept.after(step, at) {
            Ok(moved) => moved,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.ours().await?.put_kyc(sealing::seal_kyc(&key, &moved).map_err(of(person))?).await?;
        Ok(Ok(moved))
    }

    async fn kyc_by(&self, key: &DataKey, person: OwnerId) -> Result<Kyc, PeopleError> {
        match self.ours().await?.find_kyc(person).await? {
            Some(sealed) => sealing::open_kyc(key, sealed).map_err(of(person)),
            None => Ok(Kyc::not_started(person)),
        }
    }

    /// Erases a person, or locks it where the law has it kept longer than until today (UTC). Done again, it finishes
    /// what was begun. A step of the verification that is taken at the same moment may come too late to be seen.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`]. After any other, do it again.
    pub async fn erase(&self, id: OwnerId, at: Timestamp) -> Result<Erasure, PeopleError> {
        let retained = match self.ours().await?.find_kyc(id).await {
            Ok(kyc) => kyc.and_then(|kyc| kyc.retain_until),
            Err(DocumentsError::Locked { erase_on, .. }) => Some(erase_on),
            Err(DocumentsError::Erased { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(day) = retained.filter(|day| *day > today(at)) {
            self.ours().await?.lock_person(id, day).await?;
            return Ok(Erasure::LockedUntil(day));
        }
        self.ours().await?.erase_person(id, at).await?;
        Ok(Erasure::Erased)
    }

    /// Erases those whose day has come, and those whose erasure was not finished; so many at most. How many: as long as
    /// that is the limit, there may be more.
    ///
    /// # Errors
    /// As for every method: the first one. It keeps nobody else from being erased.
    pub async fn erase_due(&self, at: Timestamp, limit: usize) -> Result<usize, PeopleError> {
        let due = self.ours().await?.list_due_for_erasure(today(at), limit).await?;
        let mut failed = None;
        for id in &due {
            failed = failed.or(self.ours().await?.erase_person(*id, at).await.err());
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(due.len()),
        }
    }

    /// The data key of a person that is known.
    async fn key(&self, person: OwnerId) -> Result<DataKey, PeopleError> {
        let kept = self.ours().await?.find_person(person).await?.ok_or(DocumentsError::Unknown(person))?;
        self.vault.unwrap(person, &kept.key).map_err(of(person))
    }

    fn open(&self, sealed: &SealedPerson) -> Result<Person, PeopleError> {
        let key = self.vault.unwrap(sealed.id, &sealed.key).map_err(of(sealed.id))?;
        Ok(Person {
            id: sealed.id,
            program: sealed.program,
            profile: sealing::open_profile(&key, sealed).map_err(of(sealed.id))?,
            version: sealed.version,
            created_at: sealed.created_at,
            updated_at: sealed.updated_at,
        })
    }
}

fn today(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Whose it is that does not open.
fn of(person: OwnerId) -> impl Fn(SealError) -> PeopleError {
    move |error| PeopleError::Sealed { person, error }
}
