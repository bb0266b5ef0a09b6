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
    /// Stores an endpoint. Whether it did: one with this id stays as it is. An id is not used again after
    /// [`Endpoints::delete_endpoint`]: notifications to the one that had it may still be stored.
    ///
    /// # Errors
    /// The store cannot be written. So for all that change something.
    async fn create_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError>;

    /// Replaces the endpoint with this id, if its version is still that of the given one, and adds one to the version.
    /// Whether it did: one that somebody changed or deleted meanwhile stays so.
    ///
    /// # Errors
    /// As above.
    async fn change_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError>;

    /// Sends nothing to an endpoint any more, and adds one to its version, if it still has this URL. Whether it has.
    ///
    /// # Errors
    /// As above.
    async fn switch_off(&self, id: Uuid, url: &str) -> Result<bool, StoreError>;

    /// Forgets an endpoint. Whether there was one. From then on there are no notifications to it, whatever is read;
    /// their rows go with [`Endpoints::forget_notifications`], for they may be millions.
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
    /// bodies; of those that stand there, if that is asked.
    ///
    /// # Errors
    /// As above.
    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<NotificationStanding>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Forgets notifications that were stored before this, with their logs, wherever they stand: who was never reached
    /// in all that time is not told any more, and what waits for one that is off does not grow for ever. So are those
    /// whose endpoint is gone. How many: so many at most, and fewer where that is better for the store, but none only
    /// if none is left.
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
    /// Which one it is of all that were stored under its id: 1 when it is made.
    pub version: i64,
    /// What tells the request that made it from others.
    pub request: Vec<u8>,
    /// The idempotency key of the last change of its secret.
    pub rotated_by: Option<String>,
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

/// Where a notification stands, without the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationStanding {
    /// It is to be sent.
    Due,
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

impl NotificationStanding {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Due, Self::Delivered, Self::Failed];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == word)
    }
}

impl NotificationState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.standing().as_str()
    }

    /// The same without the time.
    #[must_use]
    pub const fn standing(self) -> NotificationStanding {
        match self {
            Self::Due(_) => NotificationStanding::Due,
            Self::Delivered => NotificationStanding::Delivered,
            Self::Failed => NotificationStanding::Failed,
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
        match (NotificationStanding::from_word(word)?, due_at) {
            (NotificationStanding::Due, Some(at)) => Some(Self::Due(at)),
            (NotificationStanding::Delivered, None) => Some(Self::Delivered),
            (NotificationStanding::Failed, None) => Some(Self::Failed),
            _ => None,
        }
    }
}
