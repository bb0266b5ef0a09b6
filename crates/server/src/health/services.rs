//! The services that the server depends on, each under the same name whether it is a server or an embedded part.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bursar_cache::Condition;
use bursar_documents::Figures;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::schema;
use crate::app::App;
use crate::pools::{self, PoolView};
use crate::queues::{self, QueueView, Seen};
use crate::shown::ConnectionsView;

/// The server and what it depends on.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Of the server. `unhealthy`: no decision can be made, or it is stopping. `degraded`: swipes are decided, and
    /// something else needs somebody: one of the services is not `healthy`, or there are dead letters.
    status: Status,
    #[schema(value_type = schema::Time)]
    timestamp: Timestamp,
    /// The version of Bursar.
    version: &'static str,
    /// Seconds since the start.
    uptime_s: u64,
    /// Each of them in a word.
    services: Services,
    /// The same, with what there is to say.
    details: Details,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// All is well.
    Healthy,
    /// It works, and somebody has to look at it.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// Each service in a word. An embedded part answers under the name of the service that it stands in for.
#[derive(Serialize, ToSchema)]
struct Services {
    /// The ledger. Without it there are no decisions.
    postgres: Status,
    /// The cache. Without it decisions are the same, and lookups ask the ledger.
    redis: Status,
    /// Personal documents. Without them decisions are the same, and what happened is shown afterwards.
    mongodb: Status,
    /// What carries messages. Without it decisions are the same, and events wait.
    #[serde(rename = "messageQueue")]
    message_queue: Status,
}

/// What there is to say of each.
#[derive(Serialize, ToSchema)]
struct Details {
    postgres: LedgerHealth,
    redis: CacheHealth,
    mongodb: DocumentsHealth,
    #[serde(rename = "messageQueue")]
    message_queue: QueueHealth,
}

/// The state of the ledger.
#[derive(Serialize, ToSchema)]
struct LedgerHealth {
    status: Status,
    /// `postgresql`, or `sqlite` in the data folder.
    engine: &'static str,
    /// Why it is unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    /// How long the last durable write took, which is the check, in milliseconds.
    latency_ms: u64,
    /// Connections to its server; empty if it is the embedded one.
    pools: Vec<PoolView>,
}

/// The state of the cache.
#[derive(Serialize, ToSchema)]
struct CacheHealth {
    status: Status,
    /// `redis`, or `memory` of this process.
    engine: &'static str,
    /// Why it is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How long the last check took, in milliseconds.
    latency_ms: u64,
    /// In the server's own figures; null while it says nothing.
    #[schema(value_type = Option<ConditionView>)]
    condition: Option<Condition>,
}

/// How Redis is, in its own figures; null where it has none.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `Condition`, whose crate knows nothing of the API")]
struct ConditionView {
    /// Bytes of memory that it uses.
    memory_bytes: Option<u64>,
    /// Bytes that it may use; null if there is no limit.
    memory_max_bytes: Option<u64>,
    /// Values that it keeps.
    keys: Option<u64>,
    /// Values that it let go because its memory was full.
    evicted: Option<u64>,
    /// Clients that are connected to it.
    clients: Option<u64>,
    /// Look-ups that found a value, of all its clients, since it started.
    hits: Option<u64>,
    /// Those that found none.
    misses: Option<u64>,
}

/// The state of personal documents.
#[derive(Serialize, ToSchema)]
struct DocumentsHealth {
    status: Status,
    /// `mongodb`, or `sqlite` in the data folder.
    engine: &'static str,
    /// Why it is unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    /// How long the last check took, in milliseconds.
    latency_ms: u64,
    /// Those of this instance; null if it is the embedded one, or says nothing.
    connections: Option<ConnectionsView>,
    /// Persons that have documents, and what is left of erased ones; null while it says nothing. So for those that
    /// follow.
    persons: Option<u64>,
    /// Cards that persons see.
    cards: Option<u64>,
    /// Wallets that persons see.
    wallets: Option<u64>,
    /// Purchases that persons see.
    history: Option<u64>,
}

/// The state of the broker.
#[derive(Serialize, ToSchema)]
struct QueueHealth {
    /// `degraded` if it answers and events do not come to their consumers.
    status: Status,
    /// `rabbitmq`, or `sqlite` in the data folder.
    engine: &'static str,
    /// Why it is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    /// How long the last check took, in milliseconds.
    latency_ms: u64,
    /// Its queues; empty while it says nothing.
    queues: Vec<QueueView>,
    /// Dead letters that somebody has to look at; null while the ledger cannot be read.
    dead_letters: Option<u64>,
}

