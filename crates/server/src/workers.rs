//! What the server does by itself, beside answering.

mod book;
pub(crate) mod consumer;
pub mod inquirer;
pub mod sweeper;
