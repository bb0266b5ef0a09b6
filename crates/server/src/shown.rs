//! How far behind the ledger persons are shown what happens, and how documents answer, as `/v1/profile` and `/health` show
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bursar_documents::Connections;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::latency::{Latency, LatencyView};

/// What this instance showed persons since its start.
#[derive(Default)]
pub(crate) struct Shown {
    lag: Latency,
    operations: Arc<Latency>,
    made: AtomicU64,
    unchanged: AtomicU64,
    waited: AtomicU64,
}

/// What persons see of cards, wallets and purchases.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownView {
    /// From a decision until its person was shown it, by this instance; also where that was told again.
    lag: LatencyView,
    /// States of cards, wallets and purchases that this instance made or replaced.
    made: u64,
    /// Those that were there already, or newer, or of somebody without documents.
    unchanged: u64,
    /// Batches of events that documents could not take yet.
    waited: u64,
    /// How long documents took for what this instance asked, also where they failed.
    operations: LatencyView,
    /// Connections to MongoDB; null if documents are embedded, or say nothing.
    connections: Option<ConnectionsView>,
}

/// Connections of this instance to MongoDB.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionsView {
    /// Somebody uses them.
    in_use: u64,
    /// They wait.
    idle: u64,
    /// Who waits for one.
    waiting: u64,
    /// Connections, at most.
    max: u64,
}

impl From<Connections> for ConnectionsView {
    fn from(of: Connections) -> Self {
        let Connections { in_use, idle, waiting, max } = of;
        Self { in_use, idle, waiting, max }
    }
}

impl Shown {
    /// Who is told how long documents take.
    pub(crate) fn operations(&self) -> Arc<Latency> {
        self.operations.clone()
    }

    /// Of so many states that were to be kept, so many took effect.
    pub(crate) fn kept(&self, all: usize, made: u64) {
        self.made.fetch_add(made, Ordering::Relaxed);
        self.unchanged.fetch_add((all as u64).saturating_sub(made), Ordering::Relaxed);
    }

    /// What was decided then is shown now. A clock that is ahead makes no lag.
    pub(crate) fn now(&self, decided_at: Timestamp) {
        let lag = Timestamp::now().duration_since(decided_at);
        self.lag.record(Duration::try_from(lag).unwrap_or_default(), 1);
    }

    /// Documents were away.
    pub(crate) fn wait(&self) {
        self.waited.fetch_add(1, Ordering::Relaxed);
    }
}

/// The figures now.
pub(crate) async fn view(app: &App) -> ShownView {
    let (shown, documents) = (app.shown(), app.looks().documents(app.people()).await.value);
    ShownView {
        lag: shown.lag.view(),
        made: shown.made.load(Ordering::Relaxed),
        unchanged: shown.unchanged.load(Ordering::Relaxed),
        waited: shown.waited.load(Ordering::Relaxed),
        operations: shown.operations.view(),
        connections: documents.ok().and_then(|figures| figures.connections).map(ConnectionsView::from),
    }
}
