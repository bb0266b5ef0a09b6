//! Tells RabbitMQ which deliveries are done: in one word where all before them are settled, for each word is an entry in
//! the log of a quorum queue.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bursar_broker::BrokerError;
use futures_util::future::join_all;
use lapin::Acker;
use lapin::options::BasicAckOptions;
use lapin::types::DeliveryTag;
use tokio::sync::{mpsc, oneshot};

/// So many are told of together, at most.
const TOGETHER: usize = 1_024;

const ALL_UP_TO_IT: BasicAckOptions = BasicAckOptions { multiple: true };

/// What became of a word.
type Told = Result<(), BrokerError>;

/// Of one channel.
#[derive(Clone)]
pub(crate) struct Acks {
    open: Arc<Open>,
    done: mpsc::UnboundedSender<Done>,
}

/// Who tells.
pub(crate) struct Teller {
    open: Arc<Open>,
    done: mpsc::UnboundedReceiver<Done>,
}

struct Done {
    tag: DeliveryTag,
    acker: Acker,
    told: oneshot::Sender<Told>,
}

impl Acks {
    pub(crate) fn new() -> (Self, Teller) {
        let (sender, done) = mpsc::unbounded_channel();
        let open = Arc::<Open>::default();
        (Self { open: open.clone(), done: sender }, Teller { open, done })
    }

    /// A delivery came: before anybody else has it.
    pub(crate) fn open(&self, tag: DeliveryTag) {
        self.open.lock().insert(tag);
    }

    /// RabbitMQ was told something else of it. Not before: until then no word may be about all up to another.
    pub(crate) fn close(&self, tag: DeliveryTag) {
        self.open.lock().remove(&tag);
    }

    /// It is done.
    pub(crate) async fn done(&self, tag: DeliveryTag, acker: Acker) -> Told {
        let gone = || BrokerError::Away("the delivery's channel is gone".into());
        let (told, word) = oneshot::channel();
        self.done.send(Done { tag, acker, told }).map_err(|_| gone())?;
        word.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Teller {
    /// Until nobody has anything to tell any more.
    pub(crate) async fn run(mut self) {
        let mut done = Vec::new();
        while self.done.recv_many(&mut done, TOGETHER).await > 0 {
            done.sort_unstable_by_key(|done| done.tag);
            let tags: Vec<DeliveryTag> = done.iter().map(|done| done.tag).collect();
            let alone = done.split_off(self.open.take_leading(&tags));
            if let Some(last) = done.last() {
                let told = taken(last.acker.ack(ALL_UP_TO_IT).await);
                done.drain(..).for_each(|done| drop(done.told.send(told.clone())));
            }
            // Somebody has one before these.
            join_all(alone.into_iter().map(|done| self.tell(done))).await;
        }
    }

    async fn tell(&self, done: Done) {
        let told = taken(done.acker.ack(BasicAckOptions::default()).await);
        self.open.lock().remove(&done.tag);
        let _ = done.told.send(told);
    }
}

/// Deliveries that RabbitMQ was told nothing of.
#[derive(Default)]
struct Open(Mutex<BTreeSet<DeliveryTag>>);

impl Open {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<DeliveryTag>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes those of the tags, which are in order, that no other is before. How many they are.
    fn take_leading(&self, tags: &[DeliveryTag]) -> usize {
        let mut open = self.lock();
        let mut leading = 0;
        while open.first().is_some_and(|first| tags.get(leading) == Some(first)) {
            open.pop_first();
            leading += 1;
        }
        leading
    }
}

/// Whether RabbitMQ could still be told.
pub(crate) fn taken(told: lapin::Result<bool>) -> Told {
    match told {
        Ok(true) => Ok(()),
        Ok(false) => Err(BrokerError::Away("the delivery's channel is gone".into())),
        Err(error) => Err(BrokerError::Away(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_about_no_delivery_that_somebody_has() {
        let open = Open::default();
        open.lock().extend(1..=6);
        assert_eq!(open.take_leading(&[2, 3]), 0);
        assert_eq!(open.take_leading(&[1, 2, 4]), 2);
        assert_eq!(open.take_leading(&[4]), 0);
        // It was given back: what is behind it is the first.
        open.lock().remove(&3);
        assert_eq!(open.take_leading(&[4, 5, 6]), 3);
        assert!(open.lock().is_empty());
    }
}
