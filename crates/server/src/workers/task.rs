//! Something that the server does beside answering, until it is told to stop.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long something rests that panicked.
const REST: Duration = Duration::from_secs(1);

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

    /// Starts it, and begins it again after a panic: a defect that shows once must not end it.
    pub(super) fn keep<F>(
        what: &'static str,
        run: impl Fn(watch::Receiver<bool>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(what, |mut stopping| async move {
            while let Err(panic) = tokio::spawn(run(stopping.clone())).await {
                tracing::error!("{what} panicked and begins again: {panic}");
                if pause(&mut stopping, REST).await {
                    return;
                }
            }
        })
    }

    /// Has it stop: it takes no more, and finishes what it has.
    pub async fn stop(self) {
        self.ask_to_stop();
        self.ended().await;
    }

    /// Has it take no more.
    pub(super) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has finished what it has.
    pub(super) async fn ended(mut self) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_panics_begins_again_and_stops_when_it_is_told_to() {
        let begun = Arc::new(AtomicU32::new(0));
        let (counted, (again, mut is_again)) = (begun.clone(), watch::channel(false));
        let task = Task::keep("a task", move |mut stopping| {
            let (count, again) = (counted.fetch_add(1, Ordering::Relaxed), again.clone());
            async move {
                assert!(count > 0, "as a defect does");
                again.send_replace(true);
                stopped(&mut stopping).await;
            }
        });
        is_again.wait_for(|again| *again).await.expect("it begins again");
        task.stop().await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}
