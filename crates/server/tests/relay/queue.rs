//! What every consumer of a queue has in common.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use bursar_broker::contract::Place;
use bursar_broker::{Content, Exchange, Queue, Reason, Verdict};
use bursar_server::workers::queue::{Pace, Work, consume};
use bursar_testkit::BrokerFolder;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

fn message() -> Content {
    Content::new(Uuid::new_v4(), "test", b"{}".to_vec())
}

/// So many messages at once, each alone.
const fn pace(at_once: u16) -> Pace {
    Pace { at_once, batch: 1 }
}

struct Panics;

#[async_trait]
impl Work for Panics {
    async fn work(&self, _: &Content) -> Verdict {
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
    async fn work(&self, _: &Content) -> Verdict {
        self.began.send_modify(|count| *count += 1);
        self.may_end.notified().await;
        Verdict::Done
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
