//! Which message comes where.

use super::Place;
use super::given::{
    all_published, consumer, content, done, figures, next, nothing_waits, published, webhook,
};
use crate::broker::publish_all;
use crate::error::PublishError;
use crate::message::{Address, Content, Outgoing};
use crate::topology::{Exchange, Keep, Queue};

pub(super) async fn a_message_comes_once_to_every_queue_that_its_key_leads_to(place: &dyn Place) {
    let broker = place.open().await;
    // The second goes where the first went: in each queue nothing is between them, nor after the second.
    let messages = [(); 2].map(|()| content().to(Exchange::Transactions, "transaction.created"));
    all_published(broker.as_ref(), &messages).await;
    for queue in [Queue::TransactionProcessing, Queue::Events] {
        let mut consumer = consumer(broker.as_ref(), queue);
        for message in &messages {
            assert_eq!(done(&mut consumer).await.id, message.content.id, "{queue}");
        }
        figures(broker.as_ref(), queue, |of| of.depth == 0 && of.unsettled == 0).await;
        let probe = Outgoing { to: Address::Queue(queue.name().to_owned()), content: content() };
        nothing_waits(broker.as_ref(), &mut consumer, probe).await;
    }
}

pub(super) async fn a_message_arrives_as_it_was_published(place: &dyn Place) {
    let broker = place.open().await;
    let mut message = webhook();
    message.content.reply_to = Some("answers".to_owned());
    message.content.correlation_id = Some("question-1".to_owned());
    message.content.body = (0..=255).collect();
    published(broker.as_ref(), &message).await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.queue, Queue::Webhook);
    assert!(!delivery.is_redelivered);
    assert!(delivery.content.published_at.is_some());
    assert_eq!(Content { published_at: None, ..delivery.content.clone() }, message.content);
    delivery.done().await.expect("it is settled");
}

pub(super) async fn what_no_queue_is_bound_to_is_kept_apart(place: &dyn Place) {
    let broker = place.open().await;
    for (exchange, key) in [(Exchange::Transactions, "no.such.key"), (Exchange::Transactions, "failed")] {
        let message = content().to(exchange, key);
        published(broker.as_ref(), &message).await;
        let mut consumer = consumer(broker.as_ref(), Queue::Unrouted);
        assert_eq!(done(&mut consumer).await.id, message.content.id, "{key}");
    }
}

pub(super) async fn an_answer_goes_to_the_queue_that_was_named(place: &dyn Place) {
    let broker = place.open().await;
    let name = Queue::JitFundingResponse.name().to_owned();
    let message = Outgoing { to: Address::Queue(name), content: content() };
    published(broker.as_ref(), &message).await;
    let mut consumer = consumer(broker.as_ref(), Queue::JitFundingResponse);
    assert_eq!(done(&mut consumer).await.id, message.content.id);
}

pub(super) async fn an_answer_to_a_queue_that_is_not_there_is_refused(place: &dyn Place) {
    let broker = place.open().await;
    let lost = Outgoing { to: Address::Queue("nobody".to_owned()), content: content() };
    let good = webhook();
    let results = broker.publish(vec![lost.clone(), good.clone()]).await;
    assert!(matches!(results[..], [Err(PublishError::Unroutable(_)), Ok(())]), "{results:?}");
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    assert_eq!(done(&mut consumer).await.id, good.content.id);
    // Who asks for all of them is told of it, wherever it is.
    for messages in [vec![good.clone(), lost.clone()], vec![lost, good.clone()]] {
        let published = publish_all(broker.as_ref(), messages).await;
        assert!(matches!(published, Err(PublishError::Unroutable(_))), "{published:?}");
        assert_eq!(done(&mut consumer).await.id, good.content.id);
    }
}

pub(super) async fn a_queue_that_nobody_has_to_read_keeps_the_newest(place: &dyn Place) {
    let Keep::Newest(most) = Queue::Unrouted.keeps() else { panic!("nobody has to read it") };
    let broker = place.open().await;
    let message = |_| content().to(Exchange::Transactions, "no.such.key");
    let messages: Vec<Outgoing> = (0..most + 5).map(message).collect();
    for some in messages.chunks(1_000) {
        all_published(broker.as_ref(), some).await;
    }
    figures(broker.as_ref(), Queue::Unrouted, |of| of.depth == most.into()).await;
    let mut consumer = consumer(broker.as_ref(), Queue::Unrouted);
    assert_eq!(done(&mut consumer).await.id, messages[5].content.id);
}

pub(super) async fn a_thousand_messages_come_in_the_order_of_their_publishing(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..1_000).map(|_| webhook()).collect();
    for some in messages.chunks(250) {
        all_published(broker.as_ref(), some).await;
    }
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    for message in &messages {
        assert_eq!(done(&mut consumer).await.id, message.content.id);
    }
}
