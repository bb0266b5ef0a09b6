//! What carries messages, and what becomes of events.

use std::time::Duration;

use bursar_broker::Retries;

use super::read::Reader;
use super::{SecretUrl, read_url};
use crate::services::rabbitmq;

/// A day, in seconds.
const DAY_S: u64 = 24 * 3600;

/// RabbitMQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rabbitmq {
    /// `None` means the embedded broker.
    pub(crate) url: Option<SecretUrl>,
    pub(crate) connect_timeout: Duration,
    pub(crate) confirm_timeout: Duration,
}

/// What becomes of messages that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) retries: Retries,
}

/// Events in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) kept: Duration,
    pub(crate) rest_above: usize,
}

/// A program's own systems that are told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhooks {
    pub(crate) timeout: Duration,
    pub(crate) allow_private: bool,
    pub(crate) kept: Duration,
}

impl Rabbitmq {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            url: read_url(reader, "rabbitmq.url", &rabbitmq::SERVICE),
            connect_timeout: reader.milliseconds("rabbitmq.connect_timeout_ms", 100..=600_000),
            confirm_timeout: reader.milliseconds("rabbitmq.confirm_timeout_ms", 100..=600_000),
        }
    }
}

impl Queues {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let keys = ["queues.retry_first_ms", "queues.retry_second_ms", "queues.retry_third_ms"];
        Self { retries: Retries(keys.map(|key| reader.milliseconds(key, 1..=86_400_000))) }
    }
}

impl Events {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            kept: days(reader, "events.kept_days"),
            rest_above: reader.count("events.rest_above", 1..=1_000_000),
        }
    }
}

impl Webhooks {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            timeout: reader.milliseconds("webhooks.timeout_ms", 100..=60_000),
            allow_private: reader
                .choice("webhooks.private_networks", &[("refused", false), ("allowed", true)]),
            kept: days(reader, "webhooks.kept_days"),
        }
    }
}

fn days(reader: &mut Reader, key: &'static str) -> Duration {
    Duration::from_secs(DAY_S * reader.count::<u64>(key, 1..=3_650))
}
