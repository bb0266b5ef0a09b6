//! Publishes, and waits for RabbitMQ's word on each message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bursar_broker::{Address, Content, Exchange, Outgoing, PublishError};
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Confirmation, PublisherConfirm};
use tokio::time::{Instant, timeout_at};

use crate::content;
use crate::session::Session;

/// What became of a message.
type Published = Result<(), PublishError>;

impl Session {
    /// Publishes the messages: all are on their way before the first is waited for.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        messages: Vec<Outgoing>,
        within: Duration,
    ) -> Vec<Published> {
        let count = messages.len();
        if let Some(why) = self.blocked() {
            return vec![Err(PublishError::Away(format!("it takes no messages now: {why}"))); count];
        }
        let until = Instant::now() + within;
        let mut sent = Vec::with_capacity(count);
        for message in messages {
            sent.push(match message.to {
                Address::Exchange(exchange, key) => {
                    Sent::Waits(self.in_time(until, self.send(exchange, &key, &message.content)).await)
                }
                Address::Queue(name) => Sent::Settled(self.answer(name, message.content, within).await),
            });
        }
        let mut published = Vec::with_capacity(count);
        for sent in sent {
            published.push(match sent {
                Sent::Settled(published) => published,
                Sent::Waits(Err(error)) => Err(error),
                Sent::Waits(Ok((confirm, to))) => self.in_time(until, confirmed(confirm, &to)).await,
            });
        }
        published
    }

    async fn send(
        &self,
        exchange: Exchange,
        key: &str,
        content: &Content,
    ) -> Result<(PublisherConfirm, String), PublishError> {
        let channel = self.exchanges.lock().await;
        let confirm = send(&channel, (exchange.name(), key), content).await?;
        Ok((confirm, Address::Exchange(exchange, key.to_owned()).to_string()))
    }

    /// In a task of its own: one that is cancelled would leave its confirmation to the next on the channel.
    async fn answer(self: &Arc<Self>, name: String, content: Content, within: Duration) -> Published {
        let session = self.clone();
        let answering = tokio::spawn(async move {
            let number = session.next_answers.fetch_add(1, Ordering::Relaxed) % session.answers.len();
            // That others are before it is not RabbitMQ's fault.
            let busy = || PublishError::Away("too many answers are on their way".into());
            let channel = timeout_at(Instant::now() + within, session.answers[number].lock()).await;
            let channel = channel.map_err(|_| busy())?;
            let confirming = async {
                let confirm = send(&channel, ("", &name), &content).await?;
                confirmed(confirm, &Address::Queue(name.clone()).to_string()).await
            };
            let late = || PublishError::Away("it does not confirm in time what is published".into());
            let done = timeout_at(Instant::now() + within, confirming).await.unwrap_or_else(|_| Err(late()));
            if matches!(done, Err(PublishError::Away(_))) {
                // Even where it takes no messages for now: this one is still on its way, and the channel is for one.
                session.give_up("an answer is not confirmed");
            }
            done
        });
        answering.await.unwrap_or_else(|panic| Err(PublishError::Away(panic.to_string())))
    }

    /// Who does not answer in time is given up, with all that waits.
    async fn in_time<T>(
        &self,
        until: Instant,
        work: impl Future<Output = Result<T, PublishError>>,
    ) -> Result<T, PublishError> {
        let late = || PublishError::Away("it does not confirm in time what is published".into());
        let done = timeout_at(until, work).await.unwrap_or_else(|_| Err(late()));
        if matches!(done, Err(PublishError::Away(_))) && self.blocked().is_none() {
            self.give_up("what is published is not confirmed");
        }
        done
    }
}

enum Sent {
    Settled(Published),
    Waits(Result<(PublisherConfirm, String), PublishError>),
}

async fn send(
    channel: &Channel,
    (exchange, key): (&str, &str),
    content: &Content,
) -> Result<PublisherConfirm, PublishError> {
    let properties = content::properties(content).map_err(PublishError::Refused)?;
    let too_long = |_| PublishError::Refused("its key has more than 255 bytes".into());
    let key = ShortString::try_new(key).map_err(too_long)?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel.basic_publish(exchange.into(), key, options, &content.body, properties).await;
    sent.map_err(|error| PublishError::Away(error.to_string()))
}

async fn confirmed(confirm: PublisherConfirm, to: &str) -> Published {
    match confirm.await.map_err(|error| PublishError::Away(error.to_string()))? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
            Err(PublishError::Unroutable(to.to_owned()))
        }
        Confirmation::Nack(None) => Err(PublishError::Refused("a queue that it goes to is full".into())),
        Confirmation::NotRequested => Err(PublishError::Away("it was not asked to confirm".into())),
    }
}
