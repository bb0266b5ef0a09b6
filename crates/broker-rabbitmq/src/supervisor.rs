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
use crate::session::{Pool, Said, Session};
use crate::topology;

/// The pause before the second attempt to connect; it doubles with each, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Channels of each kind: as many batches, and as many answers, wait for their confirmations at once.
const CHANNELS: usize = 8;

pub(crate) struct Supervisor {
    pub(crate) attempts: Attempts,
    pub(crate) said: watch::Sender<Said>,
}

impl Supervisor {
    /// For as long as somebody wants a session.
    pub(crate) async fn run(mut self) {
        let mut outage = Outage::default();
        loop {
            let there = self.said.borrow().clone();
            if let Ok(session) = there {
                let began = Instant::now();
                let why = keep(&session).await;
                outage.begins(began.elapsed());
                tracing::warn!("the connection to RabbitMQ is given up, and made again: {why}");
                drop(self.said.send_replace(Err(why.into())));
            }
            tokio::time::sleep(outage.pause()).await;
            match self.attempts.connect().await {
                Ok(session) => {
                    tracing::info!("RabbitMQ is there");
                    drop(self.said.send_replace(Ok(Arc::new(session))));
                }
                Err(error) => {
                    let words = match error {
                        BrokerError::Away(why) => why,
                        misfit => misfit.to_string(),
                    };
                    if outage.is_news(&words) {
                        tracing::warn!("RabbitMQ cannot be used yet: {words}");
                        drop(self.said.send_replace(Err(words.into())));
                    }
                }
            }
        }
    }
}

/// What attempts know of those before them.
struct Outage {
    pause: Duration,
    last_words: String,
}

impl Default for Outage {
    fn default() -> Self {
        Self { pause: PAUSE, last_words: String::new() }
    }
}

impl Outage {
    /// A session broke after so long. One that breaks soon is no better than none: what breaks it (a queue that may not
    /// be read, for instance) may break each, and several of them a second would be a load for RabbitMQ.
    fn begins(&mut self, lived: Duration) {
        self.last_words.clear();
        if lived > PAUSE_MAX {
            self.pause = PAUSE;
        }
    }

    /// How long to wait before the next attempt.
    fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        pause
    }

    /// Whether these words were not the last: every few seconds they tell nothing more.
    fn is_news(&mut self, words: &str) -> bool {
        let is_news = words != self.last_words;
        words.clone_into(&mut self.last_words);
        is_news
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
        // What a connection says of its end, before what its consumers do.
        biased;
        why = watched(session, events) => why,
        why = session.given_up() => why.to_string(),
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
    let channels = [pool(&publishing).await.map_err(away)?, pool(&publishing).await.map_err(away)?];
    Ok(Session::new((publishing, consuming), channels))
}

async fn named(uri: &AMQPUri, name: &str) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connect_uri(uri.clone(), properties).await
}

async fn pool(connection: &Connection) -> lapin::Result<Pool> {
    let mut channels = Vec::with_capacity(CHANNELS);
    for _ in 0..CHANNELS {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        channels.push(channel);
    }
    Ok(Pool::new(channels))
}

fn away(error: lapin::Error) -> BrokerError {
    BrokerError::Away(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As for a user who may not read one of the queues: its consumer ends each session.
    #[test]
    fn sessions_that_break_at_once_are_made_less_and_less_often() {
        let mut outage = Outage::default();
        let pauses: Vec<u128> = (0..9)
            .map(|_| {
                outage.begins(Duration::from_millis(50));
                outage.pause().as_millis()
            })
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
        outage.begins(Duration::from_secs(6));
        assert_eq!(outage.pause(), PAUSE);
    }

    #[test]
    fn each_outage_has_its_words_once() {
        let mut outage = Outage::default();
        assert!(outage.is_news("refused"));
        assert!(!outage.is_news("refused"));
        assert!(outage.is_news("it is there with other arguments"));
        outage.begins(Duration::from_secs(60));
        assert!(outage.is_news("it is there with other arguments"));
    }
}
