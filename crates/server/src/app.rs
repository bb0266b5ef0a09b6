//! What every handler needs: the authorizer, the credentials, the limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::Authorizer;
use bursar_broker::Broker;
use bursar_cache::Cache;
use bursar_documents::People;
use bursar_processors::inquiry::Inquire;
use bursar_processors::marqeta;
use bursar_store::{Inbox, Ledger, Store, StoreError};
use secrecy::SecretString;
use tokio::sync::{Semaphore, watch};

use crate::auth::ApiKey;
use crate::health::Probes;
use crate::queues::Looks;
use crate::roles::Roles;
use crate::seal::{QuarantineKey, Seal};
use crate::shown::Shown;
use crate::workers::consumer::Signals;
use crate::workers::courtesy::Courtesy;
use crate::workers::known::Known;
use crate::workers::notifier::Due;
use crate::workers::webhooks::Words;
use crate::workers::{queue, relay, sender, sweeper};

/// Which engine does each part of the work, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engines {
    /// Keeps the ledger.
    pub ledger: &'static str,
    /// Carries messages.
    pub broker: &'static str,
    /// Keeps what instances share of the cache.
    pub cache: &'static str,
    /// Keeps personal documents.
    pub documents: &'static str,
}

impl Default for Engines {
    /// The embedded ones.
    fn default() -> Self {
        Self { ledger: "sqlite", broker: "sqlite", cache: "memory", documents: "sqlite" }
    }
}

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
    /// Requests to `/v1` in a second, at most, of all instances that share the cache as far as they have told; more are 429.
    pub api_rate_max: Option<u64>,
    /// How long a server that stops goes on serving while `/ready` already says no.
    pub drain: Duration,
    /// How long connections that were there may stay afterwards, each for one more request, while no new one is accepted.
    pub linger: Duration,
    /// How long running requests may take to finish afterwards, and how long the store may.
    pub shutdown_grace: Duration,
    /// An authorization whose decision has not begun by then is answered 503, without one.
    pub jit_start: Duration,
    /// What this instance does of all that there is to do.
    pub roles: Roles,
    /// How holds are ended of which nothing more is heard.
    pub sweeper: sweeper::Settings,
    /// How events are published.
    pub relay: relay::Settings,
    /// How endpoints are told of events.
    pub sender: sender::Settings,
    /// Who does the work.
    pub engines: Engines,
    /// How often the inbox is looked into without a word that something came: what is to be tried again, and what
    /// nobody could tell of while the broker was away.
    pub inbox_poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            body_max_bytes: 256 * 1024,
            connections_max: 4096,
            api_rate_max: None,
            drain: Duration::ZERO,
            linger: Duration::ZERO,
            shutdown_grace: Duration::from_secs(10),
            jit_start: Duration::from_millis(1200),
            roles: Roles::ALL,
            sweeper: sweeper::Settings::default(),
            relay: relay::Settings::default(),
            sender: sender::Settings::default(),
            engines: Engines::default(),
            inbox_poll: Duration::from_secs(1),
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

/// What a server is put together of.
pub struct Parts {
    /// Decides, and has the ledger.
    pub authorizer: Authorizer,
    /// The store of that ledger.
    pub store: Arc<dyn Store>,
    /// Carries messages.
    pub broker: Arc<dyn Broker>,
    /// Persons and their documents. No decision asks them.
    pub people: Arc<People>,
    /// The processor, if there is somebody to ask.
    pub processor: Option<Arc<dyn Inquire>>,
}

/// Look-ups for what processors reported at once: a part of the connections that swipes look up with.
const REPORT_LOOKUPS: usize = 2;

/// The state of the HTTP interface. Cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    seal: Seal,
    signals: Signals,
    words: Words,
    due: Due,
    settings: Settings,
    api_key: ApiKey,
    marqeta: marqeta::Credentials,
    probes: Probes,
    looks: Looks,
    known: Known,
    shown: Shown,
    sweeper: Arc<sweeper::Figures>,
    relay: Arc<relay::Figures>,
    consumed: Arc<queue::Figures>,
    began: Instant,
    /// Look-ups for reports at once.
    report_lookups: Semaphore,
    stopping: watch::Sender<bool>,
}

impl App {
    /// Puts the parts together. Only a digest of the API key is kept.
    #[must_use]
    pub fn new(parts: Parts, credentials: Credentials, settings: Settings) -> Self {
        let shown = Shown::default();
        let operations = shown.operations();
        parts.people.documents().measure(Arc::new(move |took| operations.record(took, 1)));
        let shared = Shared {
            parts,
            seal: Seal::new(credentials.quarantine),
            signals: Signals::default(),
            words: Words::default(),
            due: Due::default(),
            settings,
            api_key: ApiKey::new(&credentials.api_key),
            marqeta: credentials.marqeta,
            probes: Probes::default(),
            looks: Looks::default(),
            known: Known::default(),
            shown,
            sweeper: Arc::default(),
            relay: Arc::default(),
            consumed: Arc::default(),
            began: Instant::now(),
            report_lookups: Semaphore::new(REPORT_LOOKUPS),
            stopping: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The one door to the ledger's transactions.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.shared.parts.authorizer
    }

    /// How what works with events steps back before decisions.
    pub(crate) fn courtesy(&self) -> Courtesy {
        Courtesy::towards(self.authorizer().is_pressed())
    }

    /// The limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// What is cached of the ledger.
    pub(crate) fn cache(&self) -> &Cache {
        self.authorizer().cache()
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        self.shared.parts.authorizer.ledger().as_ref()
    }

    /// All that is stored.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.shared.parts.store
    }

    pub(crate) fn inbox(&self) -> &dyn Inbox {
        self.shared.parts.store.as_ref()
    }

    /// What carries messages.
    pub(crate) fn broker(&self) -> &Arc<dyn Broker> {
        &self.shared.parts.broker
    }

    /// Persons and their documents.
    pub(crate) fn people(&self) -> &Arc<People> {
        &self.shared.parts.people
    }

    /// The processor, if there is somebody to ask.
    pub(crate) fn processor(&self) -> Option<&dyn Inquire> {
        self.shared.parts.processor.as_deref()
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.shared.seal
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.shared.signals
    }

    /// Items of the inbox of which workers are to be told.
    pub(crate) fn words(&self) -> &Words {
        &self.shared.words
    }

    /// What is to be sent to endpoints.
    pub(crate) fn due(&self) -> &Due {
        &self.shared.due
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

    /// What the relay did.
    pub fn relay(&self) -> &Arc<relay::Figures> {
        &self.shared.relay
    }

    /// What the consumers did.
    pub fn consumed(&self) -> &Arc<queue::Figures> {
        &self.shared.consumed
    }

    /// How full the queues are.
    pub(crate) fn looks(&self) -> &Looks {
        &self.shared.looks
    }

    /// What consumers remember of owners and cards.
    pub(crate) fn known(&self) -> &Known {
        &self.shared.known
    }

    /// What persons were shown.
    pub(crate) fn shown(&self) -> &Shown {
        &self.shared.shown
    }

    /// How long the process has been serving.
    pub(crate) fn uptime(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// From here on the server is not ready.
    pub(crate) fn begin_stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.shared.stopping.borrow()
    }

    pub(crate) fn report_lookups(&self) -> &Semaphore {
        &self.shared.report_lookups
    }

    /// Done when the server stops.
    pub(crate) async fn until_stopping(&self) {
        let mut stopping = self.shared.stopping.subscribe();
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}
