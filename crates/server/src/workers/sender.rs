//! Sends notifications to endpoints, and keeps the log of it.
//!
//! One that fails is sent again after growing pauses, for some three days in all; then it has failed, and an operator
//! may have it sent again. An endpoint that is slow or away holds up no other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bursar_core::EventId;
use bursar_store::{Attempt, Endpoint, NewNotification, Notification, NotificationState, StoreError};
use bursar_webhook_client::{Message, Outcome, Secret, Sender, Sent};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::task::{Task, stopped};
use crate::app::App;
use crate::seal::Table;

/// How endpoints are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A call takes so long, at most.
    pub timeout: Duration,
    /// Whether endpoints may be in private networks, and be called without TLS.
    pub allow_private: bool,
    /// How long a notification is kept, whatever became of it.
    pub kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            allow_private: false,
            kept: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// Calls at once, at most, and to one endpoint.
const CALLS: usize = 256;
const CALLS_TO_ONE: usize = 8;

/// Notifications that are taken at once, at most: all of them may go to one endpoint.
const TAKES: usize = 4;

/// How long a sender that stops waits for calls. What is not answered by then is sent again by another.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// Beyond a call, so long nobody else gets a notification that is being sent.
const LEASE: Duration = Duration::from_secs(15);

/// How often it looks without a word: for what is to be sent again, and what another instance stored.
const POLL: Duration = Duration::from_secs(1);

/// How long after each failure a notification is sent again: what the Standard Webhooks specification recommends.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

/// How often old notifications are forgotten, and how many go at once.
const FORGETS_EVERY: Duration = Duration::from_secs(60);
const FORGETS: u32 = 1_000;

/// Begins to send.
pub(crate) fn start(app: &App) -> Task {
    let app = app.clone();
    Task::keep("the sender of notifications", move |stopping| run(app.clone(), stopping))
}

async fn run(app: App, stopping: watch::Receiver<bool>) {
    let settings = app.settings().sender;
    let client =
        bursar_webhook_client::Settings { timeout: settings.timeout, allow_private: settings.allow_private };
    match Sender::new(client) {
        Ok(sender) => Sending::new(app, sender).run(stopping).await,
        Err(why) => tracing::error!("no endpoint is told of anything: {why}"),
    }
}

struct Sending {
    app: App,
    sender: Arc<Sender>,
    /// Whether each was heard.
    calls: JoinSet<Result<bool, StoreError>>,
    /// Whom each call goes to.
    called: HashMap<tokio::task::Id, Uuid>,
    /// Who did not hear the last call: one that hears nothing does not get all places.
    deaf: HashSet<Uuid>,
    forgotten_at: Option<Instant>,
}

impl Sending {
    fn new(app: App, sender: Sender) -> Self {
        let (calls, called, deaf) = (JoinSet::new(), HashMap::new(), HashSet::new());
        Self { app, sender: Arc::new(sender), calls, called, deaf, forgotten_at: None }
    }

    /// Until it has to stop; then it makes no more calls, and waits for answers that come soon.
    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let app = self.app.clone();
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while self.calls.len() < CALLS && self.take().await {}
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                Some(ended) = self.calls.join_next_with_id() => self.end(ended),
                () = app.due().woken() => {}
                _ = ticks.tick() => self.forget().await,
            }
        }
        let ending = async {
            while let Some(ended) = self.calls.join_next_with_id().await {
                self.end(ended);
            }
        };
        let _ = tokio::time::timeout(LAST_CALLS, ending).await;
    }

    /// Begins to send what is due: few at a time, so that one endpoint does not get all calls. Whether there may be more
    /// that could be begun now.
    async fn take(&mut self) -> bool {
        let free = TAKES.min(CALLS - self.calls.len());
        let lease = self.app.settings().sender.timeout + LEASE;
        let busy = self.busy();
        match self.app.store().take_notifications(u32::try_from(free).unwrap_or(u32::MAX), lease, &busy).await
        {
            Ok(taken) => {
                let may_be_more = taken.len() == free;
                taken.into_iter().for_each(|notification| self.begin(notification));
                may_be_more
            }
            Err(error) => {
                tracing::warn!("notifications cannot be sent now: {error}");
                false
            }
        }
    }

    fn begin(&mut self, notification: Notification) {
        let endpoint = notification.notification.endpoint;
        let call = call(self.app.clone(), self.sender.clone(), notification);
        self.called.insert(self.calls.spawn(call).id(), endpoint);
    }

    /// Endpoints that may get more calls than they may have.
    fn busy(&self) -> Vec<Uuid> {
        let mut calls = HashMap::<Uuid, usize>::new();
        self.called.values().for_each(|endpoint| *calls.entry(*endpoint).or_default() += 1);
        let is_busy = |of: &(Uuid, usize)| of.1 > CALLS_TO_ONE - TAKES || self.deaf.contains(&of.0);
        calls.into_iter().filter(is_busy).map(|(endpoint, _)| endpoint).collect()
    }

    fn end(&mut self, ended: Result<(tokio::task::Id, Result<bool, StoreError>), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let endpoint = self.called.remove(&id);
        match (ended, endpoint) {
            (Ok((_, Ok(true))), Some(endpoint)) => drop(self.deaf.remove(&endpoint)),
            (Ok((_, Ok(false))), Some(endpoint)) => drop(self.deaf.insert(endpoint)),
            (Ok((_, Ok(_))), None) => {}
            (Ok((_, Err(error))), _) => tracing::warn!("a notification is sent once more: {error}"),
            (Err(panic), _) => tracing::error!("a call to an endpoint panicked, and is made again: {panic}"),
        }
    }

    async fn forget(&mut self) {
        if self.forgotten_at.is_some_and(|at| at.elapsed() < FORGETS_EVERY) {
            return;
        }
        let before =
            Timestamp::now().saturating_sub(self.app.settings().sender.kept).unwrap_or(Timestamp::MIN);
        let forgotten = self.app.store().forget_notifications(before, FORGETS).await;
        // While there may be more, more goes with the next tick.
        self.forgotten_at = (!matches!(forgotten, Ok(1..))).then(Instant::now);
        if let Err(error) = forgotten {
            tracing::warn!("notifications that are old enough are not forgotten: {error}");
        }
    }
}