/// The server and the services it depends on. Always 200, within 2 s: read `status`. Each service is asked once a second at
/// most, however many ask here.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health, description = "How it is")))]
pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    let (postgres, redis, mongodb, message_queue) =
        tokio::join!(ledger(&app), cache(&app), documents(&app), message_queue(&app));
    let services = Services {
        postgres: postgres.status,
        redis: redis.status,
        mongodb: mongodb.status,
        message_queue: message_queue.status,
    };
    let can_decide = postgres.status == Status::Healthy && !app.is_stopping();
    let others = [services.redis, services.mongodb, services.message_queue];
    let needs_somebody =
        others.iter().any(|status| *status != Status::Healthy) || message_queue.dead_letters != Some(0);
    Json(Health {
        status: match (can_decide, needs_somebody) {
            (false, _) => Status::Unhealthy,
            (true, true) => Status::Degraded,
            (true, false) => Status::Healthy,
        },
        timestamp: Timestamp::now(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: app.uptime().as_secs(),
        services,
        details: Details { postgres, redis, mongodb, message_queue },
    })
}

async fn ledger(app: &App) -> LedgerHealth {
    let probed = app.probes().probed(app.authorizer()).await;
    LedgerHealth {
        status: if probed.result.is_ok() { Status::Healthy } else { Status::Unhealthy },
        engine: app.settings().engines.ledger,
        reason: probed.result.err(),
        latency_ms: ms(probed.took),
        pools: pools::views(app.ledger()),
    }
}

async fn cache(app: &App) -> CacheHealth {
    let Seen { value, took } = app.looks().cache(app.cache()).await;
    let trouble = app.cache().trouble().map(|why| why.to_string());
    let (status, condition, reason) = match value {
        None => (Status::Healthy, None, None),
        Some(Ok(condition)) if trouble.is_some() => (Status::Degraded, Some(condition), trouble),
        Some(Ok(condition)) if app.cache().hears() => (Status::Healthy, Some(condition), None),
        Some(Ok(condition)) => {
            let why =
                "what other instances change is not heard, so nothing that may change is taken from memory";
            (Status::Degraded, Some(condition), Some(why.to_owned()))
        }
        Some(Err(error)) => (Status::Unhealthy, None, Some(error.to_string())),
    };
    CacheHealth { status, engine: app.settings().engines.cache, reason, latency_ms: ms(took), condition }
}

async fn documents(app: &App) -> DocumentsHealth {
    let Seen { value, took } = app.looks().documents(app.people()).await;
    let (engine, latency_ms) = (app.settings().engines.documents, ms(took));
    let (status, reason, figures) = match value {
        Ok(figures) => (Status::Healthy, None, Some(figures)),
        Err(why) => (Status::Unhealthy, Some(why), None),
    };
    let connections = figures.and_then(|figures| figures.connections);
    let count = |of: fn(&Figures) -> u64| figures.as_ref().map(of);
    DocumentsHealth {
        status,
        engine,
        reason,
        latency_ms,
        connections: connections.map(ConnectionsView::from),
        persons: count(|figures| figures.persons),
        cards: count(|figures| figures.cards),
        wallets: count(|figures| figures.wallets),
        history: count(|figures| figures.history),
    }
}

async fn message_queue(app: &App) -> QueueHealth {
    let dead_letters = app.looks().dead_letters(app.store().as_ref());
    // What tells whether there is a problem is looked at meanwhile, and kept.
    let (dead_letters, seen, _) =
        tokio::join!(dead_letters, queues::seen(app), app.looks().backlog(app.store().as_ref()));
    let (status, reason, queues) = match seen.value {
        Err(why) => (Status::Unhealthy, Some(why), Vec::new()),
        Ok(queues) => match queues::problem(app, &queues).await {
            Some(why) => (Status::Degraded, Some(why), queues),
            None => (Status::Healthy, None, queues),
        },
    };
    let (engine, latency_ms) = (app.settings().engines.broker, ms(seen.took));
    QueueHealth { status, engine, reason, latency_ms, queues, dead_letters }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
