//! What every consumer of a queue has in common.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar_broker::contract::Place;
use bursar_broker::{Broker, Content, Exchange, Queue, Reason, Verdict};
use bursar_server::workers::queue::{Away, Figures, Pace, Work, consume};
use bursar_testkit::BrokerFolder;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

fn message() -> Content {
    Content::new(Uuid::new_v4(), "test", b"{}".to_vec())
}

/// So many messages at once, each alone.
const fn pace(at_once: u16) -> Pace {
    Pace::new(at_once, 1)
}

struct Panics;

#[async_trait]
impl Work for Panics {
    async fn work(&self, _: &Content) -> Result<Verdict, Away> {
        panic!("as a defect does")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failure_and_the_fourth_is_the_last() {
    let folder = BrokerFolder::new();
    let broker = folder.open().await;
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace(4), Arc::new(Panics), Arc::default());
    let published = broker.publish(vec![message().to(Exchange::Transactions, "transaction.webhook")]).await;
    assert_eq!(published, [Ok(())]);
    let mut dead = broker.subscribe(Queue::DeadLetters, 1);
    let dead = dead.next().await.expect("the broker is there");
    let death = dead.content.death.clone().expect("it is dead");
    assert_eq!((death.attempts, death.reason), (4, Some(Reason::Exhausted)));
    assert!(death.error_last.contains("panic"), "{}", death.error_last);
    dead.done().await.expect("it is settled");
    consuming.stop().await;
}

/// Begins, says so, and ends when it may.
struct Waits {
    began: watch::Sender<u32>,
    may_end: Notify,
}

#[async_trait]
impl Work for Waits {
    async fn work(&self, _: &Content) -> Result<Verdict, Away> {
        self.began.send_modify(|count| *count += 1);
        self.may_end.notified().await;
        Ok(Verdict::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_finishes_what_it_has_and_takes_no_more() {
    let folder = BrokerFolder::new();
    let broker = folder.open().await;
    let waits = Arc::new(Waits { began: watch::Sender::new(0), may_end: Notify::new() });
    let mut began = waits.began.subscribe();
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace(1), waits.clone(), Arc::default());
    let messages = [message(), message()];
    let outgoing = messages.clone().map(|content| content.to(Exchange::Transactions, "transaction.webhook"));
    assert_eq!(broker.publish(outgoing.to_vec()).await, [Ok(()), Ok(())]);
    began.wait_for(|count| *count == 1).await.expect("it works");
    let mut stopping = pin!(consuming.stop());
    // It is told before the first ends.
    let is_pending = poll_fn(|context| Poll::Ready(stopping.as_mut().poll(context).is_pending())).await;
    assert!(is_pending, "the first is still at work");
    waits.may_end.notify_one();
    stopping.await;
    assert_eq!(*began.borrow(), 1);
    // The first is done, the second was never anybody's.
    let mut next = broker.subscribe(Queue::Webhook, 2);
    let second = next.next().await.expect("the broker is there");
    assert_eq!(second.content.id, messages[1].id);
    second.done().await.expect("it is settled");
}

/// Says so often that the store is away, of batches and of single messages.
struct Patient {
    left: AtomicU32,
}

impl Patient {
    fn is_away(&self) -> Result<(), Away> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map_or(Ok(()), |_| Err(Away("as in an outage".to_owned())))
    }
}

#[async_trait]
impl Work for Patient {
    async fn work(&self, _: &Content) -> Result<Verdict, Away> {
        self.is_away().map(|()| Verdict::Done)
    }

