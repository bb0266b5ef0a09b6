//! What a relay asks of the store beside its publishing: no event waits for that.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::task::JoinHandle;

/// One at a time.
pub(super) struct Errand<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Errand<T> {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.0.is_some()
    }

    /// None may be under way.
    pub(super) fn begin(&mut self, errand: impl Future<Output = T> + Send + 'static) {
        debug_assert!(self.0.is_none(), "it would go on, and nobody would hear of it");
        self.0 = Some(tokio::spawn(errand));
    }

    /// What came of it; waits for ever where none is under way. Who waits no longer may wait again.
    pub(super) async fn done(&mut self) -> T {
        let Some(errand) = &mut self.0 else { return pending().await };
        let done = errand.await;
        self.0 = None;
        match done.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime ends.
            Err(Err(_)) => pending().await,
        }
    }
}
