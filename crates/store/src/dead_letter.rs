//! Dead letters: messages that no consumer could work off, kept as work for an operator.
//!
//! They are taken out of the broker's dead-letter queue, so that they can be looked at, replayed and discarded one by
//! one, whoever carries messages.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::reader::Page;

/// Keeps dead letters. Times are of the store's clock.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps a letter. One that is known by its message and queue is open again, whatever became of it, and has died
    /// once more: what is kept is what the new one says. Whether it did: a death that is known already, be it the last
    /// of its letter or one before, changes nothing, so that what was resolved stays resolved.
    ///
    /// # Errors
    /// The store cannot be written: nothing is known to be kept. So for the two that follow.
    async fn bury(&self, letter: NewDeadLetter) -> Result<bool, StoreError>;

    /// Says what became of an open letter that has died so often. Whether it was so: one that somebody else resolved,
    /// or that has died again meanwhile, stays as it is.
    ///
    /// # Errors
    /// As above.
    async fn resolve(&self, letter: &DeadLetter, resolution: Resolution) -> Result<bool, StoreError>;

    /// Forgets letters that were resolved before this, with all their deaths. How many: so many at most, and fewer where
    /// that is better for the store, but none only if none is left.
    ///
    /// # Errors
    /// As above.
    async fn forget_dead_letters(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// A letter.
    ///
    /// # Errors
    /// The store cannot be read. So for all that follow.
    async fn find_dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError>;

    /// The letter of this message in this queue.
    ///
    /// # Errors
    /// As above.
    async fn find_dead_letter_of(&self, message: Uuid, queue: &str)
    -> Result<Option<DeadLetter>, StoreError>;

    /// Letters, by their ids, without their bodies.
    ///
    /// # Errors
    /// As above.
    async fn list_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page<Uuid>,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// How many letters are open.
    ///
    /// # Errors
    /// As above.
    async fn count_dead_letters(&self) -> Result<u64, StoreError>;
}

/// A letter to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The id of the letter, if it is a new one.
    pub id: Uuid,
    /// The message's own id.
    pub message: Uuid,
    /// The queue whose consumer it failed in.
    pub queue: String,
    /// Which death this is: a copy of one that was delivered twice has the same.
    pub death: Uuid,
    /// What it is about, in a word.
    pub kind: String,
    /// Its body, sealed.
    pub body: Vec<u8>,
    /// The queue that waits for an answer.
    pub reply_to: Option<String>,
    /// What an answer has to repeat.
    pub correlation_id: Option<String>,
    /// When it was published for the first time, if that is known.
    pub published_at: Option<Timestamp>,
    /// Runs that failed.
    pub attempts: u32,
    /// Why it is dead, in a word.
    pub reason: String,
    /// Why the first run failed.
    pub error_first: String,
    /// Why the last did.
    pub error_last: String,
}

/// A letter as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What it is. Its id is that of the first time.
    pub letter: NewDeadLetter,
    /// How often it died.
    pub deaths: u32,
    /// When it died for the last time.
    pub died_at: Timestamp,
    /// What became of it; `None` while it is open.
    pub resolution: Option<Resolution>,
    /// When that was.
    pub resolved_at: Option<Timestamp>,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It was published to its queue again.
    Replayed,
    /// Nobody needs it, for this reason.
    Discarded(String),
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterState {
    /// Somebody has to look at it.
    Open,
    /// It was published to its queue again.
    Replayed,
    /// Nobody needs it.
    Discarded,
}

/// Which letters are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadLetterFilter {
    /// In this state.
    pub state: Option<DeadLetterState>,
    /// Of this queue.
    pub queue: Option<String>,
    /// About this.
    pub kind: Option<String>,
    /// Dead for this reason.
    pub reason: Option<String>,
    /// That died then or later.
    pub from: Option<Timestamp>,
    /// That died before.
    pub to: Option<Timestamp>,
}

impl DeadLetterState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Replayed, Self::Discarded];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl Resolution {
    /// Where a letter then stands.
    #[must_use]
    pub const fn state(&self) -> DeadLetterState {
        match self {
            Self::Replayed => DeadLetterState::Replayed,
            Self::Discarded(_) => DeadLetterState::Discarded,
        }
    }

    /// Why nobody needs the letter, if that is so.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Replayed => None,
            Self::Discarded(why) => Some(why),
        }
    }

    /// What became of a letter that stands there, with this note; an error if the two do not go together.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(state: DeadLetterState, note: Option<String>) -> Result<Option<Self>, String> {
        match (state, note) {
            (DeadLetterState::Open, None) => Ok(None),
            (DeadLetterState::Replayed, None) => Ok(Some(Self::Replayed)),
            (DeadLetterState::Discarded, Some(why)) => Ok(Some(Self::Discarded(why))),
            (state, Some(_)) => Err(format!("a letter that is {} has a note", state.as_str())),
            (state, None) => Err(format!("a letter that is {} has no note", state.as_str())),
        }
    }
}

impl DeadLetter {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> DeadLetterState {
        self.resolution.as_ref().map_or(DeadLetterState::Open, Resolution::state)
    }
}
