//! The broker on RabbitMQ, 3.10 or newer.
//!
//! A supervisor connects, declares the topology and hands out a *session*; on any fault it drops that whole and begins
//! anew. Publishing and consuming have connections of their own: RabbitMQ stops reading from whoever publishes when it
//! is low on memory, and what is said of deliveries must not wait behind that.

mod acks;
mod broker;
mod consumer;
mod content;
mod publisher;
mod session;
mod supervisor;
mod topology;
mod url;

pub use broker::{Options, RabbitBroker};
pub use url::{URL_FORM, describe, url_problem};
