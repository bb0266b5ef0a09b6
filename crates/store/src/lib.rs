//! The ledger port: what every store promises, whatever engine keeps it.
//!
//! [`Ledger::transact`] is the heart: one batch of commands, decided by `bursar_core` and saved in
//! one durable step. [`Reader`] reads what is committed. [`Inbox`] keeps what is still to be booked, [`Outbox`] what is
//! still to be published.
//! [`books::check`] recomputes every balance and hold from messages and journal. [`copy`] moves a ledger from one
//! store to another.
//! [`contract`] is the suite that each engine has to pass.

pub mod books;
mod clock;
pub mod columns;
#[cfg(feature = "contract")]
pub mod contract;
pub mod copy;
mod dead_letter;
mod endpoint;
mod error;
mod identity;
mod inbox;
mod ledger;
mod outbox;
mod pool;
mod purchase;
mod reader;
pub mod schema;
mod stage;
mod sweep;
mod transaction_record;

pub use clock::Clock;
pub use dead_letter::{
    DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetters, NewDeadLetter, Resolution,
};
pub use endpoint::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationStanding, NotificationState,
};
pub use error::StoreError;
pub use identity::Identity;
pub use inbox::{Counts, Inbox, Item, ItemKey, ItemState, NewItem, Put, RUNS_MAX, Store, later};
pub use ledger::{Batch, Ledger, Member, Settled, Transacted};
pub use outbox::{AHEAD_MAX, Backlog, EventKey, Outbox, Waiting};
pub use pool::PoolUse;
pub use purchase::{Purchase, PurchaseFilter, keys_of_transactions};
pub use reader::{
    AuthorizationFilter, AuthorizationRecord, ControlFilter, DiscrepancyFilter, Entry, ListedDiscrepancy,
    ListedMessage, Page, Reader, Slice, Spending, Totals,
};
pub use stage::{STAGES, Stage, StageTimes};
pub use sweep::{IdleGroup, IdleSlice, Sweep};
pub use transaction_record::{RecordFilter, TransactionRecord, TransactionRecords};
