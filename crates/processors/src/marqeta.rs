//! Marqeta's gateway just-in-time funding, `POST /jit/marqeta`, and what it reports afterwards,
//! `POST /webhooks/marqeta`.
//!
//! [`Credentials::accept`] says who calls, [`decode`] reads the body, the caller looks up the
//! tokens that [`JitRequest`] names, and [`JitRequest::into_command`] gives the command together
//! with the encoder of its answer.

mod decode;
mod details;
mod encode;
mod gateway_log;
mod link;
mod method;
mod report;
mod request;
mod terminal;
mod transaction;
mod verify;
mod webhook;
mod wire;

pub use decode::{NESTING_MAX, Reject, decode};
pub use encode::{Duplicate, approved_minor};
pub use report::{ReportEncoder, TransactionReport};
pub use request::JitRequest;
pub use verify::Credentials;
pub use webhook::{Notice, decode_webhook};
