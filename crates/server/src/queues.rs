//! How full the broker's queues are, and what this instance does with them, as `/v1/profile` and `/health` show it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_broker::{Broker, Keep, QueueFigures};
use bursar_cache::{Cache, Condition, KeyValueError};
use bursar_documents::{Figures, People};
use bursar_store::{Backlog, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::app::App;
use crate::latency::LatencyView;

/// Whoever asks within this time gets the last look: a broker that is ill is not asked more often for that.
const LOOK_KEPT: Duration = Duration::from_secs(1);

/// A look takes this long, at most.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// An event that waits for longer is not on its way.
const OLD: Duration = Duration::from_secs(60);

/// What the broker says of its queues, or why it says nothing.
type Looked = Result<Arc<[QueueFigures]>, Arc<str>>;

/// What the cache's server says of itself, if there is one.
type Probed = Option<Result<Condition, KeyValueError>>;

/// How many documents there are, or why they cannot be used.
type Counted = Result<Figures, Arc<str>>;

/// What was last seen. However many ask at once, one of them looks.
struct Look<T>(Mutex<Option<(Instant, Seen<T>)>>);

/// What a look saw, and how long it took.
#[derive(Clone)]
pub(crate) struct Seen<T> {
    pub(crate) value: T,
    pub(crate) took: Duration,
}

impl<T> Default for Look<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Look<T> {
    async fn at(&self, look: impl Future<Output = T>) -> Seen<T> {
        let mut last = self.0.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < LOOK_KEPT
        {
            return seen.clone();
        }
        let began = Instant::now();
        let seen = Seen { value: look.await, took: began.elapsed() };
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

/// The last looks at what may need somebody.
#[derive(Default)]
pub(crate) struct Looks {
    queues: Look<Looked>,
    dead_letters: Look<Option<u64>>,
    backlog: Look<Option<Backlog>>,
    cache: Look<Probed>,
    documents: Look<Counted>,
}

impl Looks {
    /// How full the queues are.
    pub(crate) async fn queues(&self, broker: &dyn Broker) -> Seen<Looked> {
        let look = async {
            match tokio::time::timeout(LOOK_MAX, broker.figures()).await {
                Ok(figures) => figures.map(Arc::from).map_err(|error| Arc::from(error.to_string())),
                Err(_) => Err(Arc::from("it does not say in time how full its queues are")),
            }
        };
        self.queues.at(look).await
    }

    /// How many dead letters are open; `None` if the store does not say in time.
    pub(crate) async fn dead_letters(&self, store: &dyn Store) -> Option<u64> {
        let look = tokio::time::timeout(LOOK_MAX, store.count_dead_letters());
        self.dead_letters.at(async { look.await.ok()?.ok() }).await.value
    }

    /// How many events wait; `None` if the store does not say in time.
    pub(crate) async fn backlog(&self, store: &dyn Store) -> Option<Backlog> {
        let look = tokio::time::timeout(LOOK_MAX, store.backlog());
        self.backlog.at(async { look.await.ok()?.ok() }).await.value
    }

    /// How the cache's server is; `None` if there is none.
    pub(crate) async fn cache(&self, cache: &Cache) -> Seen<Probed> {
        self.cache.at(cache.probe()).await
    }

    /// How many documents there are, if they can be read and written.
    pub(crate) async fn documents(&self, people: &People) -> Seen<Counted> {
        let look = async {
            match tokio::time::timeout(LOOK_MAX, people.figures()).await {
                Ok(figures) => figures.map_err(|error| Arc::from(error.to_string())),
                Err(_) => Err(Arc::from("they do not answer in time")),
            }
        };
        self.documents.at(look).await
    }
}

/// A queue, now, and what this instance's consumer did with it since its start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Its name.
    queue: &'static str,
    /// Messages that wait to be delivered.
    depth: u64,
    /// Messages that wait for a pause after a failure to end.
    paused: u64,
    /// Messages that were delivered to this instance and are not settled.
    unacked: u64,
    /// Consumers, of all instances.
    consumers: u64,
    /// Whether there should be one.
    #[serde(skip)]
    is_to_be_consumed: bool,
    /// Messages that have taken effect here.
    done: u64,
    /// Runs that failed here.
    failed: u64,
    /// Messages that this instance laid with the dead letters without another run.
    dead: u64,
    /// Messages that came again, for somebody had them before and did not settle them.
    redelivered: u64,
    /// How long the consumer here let decisions go first, in milliseconds.
    rested_ms: u64,
    /// From when a message was published until it had taken effect here.
    consume: LatencyView,
}

/// Events on their way to the broker.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelayView {
    /// Whether this instance publishes.
    is_on: bool,
    /// Events that are not published, whoever is to publish them.
    waiting: u64,
    /// How old the oldest of them is, in milliseconds; null if none waits.
    oldest_age_ms: Option<u64>,
    /// Events that this instance published since its start.
    published: u64,
    /// Batches that it published them in.
    batches: u64,
    /// How often it could not publish, because store or broker was away, or the broker refused.
    failures: u64,
    /// Why it could not when it last tried; null if it could.
    #[schema(value_type = Option<String>)]
    problem: Option<Arc<str>>,
    /// How long it let decisions go first, in milliseconds.
    rested_ms: u64,
    /// How long the broker took to confirm it.
    confirm: LatencyView,
    /// From an event's commit until that; from its decision, if this instance's relay had to look for it.
    publish: LatencyView,
    /// From its decision until that.
    age: LatencyView,
}

/// Every queue, or why the broker says nothing.
pub(crate) async fn queues(app: &App) -> Result<Vec<QueueView>, Arc<str>> {
    seen(app).await.value
}

/// The same, and how long it took to say so.
pub(crate) async fn seen(app: &App) -> Seen<Result<Vec<QueueView>, Arc<str>>> {
    let Seen { value, took } = app.looks().queues(app.broker().as_ref()).await;
    let views = |figures: Arc<[QueueFigures]>| figures.iter().map(|figures| view(app, figures)).collect();
    Seen { value: value.map(views), took }
}

fn view(app: &App, figures: &QueueFigures) -> QueueView {
    let &QueueFigures { queue, depth, paused, consumers, unsettled } = figures;
    let consumed = app.consumed().of(queue);
    QueueView {
        queue: queue.name(),
        depth,
        paused,
        unacked: unsettled,
        consumers,
        is_to_be_consumed: queue.keeps() == Keep::All,
        done: consumed.done_count(),
        failed: consumed.failed_count(),
        dead: consumed.dead_count(),
        redelivered: consumed.redelivered_count(),
        rested_ms: ms(consumed.rested_time()),
        consume: consumed.latency.view(),
    }
}

/// What keeps events from their consumers although the broker answers; `None` if nothing does.
pub(crate) async fn problem(app: &App, queues: &[QueueView]) -> Option<Arc<str>> {
    let Some(Backlog { events, oldest_at }) = app.looks().backlog(app.store().as_ref()).await else {
        return Some("the ledger does not say in time how many events wait to be published".into());
    };
    // What waits for its confirmation meanwhile is no problem of the relay yet.
    let blocked = || Some(format!("the broker takes no messages now: {}", app.broker().blocked()?).into());
    if let Some(why) = app.relay().problem().or_else(blocked).filter(|_| events > 0) {
        return Some(format!("{events} events wait to be published: {why}").into());
    }
    let age = oldest_at.map(age_ms).map(Duration::from_millis).unwrap_or_default();
    if age > OLD {
        let why = "no instance publishes, or none comes to it";
        return Some(
            format!("{events} events wait to be published, one for {} s: {why}", age.as_secs()).into(),
        );
    }
    let is_left = |view: &&QueueView| view.is_to_be_consumed && view.consumers == 0;
    let left: Vec<&str> = queues.iter().filter(is_left).map(|view| view.queue).collect();
    (!left.is_empty()).then(|| format!("nobody consumes {}", left.join(", ")).into())
}

/// The outbox and the relay.
pub(crate) async fn relay(app: &App) -> Result<RelayView, StoreError> {
    let Backlog { events, oldest_at } = app.store().backlog().await?;
    let relay = app.relay();
    Ok(RelayView {
        is_on: app.settings().roles.has(crate::roles::Role::Relay),
        waiting: events,
        oldest_age_ms: oldest_at.map(age_ms),
        published: relay.events(),
        batches: relay.batches(),
        failures: relay.failures(),
        problem: relay.problem(),
        rested_ms: ms(relay.rested_time()),
        confirm: relay.confirm.view(),
        publish: relay.publish.view(),
        age: relay.age.view(),
    })
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How old something of this time is; that of a clock which is ahead is new.
pub(crate) fn age_ms(at: Timestamp) -> u64 {
    u64::try_from(Timestamp::now().duration_since(at).as_millis()).unwrap_or(0)
}
