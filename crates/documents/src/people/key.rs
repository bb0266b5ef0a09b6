//! That the documents are of our key: of another's nothing is read, and nothing is changed.

use std::sync::atomic::Ordering;

use super::People;
use crate::documents::Documents;
use crate::error::PeopleError;
use crate::vault::SealError;

impl People {
    /// That the documents are of the vault's documents key. Where none is noted yet, they are from now on.
    ///
    /// # Errors
    /// [`PeopleError::OtherKey`]; or they are away, and whoever asks first when they are there finds out.
    pub async fn check_key(&self) -> Result<(), PeopleError> {
        let (documents, ours) = (self.documents.as_ref(), self.vault.key_id());
        // Of a Bursar that noted no key, each person's tells which it was.
        let persons = documents.list_persons(None, None, 1).await?;
        if let Some(person) = persons.first()
            && let Err(SealError::OtherKey { sealed, ours }) = self.vault.recognise(&person.key)
        {
            return Err(PeopleError::OtherKey { sealed, ours });
        }
        let sealed = documents.note_key(ours).await?;
        if sealed != ours {
            return Err(PeopleError::OtherKey { sealed, ours });
        }
        self.is_ours.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The store, once it is known to be ours: that never changes.
    pub(super) async fn ours(&self) -> Result<&dyn Documents, PeopleError> {
        if !self.is_ours.load(Ordering::Relaxed) {
            self.check_key().await?;
        }
        Ok(self.documents.as_ref())
    }
}
