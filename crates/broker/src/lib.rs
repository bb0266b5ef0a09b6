//! The broker port: messages that are published to exchanges, routed to queues, and consumed.
//!
//! Whoever carries them, what a message goes through is the same: published until it is confirmed, delivered until it
//! is settled, tried again after pauses where it failed, and in the dead-letter queue after its last run. So it may come
//! twice, and whoever consumes takes effect once per [`Content::id`].

mod broker;
#[cfg(feature = "contract")]
pub mod contract;
mod delivery;
mod error;
mod message;
mod retry;
mod topology;

pub use broker::{Broker, QueueFigures, Subscription, publish_all, publish_one};
pub use delivery::{Delivery, Settlement, Verdict};
pub use error::{BrokerError, PublishError};
pub use message::{Address, Content, Death, Outgoing, Reason};
pub use retry::{Next, RETRIES, Retries};
pub use topology::{BINDINGS, Binding, Exchange, Keep, PerQueue, Queue, Target, matches, route};
