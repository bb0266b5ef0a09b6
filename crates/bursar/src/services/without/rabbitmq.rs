//! In the place of `services/rabbitmq.rs` where RabbitMQ is not built in.

use std::sync::Arc;

use bursar_broker::{Broker, Retries};

use super::Service;
use crate::Failure;
use crate::config::{Rabbitmq, SecretUrl};

pub(crate) const SERVICE: Service = Service { name: "RabbitMQ", feature: "rabbitmq", url: None };

pub(crate) async fn start(_: &Rabbitmq, _: &SecretUrl, _: Retries) -> Result<Arc<dyn Broker>, Failure> {
    Err(SERVICE.missing().into())
}
