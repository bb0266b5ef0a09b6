//! Endpoints: URLs of a program's own systems that are told of events, and what is to be sent to them.

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::reader::Page;

/// Keeps endpoints, and the notifications that go to them. Times are of the store's clock.
#[async_trait]
pub trait Endpoints: Send + Sync + 'static {
    /// Stores an endpoint; one with this id is replaced.
    ///
    /// # Errors
    /// The store cannot be written. So for all that change something.
    async fn put_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError>;

    /// Forgets an endpoint, with all notifications to it. Whether there was one.
    ///
    /// # Errors
    /// As above.
    async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError>;

    /// An endpoint.
    ///
    /// # Errors
    /// The store cannot be read. So for all that only read.
    async fn find_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError>;

    /// Endpoints, by their ids; of this program, if one is named.
    ///
    /// # Errors
    /// As above.
    async fn list_endpoints(
        &self,
        program: Option<ProgramId>,
        page: Page<Uuid>,
    ) -> Result<Vec<Endpoint>, StoreError>;

    /// Stores notifications, due at once, all in one durable transaction. One of an endpoint and event that is stored
    /// already, or of an endpoint that is not, is passed over.
    ///
    /// # Errors
    /// As above.
    async fn notify(&self, notifications: Vec<NewNotification>) -> Result<(), StoreError>;

    /// Notifications that are due, those longest due first, of endpoints that are on and not among the busy ones. Until
    /// the lease ends nobody else gets them.
    ///
    /// # Errors
    /// As above.
    async fn take_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError>;

    /// Stores what came of a notification that was taken, and where it then stands. An attempt with an error counts as
    /// a failure. Nothing happens, to the log neither, if the lease has ended and another has it.
    ///
    /// # Errors
    /// As above.
    async fn attempted(
        &self,
        notification: &Notification,
        attempt: Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError>;

    /// Has a notification sent again, as if it were new; what was tried before stays in the log. Whether there is one.
    /// Whoever has it just now has lost the lease.
    ///
    /// # Errors
    /// As above.
    async fn resend(&self, id: Uuid) -> Result<bool, StoreError>;

    /// A notification with its log, oldest attempt first.
    ///
    /// # Errors
    /// As above.
    async fn find_notification(&self, id: Uuid) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError>;

    /// Notifications to an endpoint, newest first by their ids (`after` is the last of the page before), without their
    /// bodies; in the state with this word ([`NotificationState::as_str`]), if one is named.
    ///
    /// # Errors
    /// As above.
    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<&str>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Forgets notifications that were delivered or given up and were stored before this, so many at most, with their
    /// log.
    /// How many there were.
    ///
    /// # Errors
    /// As above.
    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// How many notifications wait to be sent to endpoints that are on, and when the first of them is due: a time to
    /// come, if all of them are leased or tried again later.
    ///
    /// # Errors
    /// As above.
    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
}

/// A URL that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id. Later ones sort later.
    pub id: Uuid,
    /// Whose events.
    pub program: ProgramId,
    /// Where they are sent.
    pub url: String,
    /// Which: patterns of types, as of a topic exchange; none has a space in it.
    pub events: Vec<String>,
    /// What signs them, sealed.
    pub secret: Vec<u8>,
    /// What signed them before, sealed, and until when it signs beside the other.
    pub secret_before: Option<(Vec<u8>, Timestamp)>,
    /// Whether anything is sent.
    pub is_on: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An event to send to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Its id. Later ones sort later.
    pub id: Uuid,
    /// Where it goes.
    pub endpoint: Uuid,
    /// The event.
    pub event: Uuid,
    /// What it is about: `card.issued`.
    pub kind: String,
    /// JSON, as it is sent.
    pub body: Vec<u8>,
}

/// A notification as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What it is.
    pub notification: NewNotification,
    /// How often it was tried in vain since it was new or sent again.
    pub failures: u32,
    /// Where it stands.
    pub state: NotificationState,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationState {
    /// It is sent then; of one that was taken, when the lease ends.
    Due(Timestamp),
    /// The endpoint has it.
    Delivered,
    /// It failed too often, or need not be tried again.
    Failed,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl NotificationState {
    /// Every state's word.
    pub const WORDS: [&'static str; 3] = ["due", "delivered", "failed"];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due(_) => "due",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// When it is due, if it is.
    #[must_use]
    pub const fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::Due(at) => Some(at),
            Self::Delivered | Self::Failed => None,
        }
    }

    /// The state with this word, due at this time.
    #[must_use]
    pub fn from_word(word: &str, due_at: Option<Timestamp>) -> Option<Self> {
        match (word, due_at) {
            ("due", Some(at)) => Some(Self::Due(at)),
            ("delivered", None) => Some(Self::Delivered),
            ("failed", None) => Some(Self::Failed),
            _ => None,
        }
    }
}
