//! What the server does by itself, beside answering.

mod book;
pub(crate) mod consumer;
pub mod inquirer;
pub mod queue;
pub mod relay;
pub mod requests;
pub mod sweeper;
