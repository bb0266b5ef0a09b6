//! Which invariant each kind of difference breaks.

use std::fmt;

/// An invariant, by its id in ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// Posted amounts are the sums of their entries.
    L1,
    /// Held amounts are the sums of what hold groups hold; a group ends once.
    L3,
    /// What is available is posted less held, and covers every approval.
    L4,
    /// Entries are numbered without gaps.
    L5,
    /// What is pending is what was approved to come in and has not.
    L6,
    /// A message takes effect at most once.
    M1,
    /// One message has one answer.
    M2,
    /// A decline is final.
    M3,
    /// No more is released than remains.
    M4,
    /// What was answered is stored.
    D1,
    /// An answer is a decision or says that there is none.
    D2,
    /// The amount in the answer is the amount held.
    D4,
    /// No approval goes beyond a limit.
    V1,
    /// What a window has counted is what was taken from it, by the clock of the store.
    V2,
    /// Nothing is approved against a state that ended before.
    V3,
    /// An owner's messages are numbered without gaps.
    O3,
    /// What is decided or shown is decided or read on what is acknowledged.
    R1,
    /// No invariant: something was not read, so nobody knows.
    Unknown,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            invariant => fmt::Debug::fmt(invariant, f),
        }
    }
}

/// A kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something could not be read, or is not shown at all.
    Unread,
    /// A token was decided twice, or decided and never sent.
    Effect,
    /// The stored decision is about something else than what was sent.
    Content,
    /// An answer is neither a decision nor a word that there is none.
    NoDecision,
    /// What was answered is not stored, or not so.
    Stored,
    /// Another amount was answered than is stored as approved.
    AnsweredAmount,
    /// A repeat was answered otherwise than what it repeats.
    Repeat,
    /// A repeat was approved, and what it repeats was declined.
    Revived,
    /// It was granted, and should have been refused for this reason.
    Despite(&'static str),
    /// It was approved against a control that had been changed before.
    Outdated,
    /// It was decided otherwise than the books say.
    Decision,
    /// A control's check is listed otherwise than it comes out.
    Check,
    /// What is left of a limit is not what was not taken from it.
    Left,
    /// Time runs backwards.
    Time,
    /// A number of the owner is missing, given twice or given to what has none.
    Number,
    /// Less is shown than was acknowledged.
    Behind,
    /// A decision is not of the hold group that it belongs to, or an amount or a number of holds is off.
    Held,
    /// A posted amount is off.
    Posted,
    /// What will come in is off.
    Pending,
    /// An available amount is off.
    Available,
    /// Entries, or their number, are off.
    Entries,
}

impl Kind {
    pub(super) fn invariant(self) -> Invariant {
        match self {
            Self::Unread => Invariant::Unknown,
            Self::Effect => Invariant::M1,
            Self::Content | Self::Repeat => Invariant::M2,
            Self::Revived => Invariant::M3,
            Self::NoDecision => Invariant::D2,
            Self::Stored => Invariant::D1,
            Self::AnsweredAmount => Invariant::D4,
            Self::Despite(reason) => despite(reason),
            Self::Outdated => Invariant::V3,
            Self::Check => Invariant::V1,
            Self::Left | Self::Time => Invariant::V2,
            Self::Number => Invariant::O3,
            Self::Decision | Self::Behind => Invariant::R1,
            Self::Held => Invariant::L3,
            Self::Posted => Invariant::L1,
            Self::Pending => Invariant::L6,
            Self::Available => Invariant::L4,
            Self::Entries => Invariant::L5,
        }
    }
}

/// What is broken by granting something that there is this reason to refuse. Where no invariant is about
/// the reason itself, it was not decided on what was stored.
fn despite(reason: &str) -> Invariant {
    match reason {
        "insufficient_funds" => Invariant::L4,
        "hold_group_ended" => Invariant::L3,
        "more_than_held" => Invariant::M4,
        "amount_limit_exceeded" | "count_limit_exceeded" => Invariant::V1,
        "card_not_active" | "cardholder_not_active" | "owner_not_active" | "transition_not_allowed" => {
            Invariant::V3
        }
        _ => Invariant::R1,
    }
}
