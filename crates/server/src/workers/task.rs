//! Something that the server does beside answering, until it is told to stop.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Something at work. Dropped, it ends as if its process were killed.
pub struct Task {
    what: &'static str,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Task {
    /// Starts it. It is told when it has to stop.
    pub fn start<F>(what: &'static str, run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(false);
        Self { what, stop, task: tokio::spawn(run(stopping)) }
    }

    /// Has it stop: it takes no more, and finishes what it has.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.task).await.is_err() {
            tracing::error!("{} ended by a panic; the log has its place", self.what);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits so long, or until it has to stop. Whether that is so.
pub(crate) async fn pause(stopping: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::time::timeout(time, stopped(stopping)).await.is_ok()
}

/// Done when it has to stop.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
