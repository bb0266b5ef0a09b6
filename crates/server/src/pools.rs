//! The ledger's pools of connections, as `/v1/profile` and `/health` show them.

use bursar_store::{Ledger, PoolUse};
use serde::Serialize;
use utoipa::ToSchema;

/// A pool of connections to the ledger's server, now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolView {
    /// What the connections are for: `reads`, `lookups` (the tokens of swipes) or `lanes` (transactions).
    pool: &'static str,
    /// Connections, at most.
    max: usize,
    /// Open connections.
    total: usize,
    /// Those of them that nobody uses.
    idle: usize,
    /// Who waits for one.
    waiting: usize,
    /// In use of the most that may be open, 0 to 1; 0.6 to 0.8 at the busiest time is what a pool is sized for.
    utilisation: f64,
}

impl From<PoolUse> for PoolView {
    fn from(of: PoolUse) -> Self {
        let PoolUse { pool, max, total, idle, waiting } = of;
        Self { pool, max, total, idle, waiting, utilisation: of.utilisation() }
    }
}

/// None if the ledger is the embedded one.
pub(crate) fn views(ledger: &dyn Ledger) -> Vec<PoolView> {
    ledger.pools().into_iter().map(PoolView::from).collect()
}
