//! Which documents key seals what is here: the one document of `documents_key`.

use bursar_documents::{DocumentsError, KeyId};
use mongodb::bson::doc;

use crate::failure::is_duplicate;
use crate::link::{Link, name};
use crate::read::{Reader, binary};

/// There is one, and its id is taken once.
const ID: &str = "documents_key";

impl Link {
    /// The one that is noted: this one, unless there is one already.
    pub(crate) async fn note_key(&self, key: KeyId) -> Result<KeyId, DocumentsError> {
        let noted = doc! { "_id": ID, "key_id": binary(&key.0) };
        self.of(name::DOCUMENTS_KEY, |keys| async move {
            match keys.insert_one(noted).await {
                Err(error) if is_duplicate(&error) => Ok(()),
                inserted => inserted.map(drop),
            }
        })
        .await?;
        let time = self.options.operation_timeout;
        let find = |keys: mongodb::Collection<_>| async move {
            keys.find_one(doc! { "_id": ID }).max_time(time).await
        };
        let found = self.of(name::DOCUMENTS_KEY, find).await?;
        let found = found.ok_or_else(|| DocumentsError::Corrupt("the id of documents_key is gone".into()))?;
        let reader = Reader::new(&found, name::DOCUMENTS_KEY);
        reader.bytes("key_id")?.try_into().map(KeyId).map_err(|_| reader.damaged("key_id"))
    }
}
