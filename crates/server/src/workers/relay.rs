//! Publishes the outbox: has events confirmed by the broker, and marks them afterwards (O2). Those of this process's own
//! commits are handed to it; what others left it looks for, and leases.
//!
//! Any number of relays share an outbox. One that dies between publishing and marking leaves events that another
//! publishes again, under the same ids.

mod errand;
mod event;
mod figures;
mod looks;
mod problem;
pub(super) mod route;
mod running;
mod tidying;

use std::sync::Arc;
use std::time::Duration;

use bursar_authorizer::Handover;
use bursar_broker::Broker;
use bursar_store::Store;

use self::running::Running;
use super::courtesy::Courtesy;
use super::task::Task;
use crate::app::App;

pub use figures::Figures;

/// How a relay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How often it looks without a word while it finds something: what another process committed, or died with.
    pub interval: Duration,
    /// How long an event is kept after it was published.
    pub kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), kept: Duration::from_secs(30 * 24 * 3600) }
    }
}

/// What a relay works with.
#[derive(Clone)]
pub struct Relay {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    /// Where commits of this process leave their events.
    handover: Handover,
    /// Before whom it steps back.
    courtesy: Option<Courtesy>,
    settings: Settings,
    figures: Arc<Figures>,
}

/// Begins to publish the server's events.
pub(crate) fn start(app: &App) -> Task {
    let (store, broker) = (app.store().clone(), app.broker().clone());
    let handover = app.authorizer().handover().clone();
    let relay = Relay::new(store, broker, handover, app.settings().relay, app.relay().clone());
    relay.letting_go_first(app.courtesy()).start()
}

impl Relay {
    /// A relay from this store's outbox to this broker.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        handover: Handover,
        settings: Settings,
        figures: Arc<Figures>,
    ) -> Self {
        Self { store, broker, handover, courtesy: None, settings, figures }
    }

    /// The same, which steps back before decisions.
    #[must_use]
    pub fn letting_go_first(self, courtesy: Courtesy) -> Self {
        Self { courtesy: Some(courtesy), ..self }
    }

    /// What it has done.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Begins to publish.
    #[must_use]
    pub fn start(self) -> Task {
        Task::keep("the relay", move |stopping| Running::of(self.clone()).run(stopping))
    }
}
