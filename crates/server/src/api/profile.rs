//! The profiler's figures: `/v1/profile`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bursar_authorizer::{StageProfile, WindowProfile};
use bursar_cache::{Figures, Live};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::pools::{self, PoolView};
use crate::problem::Problem;
use crate::queues::{self, QueueView, RelayView, age_ms};
use crate::shown::{self, ShownView};

/// How long authorizations take and how they end.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProfileView {
    /// The last minute, five minutes and hour, and since the start.
    #[schema(value_type = Vec<WindowView>)]
    windows: Vec<WindowProfile>,
    /// Decisions of all instances that share a Redis, of this one without; up to a fifth of a second old.
    #[schema(value_type = LiveView)]
    live: Live,
    /// Hold groups that hold something now.
    open_holds: i64,
    /// Connections to the ledger's server; empty if the ledger is the embedded one.
    pools: Vec<PoolView>,
    /// How often what was looked for was cached, on this instance since its start.
    #[schema(value_type = CacheView)]
    cache: Figures,
    /// Holds that are ended because nothing more was heard of them.
    sweeper: SweeperView,
    /// Who can be asked about transactions; null if nobody is set.
    processor: Option<ProcessorView>,
    /// Events on their way to the broker.
    relay: RelayView,
    /// The broker's queues; null while it says nothing.
    queues: Option<Vec<QueueView>>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    queues_problem: Option<Arc<str>>,
    /// Dead letters that somebody has to look at.
    dead_letters: u64,
    /// What is to be sent to endpoints.
    notifications: NotificationsView,
    /// What persons see of cards, wallets and purchases, and the documents that have it.
    shown: ShownView,
}

/// What is to be sent to endpoints.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationsView {
    /// Those that wait, or are sent again later.
    waiting: u64,
    /// For how long the oldest of them has been due, in milliseconds; null if none is.
    oldest_due_ms: Option<u64>,
}

/// The processor's API, as this instance sees it.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessorView {
    /// Whether it is asked now: not for half a minute after it failed a few times in a row.
    is_asked: bool,
}

/// What the sweeper of this instance did since its start.
#[derive(Debug, Serialize, ToSchema)]
struct SweeperView {
    /// Whether it runs here.
    is_on: bool,
    /// Null before the first run.
    #[schema(value_type = Option<schema::Time>)]
    last_run_at: Option<Timestamp>,
    /// Why that did not get to its end; the next one goes on.
    last_run_error: Option<String>,
    /// Holds that it ended.
    expired: u64,
    /// Holds that the processor has not confirmed; it listed them and left them.
    unconfirmed: u64,
    /// Holds that it asked the processor about, and got an answer.
    asked: u64,
    /// Holds that it could not look at in the last run.
    left: usize,
}

impl SweeperView {
    fn of(app: &App) -> Self {
        let figures = app.sweeper();
        let last_run = figures.last_run();
        Self {
            is_on: app.settings().sweeper.is_on,
            last_run_at: last_run.as_ref().map(|run| run.at),
            last_run_error: last_run.and_then(|run| run.error),
            expired: figures.expired(),
            unconfirmed: figures.unconfirmed(),
            asked: figures.asked(),
            left: figures.left(),
        }
    }
}

/// Decisions by the minute, as the cache counts them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `Live`, whose crate knows nothing of the API")]
struct LiveView {
    /// In this minute so far.
    this_minute: CountView,
    /// In the minute before.
    last_minute: CountView,
}

/// Authorizations and increments that were decided.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `Count`, whose crate knows nothing of the API")]
struct CountView {
    approved: u64,
    declined: u64,
}

/// Look-ups of the cache, as it writes them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `Figures`, whose crate knows nothing of the API")]
struct CacheView {
    /// In memory.
    memory: LevelView,
    /// In Redis, of what was not in memory; null without it.
    shared: Option<LevelView>,
    /// By what was looked for.
    kinds: Vec<KindView>,
}

/// Look-ups of a level.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `LevelFigures`, whose crate knows nothing of the API")]
struct LevelView {
    /// Those that found what they looked for.
    hits: u64,
    /// Those that did not.
    misses: u64,
    /// Hits of all, 0 to 1; null before the first.
    hit_rate: Option<f64>,
}

/// Look-ups of a kind.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `KindFigures`, whose crate knows nothing of the API")]
struct KindView {
    /// `card` and `user` are a processor's tokens; `cardholder`, `limits` and `transaction` are answers of this API.
    kind: String,
    memory: LevelView,
    shared: LevelView,
}

/// The figures of one window, as the profiler writes them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `WindowProfile`, whose crate knows nothing of the API")]
struct WindowView {
    /// `1m`, `5m`, `1h` or `all`.
    window: String,
    /// Authorizations, however they ended.
    count: u64,
    approved: u64,
    declined: u64,
    /// Answered again as before.
    repeated: u64,
    /// Refused since the token was used for other content.
    conflicts: u64,
    /// Answered without a decision.
    unavailable: u64,
    /// Approved of all decided, 0 to 1; null before the first decision.
    approval_rate: Option<f64>,
    per_second: f64,
    /// Declines by reason.
    decline_reasons: BTreeMap<String, u64>,
    /// Slower than the warning threshold.
    over_warning: u64,
    /// Slower than the critical threshold.
    over_critical: u64,
    /// One row a stage; the last is `total`.
    #[schema(value_type = Vec<StageView>)]
    stages: Vec<StageProfile>,
}

/// How long one stage took, in microseconds.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `StageProfile`, whose crate knows nothing of the API")]
struct StageView {
    /// The stage, or `total`.
    stage: String,
    count: u64,
    average_us: u64,
    min_us: u64,
    max_us: u64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
}

/// The profiler's figures.
#[utoipa::path(get, path = "/v1/profile", tag = "profile",
    responses((status = 200, body = ProfileView, description = "The figures now")))]
pub(super) async fn read_profile(State(app): State<App>, _: Operator) -> Result<Json<ProfileView>, Problem> {
    let totals = app.ledger().totals().await?;
    let (waiting, due_at) = app.store().count_notifications().await?;
    let (queues, queues_problem) = match queues::queues(&app).await {
        Ok(queues) => (Some(queues), None),
        Err(why) => (None, Some(why)),
    };
    Ok(Json(ProfileView {
        windows: app.authorizer().profiler().profile().windows,
        live: app.cache().live(Timestamp::now()),
        open_holds: totals.open_holds,
        pools: pools::views(app.ledger()),
        cache: app.cache().figures(),
        sweeper: SweeperView::of(&app),
        processor: app.processor().map(|processor| ProcessorView { is_asked: processor.is_asked() }),
        relay: queues::relay(&app).await?,
        queues,
        queues_problem,
        dead_letters: app.store().count_dead_letters().await?,
        notifications: NotificationsView { waiting, oldest_due_ms: due_at.map(age_ms) },
        shown: shown::view(&app).await,
    }))
}
