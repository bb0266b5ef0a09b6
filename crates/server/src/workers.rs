//! What the server does by itself, beside answering.

pub(crate) mod consumer;
pub mod inquirer;
pub mod sweeper;
