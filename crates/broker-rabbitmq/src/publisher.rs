//! Publishes, and waits for RabbitMQ's word on each message.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bursar_broker::{Address, Outgoing, PublishError};
use futures_util::FutureExt;
use futures_util::future::join_all;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Confirmation, PublisherConfirm};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::content;
use crate::session::Session;

/// What became of a message.
type Published = Result<(), PublishError>;

impl Session {
    /// Publishes the messages: those to exchanges as one batch, each to a queue by name as one of its own, all at once.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        messages: Vec<Outgoing>,
        within: Duration,
    ) -> Vec<Published> {
        if let Some(why) = self.blocked() {
            return vec![Err(PublishError::Away(format!("it takes no messages now: {why}"))); messages.len()];
        }
        let numbered = messages.into_iter().enumerate();
        let (by_key, by_name): (Vec<_>, Vec<_>) =
            numbered.partition(|(_, message)| matches!(message.to, Address::Exchange(..)));
        let batches = std::iter::once(by_key).chain(by_name.into_iter().map(|message| vec![message]));
        let published = join_all(batches.map(|batch| self.batch(batch, within))).await;
        let mut published: Vec<(usize, Published)> = published.into_iter().flatten().collect();
        published.sort_unstable_by_key(|(number, _)| *number);
        published.into_iter().map(|(_, published)| published).collect()
    }

    async fn batch(
        self: &Arc<Self>,
        batch: Vec<(usize, Outgoing)>,
        within: Duration,
    ) -> Vec<(usize, Published)> {
        let (numbers, messages): (Vec<usize>, Vec<Outgoing>) = batch.into_iter().unzip();
        let (tell, told) = oneshot::channel();
        // In a task of its own: one that is cancelled would leave its confirmations to the next on the channel.
        tokio::spawn(self.clone().carry(messages, within, tell));
        let published =
            told.await.unwrap_or_else(|_| Err(PublishError::Away("its publisher is gone".into())));
        let published = published.unwrap_or_else(|error| vec![Err(error); numbers.len()]);
        numbers.into_iter().zip(published).collect()
    }

    /// Publishes messages on one channel, and tells what became of each, or of all. Who does not answer in time is given
    /// up, with all that waits.
    async fn carry(
        self: Arc<Self>,
        messages: Vec<Outgoing>,
        within: Duration,
        tell: oneshot::Sender<Result<Vec<Published>, PublishError>>,
    ) {
        let pool = match messages.first().map(|message| &message.to) {
            Some(Address::Exchange(..)) => &self.exchanges,
            Some(Address::Queue(_)) => &self.answers,
            None => return drop(tell.send(Ok(Vec::new()))),
        };
        // That others are before it is not RabbitMQ's fault.
        let Ok(channel) = timeout(within, pool.lend()).await else {
            return drop(tell.send(Err(PublishError::Away("too many messages are on their way".into()))));
        };
        let mut confirming = pin!(confirmed(&channel, &messages));
        let published = match timeout(within, &mut confirming).await {
            Ok(published) => published,
            Err(_) => {
                let late = "it does not confirm in time what is published";
                let _ = tell.send(Err(PublishError::Away(late.into())));
                if self.blocked().is_none() {
                    return self.give_up(late);
                }
                // They are still on their way, and nobody else gets the channel before that is over.
                return tokio::select! {
                    published = confirming => self.judge(&published),
                    _ = self.given_up() => {}
                    () = self.unblocked().then(|()| sleep(within)) => self.give_up(late),
                };
            }
        };
        self.judge(&published);
        let _ = tell.send(Ok(published));
    }

    /// Gives it up if what is published does not come where it should.
    fn judge(&self, published: &[Published]) {
        let away = published.iter().find_map(|published| match published {
            Err(PublishError::Away(why)) => Some(why),
            _ => None,
        });
        if let Some(why) = away {
            self.give_up(why);
        }
    }
}

/// Publishes the messages on a channel that is for nobody else: all are on their way before the first is waited for.
async fn confirmed(channel: &Channel, messages: &[Outgoing]) -> Vec<Published> {
    // Side by side, so that they leave together: one write, and few packets.
    let sent = join_all(messages.iter().map(|message| send(channel, message))).await;
    let mut is_returned = false;
    let mut published = Vec::with_capacity(messages.len());
    for sent in sent {
        let word = match sent {
            Ok(confirm) => confirm.await.map_err(|error| PublishError::Away(error.to_string())),
            Err(error) => Err(error),
        };
        is_returned |= matches!(&word, Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))));
        published.push(word.and_then(understood));
    }
    match messages {
        _ if !is_returned => published,
        [Outgoing { to: to @ Address::Queue(_), .. }] => vec![Err(PublishError::Unroutable(to.to_string()))],
        // Which of them was returned is not known, and what takes the rest is missing: all is declared anew.
        _ => {
            let lost = || PublishError::Away("no queue takes what none is bound to".into());
            published.into_iter().map(|published| published.and_then(|()| Err(lost()))).collect()
        }
    }
}

async fn send(channel: &Channel, message: &Outgoing) -> Result<PublisherConfirm, PublishError> {
    let (exchange, key) = match &message.to {
        Address::Exchange(exchange, key) => (exchange.name(), key),
        Address::Queue(name) => ("", name),
    };
    let properties = content::properties(&message.content).map_err(PublishError::Refused)?;
    let too_long = |_| PublishError::Refused("its key has more than 255 bytes".into());
    let key = ShortString::try_new(key.as_str()).map_err(too_long)?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel.basic_publish(exchange.into(), key, options, &message.content.body, properties).await;
    sent.map_err(|error| PublishError::Away(error.to_string()))
}

/// Which of several was returned is not in its confirmation.
fn understood(word: Confirmation) -> Published {
    match word {
        Confirmation::Ack(_) => Ok(()),
        Confirmation::Nack(_) => {
            Err(PublishError::Refused("a queue that it goes to is full, or does not work".into()))
        }
        Confirmation::NotRequested => Err(PublishError::Away("it was not asked to confirm".into())),
    }
}
