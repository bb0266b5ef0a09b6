//! Tells RabbitMQ the topology, and asks how full its queues are.

use std::time::Duration;

use bursar_broker::{BINDINGS, BrokerError, Exchange, Keep, Queue, QueueFigures, Retries, Target};
use lapin::options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

/// A consumer that dies is not the message's fault: RabbitMQ is not to bury anything by itself. From 4.0 on it would
/// after 20 deliveries, so a limit has to be set; "none" is only known to it from then on.
const DELIVERIES_MAX: i64 = 1_000_000_000;

/// Declares exchanges, queues, wait queues and bindings. What is there as it should be stays.
pub(crate) async fn declare(connection: &Connection, retries: &Retries) -> Result<(), BrokerError> {
    let channel = &connection.create_channel().await.map_err(misfit)?;
    for exchange in Exchange::ALL {
        let (kind, arguments) = exchange_arguments(exchange);
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.name().into(), kind, options, arguments).await.map_err(misfit)?;
    }
    for queue in Queue::ALL {
        declare_queue(channel, queue.name(), queue_arguments(queue)).await?;
        for pause in pauses(queue, retries) {
            declare_queue(channel, &wait_queue(queue, pause), wait_arguments(queue, pause)).await?;
        }
    }
    for binding in BINDINGS {
        let (from, keys) = (binding.from.name().into(), binding.keys.into());
        let bound = match binding.to {
            Target::Queue(queue) => {
                let options = QueueBindOptions::default();
                channel.queue_bind(queue.name().into(), from, keys, options, FieldTable::default()).await
            }
            Target::Exchange(to) => {
                let options = ExchangeBindOptions::default();
                channel.exchange_bind(to.name().into(), from, keys, options, FieldTable::default()).await
            }
        };
        bound.map_err(misfit)?;
    }
    Ok(())
}

/// The queue in which a queue's messages wait for so long. A queue's arguments cannot be changed, so its name has them.
pub(crate) fn wait_queue(queue: Queue, pause: Duration) -> String {
    format!("{queue}.retry-{}ms", pause.as_millis())
}

/// How full each queue is, but for what was delivered, which RabbitMQ does not tell here. A queue that is missing closes
/// the channel, and whoever watches the connection gives it up: so one is noticed that nobody consumes here.
pub(crate) async fn count(connection: &Connection, retries: &Retries) -> lapin::Result<Vec<QueueFigures>> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let look = async |name: String| channel.queue_declare(name.into(), passive, FieldTable::default()).await;
    let mut counts = Vec::with_capacity(Queue::ALL.len());
    for queue in Queue::ALL {
        let state = look(queue.name().to_owned()).await?;
        let mut paused = 0;
        for pause in pauses(queue, retries) {
            paused += u64::from(look(wait_queue(queue, pause)).await?.message_count());
        }
        let (depth, consumers) = (state.message_count().into(), state.consumer_count().into());
        counts.push(QueueFigures { queue, depth, paused, consumers, unsettled: 0 });
    }
    channel.close(200, "counted".into()).await?;
    Ok(counts)
}

/// The lengths of a queue's pauses, each once.
fn pauses(queue: Queue, retries: &Retries) -> Vec<Duration> {
    let mut pauses = retries.0.to_vec();
    pauses.sort_unstable();
    pauses.dedup();
    match queue.keeps() {
        Keep::All => pauses,
        // Nothing of it is tried again.
        Keep::Newest(_) => Vec::new(),
    }
}

fn exchange_arguments(exchange: Exchange) -> (ExchangeKind, FieldTable) {
    let mut arguments = FieldTable::default();
    if exchange == Exchange::Unrouted {
        return (ExchangeKind::Fanout, arguments);
    }
    arguments.insert("alternate-exchange".into(), text(Exchange::Unrouted.name()));
    (ExchangeKind::Topic, arguments)
}

fn queue_arguments(queue: Queue) -> FieldTable {
    let mut arguments = quorum();
    match queue.keeps() {
        Keep::All => arguments.insert("x-overflow".into(), text("reject-publish")),
        Keep::Newest(most) => {
            arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(most.into()));
            arguments.insert("x-overflow".into(), text("drop-head"))
        }
    };
    if let Some(key) = queue.dead_key() {
        arguments.insert("x-dead-letter-exchange".into(), text(Exchange::Transactions.name()));
        arguments.insert("x-dead-letter-routing-key".into(), text(key));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    }
    arguments
}

/// What waits long enough goes back to its queue.
fn wait_arguments(queue: Queue, pause: Duration) -> FieldTable {
    let mut arguments = quorum();
    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(pause));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(queue.name()));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERIES_MAX));
    arguments
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(name.into(), options, arguments).await.map(drop).map_err(misfit)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// RabbitMQ's refusal names what is different: "inequivalent arg 'x-queue-type' for queue 'webhook-queue' …".
fn misfit(error: lapin::Error) -> BrokerError {
    let ErrorKind::ProtocolError(refusal) = error.kind() else { return BrokerError::Away(error.to_string()) };
    if *refusal.kind() != AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) {
        return BrokerError::Away(error.to_string());
    }
    let difference = refusal.get_message().to_string();
    let named = difference.split(" for ").nth(1).and_then(|rest| rest.split(" in vhost").next());
    BrokerError::Misfit {
        what: named.unwrap_or("an exchange or a queue").to_owned(),
        difference,
        remedy: "delete it once it is empty, or use another vhost",
    }
}
