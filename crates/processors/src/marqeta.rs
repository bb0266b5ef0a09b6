//! Marqeta's gateway just-in-time funding, `POST /jit/marqeta`, and what it reports afterwards,
//! `POST /webhooks/marqeta`.
//!
//! [`Credentials::accept`] says who calls, [`decode`] reads the body, the caller looks up the
//! tokens that [`JitRequest`] names, and [`JitRequest::into_command`] gives the command together
//! with the encoder of its answer.

mod answer;
mod decode;
mod details;
mod encode;
mod event;
mod gateway_log;
mod link;
mod method;
mod notice;
mod report;
mod request;
mod terminal;
mod transaction;
mod transition;
mod verify;
mod webhook;
mod wire;

pub use answer::{TransactionPage, decode_transaction, decode_transactions};
pub use decode::{NESTING_MAX, Reject, decode};
pub use encode::{Duplicate, approved_minor};
pub use event::Event;
pub use notice::Notice;
pub use report::{ReportEncoder, TransactionReport};
pub use request::JitRequest;
pub use transition::{FoundSubject, Subject, Transition};
pub use verify::Credentials;
pub use webhook::{Delivered, Unreadable, decode_webhook};
