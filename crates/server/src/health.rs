//! Whether the process runs, whether it can decide, and what it depends on. No credentials.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bursar_authorizer::Authorizer;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::pools::{self, PoolView};
use crate::queues::{self, QueueView};

/// A probe is a durable write: whoever asks within this time gets the last one's result.
const PROBE_KEPT: Duration = Duration::from_millis(500);

/// How often the ledger is probed although nobody asks.
const WATCHED_EVERY: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(health))
}

/// Probes of the ledger. However many ask at once, one of them probes.
#[derive(Default)]
pub(crate) struct Probes(Mutex<Last>);

#[derive(Default)]
struct Last {
    /// What the last one who asked was told.
    told: Option<Probed>,
    /// Whether the log says that it is not ready.
    is_unready: bool,
}

struct Probed {
    at: Instant,
    result: Result<(), Arc<str>>,
}

impl Probes {
    async fn ready(&self, authorizer: &Authorizer) -> Result<(), Arc<str>> {
        let mut last = self.0.lock().await;
        if let Some(probed) = last.kept() {
            return probed.result.clone();
        }
        let result = last.probe(authorizer).await;
        last.told = Some(Probed { at: Instant::now(), result: result.clone() });
        result
    }

    /// Nobody else is told the result: who asks wants to know how it is at that time.
    async fn look(&self, authorizer: &Authorizer) {
        let mut last = self.0.lock().await;
        if last.kept().is_none() {
            let _ = last.probe(authorizer).await;
        }
    }
}

impl Last {
    fn kept(&self) -> Option<&Probed> {
        self.told.as_ref().filter(|probed| probed.at.elapsed() < PROBE_KEPT)
    }

    /// Changes are logged, and not each result: while it is not ready each swipe has a line of its own.
    async fn probe(&mut self, authorizer: &Authorizer) -> Result<(), Arc<str>> {
        let result = authorizer.ready().await.map_err(|error| Arc::from(error.to_string()));
        match &result {
            Err(reason) if !self.is_unready => tracing::warn!("not ready, nothing is decided: {reason}"),
            Ok(()) if self.is_unready => tracing::info!("ready again"),
            _ => {}
        }
        self.is_unready = result.is_err();
        result
    }
}

/// Has the log say at the start, and soon after each change, whether the server can decide.
pub(crate) async fn watch(app: &App) -> Infallible {
    let mut ticks = tokio::time::interval(WATCHED_EVERY);
    loop {
        ticks.tick().await;
        app.probes().look(app.authorizer()).await;
    }
}

/// Whether a decision can be made durable now, or why not.
async fn readiness(app: &App) -> Result<(), Arc<str>> {
    if app.is_stopping() {
        return Err("the server is stopping".into());
    }
    app.probes().ready(app.authorizer()).await
}

/// That the process runs.
#[derive(Serialize, ToSchema)]
struct Live {
    /// `live`.
    status: &'static str,
}

/// Whether the server can decide.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
}

/// The server and what it depends on.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`; `degraded` while swipes are decided and something else needs somebody: the broker is away, events do not
    /// come to their consumers, or there are dead letters; `unavailable` when no decision can be made or the server is
    /// stopping.
    status: &'static str,
    /// The version of Bursar.
    version: &'static str,
    /// Seconds since the start.
    uptime_s: u64,
    /// What the server depends on.
    dependencies: Dependencies,
}

/// What the server depends on.
#[derive(Serialize, ToSchema)]
struct Dependencies {
    /// Where the money is kept. Without it there are no decisions.
    ledger: LedgerHealth,
    /// What carries messages. Without it decisions are made all the same, and events wait.
    message_queue: QueueHealth,
}

/// The state of the broker.
#[derive(Serialize, ToSchema)]
struct QueueHealth {
    /// `ok`; `degraded` if it answers and events do not come to their consumers; `unavailable` if it does not answer.
    status: &'static str,
    /// Why it is not `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    /// Its queues; empty while it says nothing.
    queues: Vec<QueueView>,
    /// Dead letters that somebody has to look at; null while the ledger cannot be read.
    dead_letters: Option<u64>,
}

/// The state of the ledger.
#[derive(Serialize, ToSchema)]
struct LedgerHealth {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// Why it is unavailable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    /// Connections to its server; empty if it is the embedded one.
    pools: Vec<PoolView>,
}

/// The process runs.
#[utoipa::path(get, path = "/live", tag = "health", responses((status = 200, body = Live, description = "It runs")))]
async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Whether a decision can be made durable now: route swipes here only if so.
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, body = Readiness, description = "It can decide"),
    (status = 503, body = Readiness, description = "It cannot; the reason is there"),
))]
async fn ready(State(app): State<App>) -> Response {
    let (code, status, reason) = match readiness(&app).await {
        Ok(()) => (StatusCode::OK, "ready", None),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(reason)),
    };
    (code, Json(Readiness { status, reason })).into_response()
}

/// The server and its dependencies. Always 200: read `status`.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health, description = "How it is")))]
async fn health(State(app): State<App>) -> Json<Health> {
    let reason = app.probes().ready(app.authorizer()).await.err();
    let word = |is_ok: bool| if is_ok { "ok" } else { "unavailable" };
    let pools = pools::views(app.ledger());
    let ledger = LedgerHealth { status: word(reason.is_none()), reason, pools };
    let message_queue = message_queue(&app).await;
    let can_decide = ledger.reason.is_none() && !app.is_stopping();
    let needs_somebody = message_queue.reason.is_some() || message_queue.dead_letters != Some(0);
    Json(Health {
        status: if can_decide && needs_somebody { "degraded" } else { word(can_decide) },
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: app.uptime().as_secs(),
        dependencies: Dependencies { ledger, message_queue },
    })
}

async fn message_queue(app: &App) -> QueueHealth {
    let dead_letters = app.looks().dead_letters(app.store().as_ref());
    let (dead_letters, queues) = tokio::join!(dead_letters, queues::queues(app));
    let (status, reason, queues) = match queues {
        Err(why) => ("unavailable", Some(why), Vec::new()),
        Ok(queues) => match queues::problem(app, &queues).await {
            Some(why) => ("degraded", Some(why), queues),
            None => ("ok", None, queues),
        },
    };
    QueueHealth { status, reason, queues, dead_letters }
}