    async fn work_together(&self, _: &[&Content]) -> Result<bool, Away> {
        self.is_away().map(|()| true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_store_is_away_counts_against_no_message_however_often() {
    for batch in [1, 8] {
        let folder = BrokerFolder::new();
        let broker = folder.open().await;
        let outgoing = [(); 4].map(|()| message().to(Exchange::Transactions, "transaction.webhook"));
        assert_eq!(broker.publish(outgoing.to_vec()).await, vec![Ok(()); 4]);
        let work = Arc::new(Patient { left: AtomicU32::new(5) });
        let figures = Arc::<Figures>::default();
        let pace = Pace::new(4, batch);
        let consuming = consume(broker.as_ref(), Queue::Webhook, pace, work, figures.clone());
        empty(broker.as_ref(), Queue::Webhook).await;
        let of = figures.of(Queue::Webhook);
        assert_eq!((of.done_count(), of.failed_count(), of.dead_count()), (4, 0, 0));
        consuming.stop().await;
    }
}

/// Counts batches, whatever is in them.
#[derive(Default)]
struct Counts {
    batches: AtomicU32,
}

#[async_trait]
impl Work for Counts {
    async fn work(&self, _: &Content) -> Result<Verdict, Away> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        Ok(Verdict::Done)
    }

    async fn work_together(&self, _: &[&Content]) -> Result<bool, Away> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_one_after_another_are_worked_on_together_and_one_alone_at_once() {
    const APART: Duration = Duration::from_millis(20);
    let folder = BrokerFolder::new();
    let broker = folder.open().await;
    let (work, figures) = (Arc::new(Counts::default()), Arc::<Figures>::default());
    let began = Instant::now();
    let pace = Pace { apart: APART, ..Pace::new(1, 1_000) };
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace, work.clone(), figures.clone());
    let done = || figures.of(Queue::Webhook).done_count();
    while done() < 100 {
        let outgoing = message().to(Exchange::Transactions, "transaction.webhook");
        assert_eq!(broker.publish(vec![outgoing]).await, [Ok(())]);
    }
    // None is full, so none begins sooner after the one before.
    let (batches, most) =
        (work.batches.load(Ordering::Relaxed), began.elapsed().div_duration_f64(APART) + 1.0);
    assert!(f64::from(batches) <= most, "{batches} batches, of {most} at most");
    empty(broker.as_ref(), Queue::Webhook).await;
    consuming.stop().await;
    // Longer than the test may take.
    let pace = Pace { apart: Duration::from_secs(3600), ..Pace::new(1, 1_000) };
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace, work, figures.clone());
    let outgoing = message().to(Exchange::Transactions, "transaction.webhook");
    assert_eq!(broker.publish(vec![outgoing]).await, [Ok(())]);
    let emptied = tokio::time::timeout(Duration::from_secs(60), empty(broker.as_ref(), Queue::Webhook)).await;
    assert!(emptied.is_ok(), "it waits for others");
    consuming.stop().await;
}

/// Waits until nothing is left in the queue.
async fn empty(broker: &dyn Broker, queue: Queue) {
    loop {
        let figures = broker.figures().await.expect("the broker is there");
        let of = figures.iter().find(|figures| figures.queue == queue).expect("it is there");
        if of.depth + of.paused + of.unsettled == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn consumers(broker: &dyn Broker, queue: Queue) -> u64 {
    let figures = broker.figures().await.expect("the broker is there");
    figures.iter().find(|figures| figures.queue == queue).map_or(0, |figures| figures.consumers)
}

/// Fails once, then it succeeds.
struct Stumbles {
    runs: AtomicU32,
}

#[async_trait]
impl Work for Stumbles {
    async fn work(&self, _: &Content) -> Result<Verdict, Away> {
        Ok(match self.runs.fetch_add(1, Ordering::Relaxed) {
            0 => Verdict::Failed("it stumbles".to_owned()),
            _ => Verdict::Done,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_again_since_nobody_settled_it_is_counted_and_what_failed_is_not() {
    let folder = BrokerFolder::new();
    let broker = folder.open().await;
    let publish = async || {
        let outgoing = message().to(Exchange::Transactions, "transaction.webhook");
        assert_eq!(broker.publish(vec![outgoing]).await, vec![Ok(())]);
    };
    publish().await;
    let mut dying = broker.subscribe(Queue::Webhook, 1);
    let unsettled = dying.next().await.expect("the broker is there");
    drop((unsettled, dying));
    // The other one is not to be his for a moment.
    while consumers(broker.as_ref(), Queue::Webhook).await > 0 {
        tokio::task::yield_now().await;
    }
    publish().await;
    let figures = Arc::<Figures>::default();
    let work = Arc::new(Stumbles { runs: AtomicU32::new(0) });
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace(1), work, figures.clone());
    empty(broker.as_ref(), Queue::Webhook).await;
    consuming.stop().await;
    let of = figures.of(Queue::Webhook);
    assert_eq!((of.done_count(), of.failed_count(), of.redelivered_count()), (2, 1, 1));
}

/// Works on batches without poison; alone, poison fails.
struct Tastes {
    poison: Uuid,
    /// Of how many messages each batch was, and whether it took effect.
    batches: Mutex<Vec<(usize, bool)>>,
}

#[async_trait]
impl Work for Tastes {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        Ok(if content.id == self.poison { Verdict::Dead("poison".to_owned()) } else { Verdict::Done })
    }

    async fn work_together(&self, contents: &[&Content]) -> Result<bool, Away> {
        let is_good = contents.iter().all(|content| content.id != self.poison);
        self.batches.lock().expect("no panic").push((contents.len(), is_good));
        Ok(is_good)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_take_effect_together_and_poison_among_them_harms_no_other() {
    let folder = BrokerFolder::new();
    let broker = folder.open().await;
    let messages: Vec<Content> = (0..64).map(|_| message()).collect();
    let poison = messages[40].id;
    let outgoing =
        messages.into_iter().map(|content| content.to(Exchange::Transactions, "transaction.webhook"));
    assert_eq!(broker.publish(outgoing.collect()).await, vec![Ok(()); 64]);
    let work = Arc::new(Tastes { poison, batches: Mutex::default() });
    let figures = Arc::<Figures>::default();
    let pace = Pace::new(2, 16);
    let consuming = consume(broker.as_ref(), Queue::Webhook, pace, work.clone(), figures.clone());
    let mut dead = broker.subscribe(Queue::DeadLetters, 1);
    let dead = dead.next().await.expect("the broker is there");
    assert_eq!(dead.content.id, poison);
    empty(broker.as_ref(), Queue::Webhook).await;
    let of = figures.of(Queue::Webhook);
    assert_eq!((of.done_count(), of.failed_count(), of.dead_count()), (63, 0, 1));
    consuming.stop().await;
    let batches = work.batches.lock().expect("no panic").clone();
    assert!(batches.iter().all(|(size, _)| (2..=16).contains(size)), "{batches:?}");
    assert!(batches.iter().any(|(_, is_good)| *is_good), "{batches:?}");
}
