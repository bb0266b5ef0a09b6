//! What is looked through in the order of commits for holds of which nothing more is heard.

use bursar_core::{Mcc, MessageId, ProgramId};

/// How far a search for holds of which nothing more is heard has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// How many days old they are; [`Sweep::UNCONFIRMED`] of those that are to be confirmed by now.
    pub days: u16,
    /// All messages up to this position were looked at.
    pub position: i64,
}

impl Sweep {
    /// In place of a number of days: holds that their processor should have confirmed.
    pub const UNCONFIRMED: u16 = 0;
}

/// Hold groups that were found by a walk along the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleSlice {
    /// What was found.
    pub groups: Vec<IdleGroup>,
    /// All messages up to this position were looked at: go on behind it.
    pub position: i64,
    /// Whether the walk ended at its limit, and more may be old enough.
    pub has_more: bool,
}

/// A hold group by one of its messages, as far as its root tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleGroup {
    /// The place of that message in the order of commits.
    pub position: i64,
    /// That message: the last that may have moved anything, or a decision that nobody has confirmed.
    pub message: MessageId,
    /// The message that began the group.
    pub root: MessageId,
    /// The program that it belongs to.
    pub program: ProgramId,
    /// What kind of business the purchase was made at, if the message that began the group tells.
    pub mcc: Option<Mcc>,
}
