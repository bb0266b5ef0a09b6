//! The embedded broker keeps the contract.

use bursar_broker::contract::{PAUSES, Place};
use bursar_broker::{BrokerError, Content, Exchange, Queue};
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
