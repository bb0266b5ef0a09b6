//! The rules of the ledger. Pure: no I/O, no async, no clock, no randomness.
//!
//! Every change to money or to a status is a [`Command`]. A store locks and loads what
//! [`Command::keys`] names, runs [`decide_batch`] on that [`State`], saves and commits.
//! Everything here is a function of its arguments, so a batch can be run again, a crash can be
//! replayed and a test needs no set-up.

pub mod command;
pub mod money;

pub mod account;
pub mod card;
pub mod cardholder;
pub mod hold_days;
pub mod owner;
pub mod program;

pub mod control;
pub mod mcc_group;
pub mod window;

pub mod details;
pub mod hold_group;
pub mod journal;
pub mod merchant;
pub mod message;

pub mod check;
pub mod decide;
pub mod discrepancy;
pub mod event;
pub mod explain;
pub mod state;

pub mod id;
pub mod text;
pub mod time;
mod word;

pub use account::Account;
pub use card::{Card, CardStatus};
pub use cardholder::{Cardholder, CardholderStatus};
pub use check::{Check, CheckName, DeclineReason};
pub use command::{Action, Command, Keys};
pub use control::{Control, ControlStatus, Scope};
pub use decide::{Change, Decided, Encode, Fault, Outcome, Work, decide_batch};
pub use details::Details;
pub use discrepancy::{Closing, Discrepancy, DiscrepancyKind};
pub use hold_group::{GroupStatus, HoldGroup};
pub use id::{AccountId, CardId, CardholderId, ControlId, EventId, JournalId, MessageId, OwnerId, ProgramId};
pub use merchant::{Channel, Country, Mcc, Merchant};
pub use message::{Answer, Message, MessageKey};
pub use money::{Currency, Money};
pub use owner::{Owner, OwnerKind, OwnerStatus};
pub use program::Program;
pub use state::State;
pub use time::Zone;
pub use window::Window;
