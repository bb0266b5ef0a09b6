//! Marqeta's gateway just-in-time funding, `POST /jit/marqeta`.
//!
//! [`Credentials::accept`] says who calls, [`decode`] reads the body, the caller looks up the
//! tokens that [`JitRequest`] names, and [`JitRequest::into_command`] gives the command together
//! with the encoder of its answer.

mod decode;
mod encode;
mod method;
mod request;
mod terminal;
mod verify;
mod wire;

pub use decode::{NESTING_MAX, Reject, decode};
pub use encode::{Duplicate, approved_minor};
pub use request::JitRequest;
pub use verify::Credentials;
