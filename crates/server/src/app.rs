//! What every handler needs: the authorizer, the credentials, the limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bursar_authorizer::Authorizer;
use bursar_processors::inquiry::Inquire;
use bursar_processors::marqeta;
use bursar_store::{Inbox, Ledger, StoreError};
use secrecy::SecretString;

use crate::auth::ApiKey;
use crate::health::Probes;
use crate::quarantine::{Quarantine, QuarantineKey};
use crate::workers::consumer::Signals;
use crate::workers::sweeper;

/// The limits of the HTTP interface, and what the server does by itself.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The head of a request has to arrive within this time, from its first byte; so has the first
    /// request of a connection, from its accept. Otherwise the connection is closed.
    pub header_timeout: Duration,
    /// The body of a request has to arrive within this time. Otherwise: 408.
    pub body_timeout: Duration,
    /// The peer has to take something of an answer within this time. Otherwise the connection is
    /// closed.
    pub answer_timeout: Duration,
    /// Bytes in a body, at most. Otherwise: 413.
    pub body_max_bytes: usize,
    /// Open connections, at most. More are closed at once.
    pub connections_max: usize,
    /// How long a server that stops goes on serving while `/ready` already says no.
    pub drain: Duration,
    /// How long running requests may take to finish afterwards, and how long the store may.
    pub shutdown_grace: Duration,
    /// An authorization whose decision has not begun by then is answered 503, without one.
    pub jit_start: Duration,
    /// How holds are ended of which nothing more is heard.
    pub sweeper: sweeper::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            body_max_bytes: 256 * 1024,
            connections_max: 4096,
            drain: Duration::ZERO,
            shutdown_grace: Duration::from_secs(10),
            jit_start: Duration::from_millis(1200),
            sweeper: sweeper::Settings::default(),
        }
    }
}

/// Who may call.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The key of `/v1`: whoever has it is the operator.
    pub api_key: SecretString,
    /// What Marqeta sends with its just-in-time funding requests.
    pub marqeta: marqeta::Credentials,
    /// What seals notices that nobody can read.
    pub quarantine: QuarantineKey,
}

/// The state of the HTTP interface. Cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    authorizer: Authorizer,
    inbox: Arc<dyn Inbox>,
    processor: Option<Arc<dyn Inquire>>,
    quarantine: Quarantine,
    signals: Signals,
    settings: Settings,
    api_key: ApiKey,
    marqeta: marqeta::Credentials,
    probes: Probes,
    sweeper: Arc<sweeper::Figures>,
    began: Instant,
    stopping: AtomicBool,
}

impl App {
    /// Puts the parts together. Only a digest of the API key is kept.
    #[must_use]
    pub fn new(
        authorizer: Authorizer,
        inbox: Arc<dyn Inbox>,
        processor: Option<Arc<dyn Inquire>>,
        credentials: Credentials,
        settings: Settings,
    ) -> Self {
        let shared = Shared {
            authorizer,
            inbox,
            processor,
            quarantine: Quarantine::new(credentials.quarantine),
            signals: Signals::default(),
            settings,
            api_key: ApiKey::new(&credentials.api_key),
            marqeta: credentials.marqeta,
            probes: Probes::default(),
            sweeper: Arc::default(),
            began: Instant::now(),
            stopping: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The one door to the ledger's transactions.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.shared.authorizer
    }

    /// The limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        self.shared.authorizer.ledger().as_ref()
    }

    pub(crate) fn inbox(&self) -> &dyn Inbox {
        self.shared.inbox.as_ref()
    }

    /// The processor, if there is somebody to ask.
    pub(crate) fn processor(&self) -> Option<&dyn Inquire> {
        self.shared.processor.as_deref()
    }

    pub(crate) fn quarantine(&self) -> &Quarantine {
        &self.shared.quarantine
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.shared.signals
    }

    /// Waits until everything that processors reported is worked off, by this instance.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn drained(&self) -> Result<(), StoreError> {
        self.signals().drained(self.inbox()).await
    }

    pub(crate) fn api_key(&self) -> &ApiKey {
        &self.shared.api_key
    }

    /// What Marqeta sends.
    #[must_use]
    pub fn marqeta(&self) -> &marqeta::Credentials {
        &self.shared.marqeta
    }

    pub(crate) fn probes(&self) -> &Probes {
        &self.shared.probes
    }

    /// What the sweeper did.
    pub(crate) fn sweeper(&self) -> &Arc<sweeper::Figures> {
        &self.shared.sweeper
    }

    /// How long the process has been serving.
    pub(crate) fn uptime(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// From here on the server is not ready.
    pub(crate) fn begin_stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }
}
