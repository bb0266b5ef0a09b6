//! The embedded broker keeps the contract.

use bursar_broker::contract::{PAUSES, Place};
use bursar_broker::{BrokerError, Content, Exchange, Keep, Outgoing, PublishError, Queue};
use bursar_broker_sqlite::SqliteBroker;
use bursar_testkit::BrokerFolder;
use uuid::Uuid;

bursar_broker::broker_contract!(BrokerFolder::new());

#[tokio::test]
async fn the_folder_is_one_broker_s_at_a_time() {
    let place = BrokerFolder::new();
    let first = place.open().await;
    let second = SqliteBroker::open(place.path(), PAUSES).map(drop);
    assert!(
        matches!(&second, Err(BrokerError::InUse(what)) if what.contains("the embedded broker in")),
        "{second:?}"
    );
    drop(first);
    place.open().await;
}

/// Puts a trigger or a value into the file that the broker would not.
fn meddle(place: &BrokerFolder, statement: &str) {
    let other = rusqlite::Connection::open(place.path().join("broker.db")).expect("the file");
    other.execute_batch(statement).expect("it is done");
}

fn message(number: u128, key: &str) -> Outgoing {
    Content::new(Uuid::from_u128(number), "test", Vec::new()).to(Exchange::Transactions, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_file_does_not_take_harms_no_other_of_its_batch() {
    let place = BrokerFolder::new();
    let broker = place.open().await;
    meddle(
        &place,
        "create trigger picky before insert on messages when new.kind = 'bad' and new.queue = 'events-queue'
         begin select raise(abort, 'not this one'); end",
    );
    // To two queues, of which the second does not take it.
    let mut bad = message(2, "transaction.created");
    bad.content.kind = "bad".to_owned();
    let batch = vec![message(1, "transaction.created"), bad, message(3, "transaction.created")];
    let results = broker.publish(batch).await;
    assert!(matches!(&results[..], [Ok(()), Err(PublishError::Refused(_)), Ok(())]), "{results:?}");
    for queue in [Queue::TransactionProcessing, Queue::Events] {
        let mut consumer = broker.subscribe(queue, 5);
        for number in [1, 3] {
            let delivery = consumer.next().await.expect("it is there");
            assert_eq!(delivery.content.id.as_u128(), number, "{queue}");
            delivery.done().await.expect("it is settled");
        }
        let figures = broker.figures().await.expect("it is there");
        let of = figures.iter().find(|of| of.queue == queue).expect("every queue has figures");
        assert_eq!((of.depth, of.unsettled), (0, 0), "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_makes_room_like_every_other() {
    let place = BrokerFolder::new();
    let Keep::Newest(most) = Queue::Unrouted.keeps() else { panic!("nobody has to read it") };
    let broker = place.open().await;
    assert_eq!(broker.publish(vec![message(1, "no.such.key")]).await, [Ok(())]);
    meddle(&place, "update messages set id = x'00'");
    let more = (0..u128::from(most)).map(|number| message(2 + number, "no.such.key")).collect();
    assert!(broker.publish(more).await.iter().all(Result::is_ok));
    let figures = broker.figures().await.expect("it is there");
    let of = figures.iter().find(|of| of.queue == Queue::Unrouted).expect("every queue has figures");
    assert_eq!(of.depth, u64::from(most));
    let mut consumer = broker.subscribe(Queue::Unrouted, 1);
    assert_eq!(consumer.next().await.expect("it is there").content.id.as_u128(), 2);
}

/// Whatever else the same commit would have done.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_settled_is_delivered_again() {
    let place = BrokerFolder::new();
    let broker = place.open().await;
    let message = Content::new(Uuid::from_u128(1), "test", Vec::new());
    let published = broker.publish(vec![message.to(Exchange::Transactions, "transaction.webhook")]).await;
    assert_eq!(published, [Ok(())]);
    let mut consumer = broker.subscribe(Queue::Webhook, 1);
    let delivery = consumer.next().await.expect("it is there");
    // Somebody else writes, for longer than the broker waits for the lock.
    let other = rusqlite::Connection::open(place.path().join("broker.db")).expect("the file");
    other.execute_batch("begin immediate").expect("the lock");
    assert!(matches!(delivery.done().await, Err(BrokerError::Away(_))));
    other.execute_batch("rollback").expect("no lock");
    let again = consumer.next().await.expect("it is there");
    assert_eq!(again.content.id, Uuid::from_u128(1));
    assert!(again.is_redelivered);
    again.done().await.expect("it is settled");
}
