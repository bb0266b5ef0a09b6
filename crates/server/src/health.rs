//! Whether the process runs, whether it can decide, and what it depends on. No credentials.

mod services;

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

/// A probe is a durable write: whoever asks within this time gets the last one's result.
const PROBE_KEPT: Duration = Duration::from_millis(500);

/// How often the ledger is probed although nobody asks.
const WATCHED_EVERY: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(services::health))
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

#[derive(Clone)]
struct Probed {
    at: Instant,
    took: Duration,
    result: Result<(), Arc<str>>,
}

impl Probes {
    async fn probed(&self, authorizer: &Authorizer) -> Probed {
        let mut last = self.0.lock().await;
        if let Some(probed) = last.kept() {
            return probed.clone();
        }
        let began = Instant::now();
        let result = last.probe(authorizer).await;
        let probed = Probed { at: Instant::now(), took: began.elapsed(), result };
        last.told = Some(probed.clone());
        probed
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
    app.probes().probed(app.authorizer()).await.result
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
