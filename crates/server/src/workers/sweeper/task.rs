//! The sweeper as a task of the server.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Sweeper;
use crate::app::App;
use crate::workers::inquirer::Inquirer;

/// A sweeper that runs now and then until it is stopped or dropped.
pub struct Sweeping(Option<JoinHandle<()>>);

/// Starts the sweeper of the server, if it is on.
#[must_use]
pub fn start(app: &App) -> Sweeping {
    let settings = app.settings().sweeper;
    if !settings.is_on {
        return Sweeping(None);
    }
    let figures = Arc::clone(app.sweeper());
    let sweeper = Sweeper::new(app.authorizer().clone(), settings, figures).asking(Inquirer::of(app));
    Sweeping(Some(tokio::spawn(keep_running(sweeper, settings.interval))))
}

async fn keep_running(mut sweeper: Sweeper, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let before = sweeper.figures.expired();
        // A defect must not end it.
        match AssertUnwindSafe(sweeper.run()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("holds that are due wait for the next run: {error}"),
            Err(_) => {
                tracing::error!("the sweeper panicked, and goes on with its next run; the log has the place")
            }
        }
        match sweeper.figures.expired() - before {
            0 => {}
            count => tracing::info!("{count} holds expired"),
        }
    }
}

impl Sweeping {
    /// Stops it. A command that it gave to a lane is decided all the same.
    pub async fn stop(mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
