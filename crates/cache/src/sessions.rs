//! Sessions of who signed in. They end with their time, when they are ended, or when all of somebody's are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key_value::{Key, KeyValue, KeyValueError};
use crate::seal::Seal;

/// How often a mark is looked for that goes away each time.
const MARK_TRIES: usize = 8;

/// Keeps sessions. A server that lost them has everybody sign in again.
#[derive(Clone)]
pub struct Sessions {
    values: Arc<dyn KeyValue>,
    seal: Seal,
    kept: Duration,
}

/// A session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Who signed in: an id, no personal data.
    pub subject: String,
    /// When.
    pub begun_at: Timestamp,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who signed in.
    pub subject: String,
    /// When.
    pub begun_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// What the subject's sessions had in common when it began.
    mark: String,
}

/// What its holder shows. Kept nowhere: a session is found by a hash of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// One that was shown.
    #[must_use]
    pub fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What to show.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn random() -> Self {
        Self(random())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId")
    }
}

fn random() -> String {
    let bytes: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Sessions {
    /// Sessions that end after this time.
    #[must_use]
    pub const fn new(values: Arc<dyn KeyValue>, seal: Seal, kept: Duration) -> Self {
        Self { values, seal, kept }
    }

    /// Begins one.
    ///
    /// # Errors
    /// It cannot be kept. So for those that follow.
    pub async fn begin(&self, new: NewSession) -> Result<(SessionId, Session), KeyValueError> {
        let NewSession { subject, begun_at } = new;
        let mark = self.mark(&subject).await?;
        let kept = jiff::SignedDuration::try_from(self.kept).unwrap_or(jiff::SignedDuration::MAX);
        let ends_at = begun_at.saturating_add(kept).unwrap_or(Timestamp::MAX);
        let session = Session { subject, begun_at, ends_at, mark };
        let id = SessionId::random();
        let key = self.key(&id);
        let value =
            serde_json::to_vec(&session).map_err(|error| KeyValueError::refused(error.to_string()))?;
        let sealed = self.sealed(&key, &value)?;
        self.values.set(&key, &sealed, self.kept).await?;
        Ok((id, session))
    }

    /// The session, if it has not ended.
    pub async fn find(&self, id: &SessionId, now: Timestamp) -> Result<Option<Session>, KeyValueError> {
        let key = self.key(id);
        let Some(sealed) = self.values.get(&key).await? else { return Ok(None) };
        let session: Option<Session> =
            self.seal.open(&key, &sealed).and_then(|value| serde_json::from_slice(&value).ok());
        let Some(session) = session.filter(|session| session.ends_at > now) else { return Ok(None) };
        let key = self.mark_key(&session.subject);
        let mark = self.values.get(&key).await?.and_then(|sealed| self.opened(&key, &sealed));
        Ok((mark.as_ref() == Some(&session.mark)).then_some(session))
    }

    /// Ends one.
    pub async fn end(&self, id: &SessionId) -> Result<(), KeyValueError> {
        self.values.forget(&[self.key(id)]).await
    }

    /// Ends all of somebody's.
    pub async fn end_all(&self, subject: &str) -> Result<(), KeyValueError> {
        self.values.forget(&[self.mark_key(subject)]).await
    }

    /// What the subject's sessions have in common: without it none of them counts. It outlives all of them.
    async fn mark(&self, subject: &str) -> Result<String, KeyValueError> {
        let (key, kept) = (self.mark_key(subject), self.kept.saturating_mul(2));
        for _ in 0..MARK_TRIES {
            let new = random();
            let sealed = self.sealed(&key, new.as_bytes())?;
            let Some(there) = self.values.set_absent(&key, &sealed, kept).await? else {
                return Ok(new);
            };
            let Some(mark) = self.opened(&key, &there) else {
                // Nobody of ours put it there.
                self.values.forget(std::slice::from_ref(&key)).await?;
                continue;
            };
            // Somebody may end them all right now: then there is none to keep on.
            if self.values.swap(&key, &there, &there, kept).await? {
                return Ok(mark);
            }
        }
        Err(KeyValueError::refused("the sessions of this subject are ended all the time"))
    }

    fn sealed(&self, key: &Key, value: &[u8]) -> Result<Vec<u8>, KeyValueError> {
        self.seal.seal(key, value).ok_or_else(|| KeyValueError::refused("the session is too long"))
    }

    fn opened(&self, key: &Key, sealed: &[u8]) -> Option<String> {
        self.seal.open(key, sealed).and_then(|value| String::from_utf8(value).ok())
    }

    fn key(&self, id: &SessionId) -> Key {
        self.seal.key("session", id.0.as_bytes())
    }

    fn mark_key(&self, subject: &str) -> Key {
        self.seal.key("sessions", subject.as_bytes())
    }
}
