//! Keeps a session: connects, declares, watches, and begins anew on any fault.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_broker::{BrokerError, Retries};
use futures_util::{Stream, StreamExt};
use lapin::options::ConfirmSelectOptions;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker::Options;
use crate::session::Session;
use crate::topology;

/// The pause before the second attempt to connect; it doubles with each, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Channels for answers: as many wait for their confirmations at once.
const ANSWERS: usize = 8;

pub(crate) struct Supervisor {
    pub(crate) attempts: Attempts,
    pub(crate) said: watch::Sender<Option<Arc<Session>>>,
}

impl Supervisor {
    /// For as long as somebody wants a session.
    pub(crate) async fn run(mut self) {
        let mut pause = PAUSE;
        let mut last_words = String::new();
        loop {
            let there = self.said.borrow().clone();
            if let Some(session) = there {
                pause = PAUSE;
                let why = keep(&session).await;
                self.said.send_replace(None);
                tracing::warn!("the connection to RabbitMQ is given up, and made again: {why}");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            match self.attempts.connect().await {
                Ok(session) => {
                    tracing::info!("RabbitMQ is there");
                    self.said.send_replace(Some(Arc::new(session)));
                }
                Err(error) => {
                    // The same words every few seconds tell nothing more.
                    let words = error.to_string();
                    if words != last_words {
                        tracing::warn!("RabbitMQ cannot be used yet: {words}");
                    }
                    last_words = words;
                }
            }
        }
    }
}

/// Until something of the session breaks, with the reason.
async fn keep(session: &Session) -> String {
    let events = futures_util::stream::select(
        session.publishing.events_listener(),
        session.consuming.events_listener(),
    );
    if !session.is_connected() {
        return "it broke while it was made".to_owned();
    }
    tokio::select! {
        why = watched(session, events) => why,
        why = session.given_up() => why.to_owned(),
    }
}

/// Follows what the connections say; done when one of them is broken, with the reason.
async fn watched(session: &Session, events: impl Stream<Item = Event>) -> String {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Event::Error(error) => return error.to_string(),
            Event::ConnectionBlocked(why) => {
                tracing::warn!("RabbitMQ takes no messages now: {why}");
                session.block(Some(why));
            }
            Event::ConnectionUnblocked => {
                tracing::info!("RabbitMQ takes messages again");
                session.block(None);
            }
            _ => {}
        }
    }
    "both connections ended".to_owned()
}

/// Makes sessions, one at a time: an attempt that takes too long goes on by itself, for the client cannot end it, and no
/// other is begun beside it for a while.
pub(crate) struct Attempts {
    uri: AMQPUri,
    options: Options,
    running: Option<(Instant, JoinHandle<Result<Session, BrokerError>>)>,
}

/// An attempt of which nothing was heard for so long is left to itself: whoever it speaks to may be gone without a word.
const LEFT_AFTER: Duration = Duration::from_secs(60);

impl Attempts {
    pub(crate) const fn new(uri: AMQPUri, options: Options) -> Self {
        Self { uri, options, running: None }
    }

    /// Makes a session.
    ///
    /// # Errors
    /// [`BrokerError::Away`] if it does not answer in time, [`BrokerError::Misfit`] if something in it is not as it has
    /// to be.
    pub(crate) async fn connect(&mut self) -> Result<Session, BrokerError> {
        // Else the first connection by TLS panics; somebody else's choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = self.running.take().filter(|(began, _)| began.elapsed() < LEFT_AFTER);
        let (began, mut running) = running.unwrap_or_else(|| {
            let (uri, retries) = (self.uri.clone(), self.options.retries);
            (Instant::now(), tokio::spawn(async move { establish(&uri, &retries).await }))
        });
        match tokio::time::timeout(self.options.connect_timeout, &mut running).await {
            Ok(made) => made.unwrap_or_else(|panic| Err(BrokerError::Away(panic.to_string()))),
            Err(_) => {
                self.running = Some((began, running));
                let within = self.options.connect_timeout;
                Err(BrokerError::Away(format!("there is no connection within {within:?}")))
            }
        }
    }
}

async fn establish(uri: &AMQPUri, retries: &Retries) -> Result<Session, BrokerError> {
    let publishing = named(uri, "bursar: publishes").await.map_err(away)?;
    let consuming = named(uri, "bursar: consumes").await.map_err(away)?;
    topology::declare(&publishing, retries).await?;
    let exchanges = confirming(&publishing).await.map_err(away)?;
    let mut answers = Vec::with_capacity(ANSWERS);
    for _ in 0..ANSWERS {
        answers.push(confirming(&publishing).await.map_err(away)?);
    }
    Ok(Session::new((publishing, consuming), (exchanges, answers)))
}

async fn named(uri: &AMQPUri, name: &str) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connect_uri(uri.clone(), properties).await
}

async fn confirming(connection: &Connection) -> lapin::Result<lapin::Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

fn away(error: lapin::Error) -> BrokerError {
    BrokerError::Away(error.to_string())
}
