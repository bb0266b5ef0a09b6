//! The broker, and what it is told at its start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{
    Broker, BrokerError, Outgoing, PerQueue, PublishError, Queue, QueueFigures, Retries, Subscription,
};
use lapin::uri::AMQPUri;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::consumer::Consumer;
use crate::session::{Said, Session};
use crate::supervisor::{Attempts, Supervisor};
use crate::topology;

/// How RabbitMQ is used. Not for logs: the URL may hold a password.
#[derive(Clone)]
pub struct Options {
    /// Where it is: `amqp://user:password@host:port/vhost`, or `amqps://…` with TLS.
    pub url: String,
    /// A connection has to be there within this time.
    pub connect_timeout: Duration,
    /// What is published has to be confirmed within this time; otherwise the connection is given up.
    pub confirm_timeout: Duration,
    /// How long failed messages wait. Each length is a wait queue: the queues of lengths that are no longer used empty
    /// themselves, and may then be deleted.
    pub retries: Retries,
}

impl Options {
    /// The defaults for this URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connect_timeout: Duration::from_secs(5),
            confirm_timeout: Duration::from_secs(5),
            retries: Retries::default(),
        }
    }
}

/// RabbitMQ.
pub struct RabbitBroker {
    shared: Arc<Shared>,
    supervisor: JoinHandle<()>,
}

/// What its parts share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) session: watch::Receiver<Said>,
    pub(crate) unsettled: PerQueue<AtomicU64>,
}

impl RabbitBroker {
    /// Connects and declares the topology. A RabbitMQ that is away is waited for afterwards.
    ///
    /// # Errors
    /// [`BrokerError::Misfit`]: an exchange or queue is there with other arguments.
    pub async fn start(options: Options) -> Result<Self, BrokerError> {
        // The parser's words may hold the password.
        let mut uri: AMQPUri =
            options.url.parse().map_err(|_| BrokerError::Away("its URL cannot be read".into()))?;
        // Who stands still is found out in twice this time.
        uri.query.heartbeat = Some(uri.query.heartbeat.unwrap_or(5));
        let mut attempts = Attempts::new(uri, options.clone());
        let first = match attempts.connect().await {
            Ok(session) => Ok(Arc::new(session)),
            Err(BrokerError::Away(why)) => {
                tracing::warn!("RabbitMQ is away, and events wait for it: {why}");
                Err(why.into())
            }
            Err(misfit) => return Err(misfit),
        };
        let (said, session) = watch::channel(first);
        let supervisor = tokio::spawn(Supervisor { attempts, said }.run());
        let shared = Arc::new(Shared { options, session, unsettled: PerQueue::default() });
        Ok(Self { shared, supervisor })
    }
}

#[async_trait]
impl Broker for RabbitBroker {
    async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        match self.shared.session() {
            Ok(session) => session.publish(messages, self.shared.options.confirm_timeout).await,
            Err(error) => vec![Err(error); messages.len()],
        }
    }

    fn subscribe(&self, queue: Queue, unsettled_max: u16) -> Subscription {
        let (subscription, consumer) = Consumer::new(queue, unsettled_max, self.shared.clone());
        tokio::spawn(consumer.run());
        subscription
    }

    fn blocked(&self) -> Option<Arc<str>> {
        self.shared.session().ok()?.blocked()
    }

    async fn figures(&self) -> Result<Vec<QueueFigures>, BrokerError> {
        let session = self.shared.session()?;
        let counted = topology::count(&session.consuming, &self.shared.options.retries);
        let counted = tokio::time::timeout(self.shared.options.confirm_timeout, counted).await;
        let counts = counted
            .map_err(|_| BrokerError::Away("it does not say in time how many messages it has".into()))?
            .map_err(|error| BrokerError::Away(error.to_string()))?;
        let figures = counts.into_iter().map(|of| QueueFigures {
            unsettled: self.shared.unsettled[of.queue].load(Ordering::Relaxed),
            ..of
        });
        Ok(figures.collect())
    }
}

/// The connections end with it.
impl Drop for RabbitBroker {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl Shared {
    /// The session, if there is one.
    pub(crate) fn session(&self) -> Result<Arc<Session>, PublishError> {
        let session = self.session.borrow().clone();
        session.map_err(|why| PublishError::Away(format!("there is no connection to RabbitMQ: {why}")))
    }
}
