//! Sends events to those who subscribed to them, as [Standard Webhooks] says: signed, to a public address only, and
//! without following anybody anywhere.
//!
//! One call of [`Sender::send`] is one attempt. Whether and when there is another is for the caller, who keeps the
//! message's id: it is the same in every attempt, and by it a subscriber knows what it has had.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod address;
mod resolver;
mod secret;
mod sender;
mod url;

pub use secret::{Secret, SecretError};
pub use sender::{Message, Outcome, Sender, Sent, Settings};
pub use url::url_problem;