/// Sends a notification, and stores what came of that. Whether it was heard.
async fn call(app: App, sender: Arc<Sender>, notification: Notification) -> Result<bool, StoreError> {
    let NewNotification { endpoint, event, body, .. } = &notification.notification;
    let Some(endpoint) = app.store().find_endpoint(*endpoint).await? else { return Ok(true) };
    let at = Timestamp::now();
    let sent = match secrets(&app, &endpoint, at) {
        Ok(secrets) => {
            let id = EventId::new(*event).to_string();
            sender.send(&endpoint.url, &Message { id: &id, at, body }, &secrets).await
        }
        Err(why) => Sent { status: None, outcome: Outcome::Failed(why), took: Duration::ZERO },
    };
    let next = next(&sent.outcome, notification.failures, at);
    let error = problem(&sent.outcome);
    if matches!(sent.outcome, Outcome::Gone) {
        tracing::warn!("endpoint {} answers 410, and is told of nothing more", endpoint.id);
        app.store().switch_off(endpoint.id, &endpoint.url).await?;
    } else if next == NotificationState::Failed {
        let why = error.as_deref().unwrap_or_default();
        let event = EventId::new(*event);
        tracing::error!("endpoint {} was not told of event {event}: {why}", endpoint.id);
    }
    let took_ms = u32::try_from(sent.took.as_millis()).unwrap_or(u32::MAX);
    let is_heard = error.is_none();
    app.store().attempted(&notification, Attempt { at, took_ms, status: sent.status, error }, next).await?;
    Ok(is_heard)
}

/// Why the call did not deliver, if it did not.
fn problem(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Gone => Some("it answers 410, and is switched off".to_owned()),
        Outcome::Refused(why) => Some(format!("it was not called: {why}")),
        Outcome::Failed(why) => Some(why.clone()),
    }
}

/// What signs now: the secret, and the one before for as long as both are in use.
fn secrets(app: &App, endpoint: &Endpoint, now: Timestamp) -> Result<Vec<Secret>, String> {
    let before = endpoint.secret_before.as_ref().filter(|(_, until)| *until > now).map(|(sealed, _)| sealed);
    let open = |sealed: &Vec<u8>| {
        let opened =
            app.seal().open(Table::Endpoints, endpoint.id, sealed).map_err(|error| error.to_string())?;
        let text = String::from_utf8(opened).map_err(|error| error.to_string())?;
        text.parse().map_err(|error: bursar_webhook_client::SecretError| error.to_string())
    };
    [&endpoint.secret].into_iter().chain(before).map(open).collect()
}

/// Where a notification stands after it was sent once more, having failed so often before.
fn next(outcome: &Outcome, failures: u32, now: Timestamp) -> NotificationState {
    match outcome {
        Outcome::Delivered => NotificationState::Delivered,
        Outcome::Gone | Outcome::Refused(_) => NotificationState::Failed,
        Outcome::Failed(_) => match PAUSES.get(failures as usize) {
            Some(pause) => NotificationState::Due(bursar_store::later(now, *pause)),
            None => NotificationState::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_sent_ten_times_at_most_and_what_will_not_be_heard_once() {
        let now = Timestamp::UNIX_EPOCH;
        let failed = Outcome::Failed("500".into());
        assert_eq!(next(&failed, 0, now), NotificationState::Due(bursar_store::later(now, PAUSES[0])));
        assert_eq!(next(&failed, 8, now), NotificationState::Due(bursar_store::later(now, PAUSES[8])));
        assert_eq!(next(&failed, 9, now), NotificationState::Failed);
        assert_eq!(next(&Outcome::Gone, 0, now), NotificationState::Failed);
        assert_eq!(next(&Outcome::Refused("private".into()), 0, now), NotificationState::Failed);
        assert_eq!(next(&Outcome::Delivered, 3, now), NotificationState::Delivered);
        assert!(PAUSES.is_sorted());
    }
}
