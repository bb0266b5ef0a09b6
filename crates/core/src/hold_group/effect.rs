//! What a message does to its hold group.

/// What a message does to its group. Amounts are minor units, zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: a decline, a verification, an inquiry.
    None,
    /// `H+ a`: an approved authorization or increment.
    Hold(i64),
    /// `H= a`: so much is held from now on, beside what was captured.
    Replace(i64),
    /// `P- a`: a debit that is posted at once, without a hold.
    Debit(i64),
    /// `P+ a`: a credit that is posted at once.
    Credit(i64),
    /// `C+ a`: a credit that was approved and has not cleared.
    PendingCredit(i64),
    /// `C= a`: so much of it is still to come.
    ReplaceCredit(i64),
    /// `H- a`: so much of what is held is released, and the group ends with the last of it.
    Release(i64),
    /// `C- a`: so much of the credit will not come.
    ReleaseCredit(i64),
    /// All that is still held is released, and the group ends.
    ReverseAll,
    /// The same, for it was held long enough.
    Expire,
    /// `P- a`: so much of what is held, or more than that, is posted. More may follow.
    Capture(i64),
    /// `P- a`, for the last time: what is still held is released.
    FinalCapture(i64),
    /// `P+ a`: so much of the pending credit, or more than that, is posted.
    ClearCredit(i64),
    /// `P+ a`: a debit that did not take place: the cash was not handed out.
    UndoDebit(i64),
    /// `P- a`: a credit that did not take place.
    UndoCredit(i64),
}

impl Effect {
    /// The word for it, and its amount if it has one.
    #[must_use]
    pub const fn parts(self) -> (&'static str, Option<i64>) {
        match self {
            Self::None => ("none", None),
            Self::Hold(minor) => ("hold", Some(minor)),
            Self::Replace(minor) => ("replace", Some(minor)),
            Self::Debit(minor) => ("debit", Some(minor)),
            Self::Credit(minor) => ("credit", Some(minor)),
            Self::PendingCredit(minor) => ("pending_credit", Some(minor)),
            Self::ReplaceCredit(minor) => ("replace_credit", Some(minor)),
            Self::Release(minor) => ("release", Some(minor)),
            Self::ReleaseCredit(minor) => ("release_credit", Some(minor)),
            Self::ReverseAll => ("reverse_all", None),
            Self::Expire => ("expire", None),
            Self::Capture(minor) => ("capture", Some(minor)),
            Self::FinalCapture(minor) => ("final_capture", Some(minor)),
            Self::ClearCredit(minor) => ("clear_credit", Some(minor)),
            Self::UndoDebit(minor) => ("undo_debit", Some(minor)),
            Self::UndoCredit(minor) => ("undo_credit", Some(minor)),
        }
    }

    /// Reads word and amount back; `None` if they are no effect.
    #[must_use]
    pub fn from_parts(word: &str, minor: Option<i64>) -> Option<Self> {
        match (word, minor) {
            ("none", None) => Some(Self::None),
            ("hold", Some(minor)) => Some(Self::Hold(minor)),
            ("replace", Some(minor)) => Some(Self::Replace(minor)),
            ("debit", Some(minor)) => Some(Self::Debit(minor)),
            ("credit", Some(minor)) => Some(Self::Credit(minor)),
            ("pending_credit", Some(minor)) => Some(Self::PendingCredit(minor)),
            ("replace_credit", Some(minor)) => Some(Self::ReplaceCredit(minor)),
            ("release", Some(minor)) => Some(Self::Release(minor)),
            ("release_credit", Some(minor)) => Some(Self::ReleaseCredit(minor)),
            ("reverse_all", None) => Some(Self::ReverseAll),
            ("expire", None) => Some(Self::Expire),
            ("capture", Some(minor)) => Some(Self::Capture(minor)),
            ("final_capture", Some(minor)) => Some(Self::FinalCapture(minor)),
            ("clear_credit", Some(minor)) => Some(Self::ClearCredit(minor)),
            ("undo_debit", Some(minor)) => Some(Self::UndoDebit(minor)),
            ("undo_credit", Some(minor)) => Some(Self::UndoCredit(minor)),
            _ => None,
        }
    }

    /// What its message's answer says was approved (D4).
    #[must_use]
    pub const fn approved_minor(self) -> i64 {
        match self {
            Self::Hold(minor) | Self::Debit(minor) | Self::Credit(minor) | Self::PendingCredit(minor) => {
                minor
            }
            _ => 0,
        }
    }

    /// What it posts of a hold, or beyond it.
    #[must_use]
    pub const fn captured_minor(self) -> i64 {
        match self {
            Self::Capture(minor) | Self::FinalCapture(minor) => minor,
            _ => 0,
        }
    }

    /// Which of two that happened at one time is the first: processors' clocks may tick once a second, and
    /// which message came first says nothing.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Hold(_) | Self::PendingCredit(_) => 0,
            Self::Debit(_) | Self::Credit(_) => 1,
            Self::Replace(_) | Self::ReplaceCredit(_) => 2,
            Self::Release(_) | Self::ReleaseCredit(_) => 3,
            Self::UndoDebit(_) | Self::UndoCredit(_) => 4,
            Self::Capture(_) | Self::ClearCredit(_) => 5,
            Self::FinalCapture(_) => 6,
            Self::ReverseAll | Self::Expire => 7,
            Self::None => 8,
        }
    }

    /// Whether it is about money that comes in.
    #[must_use]
    pub const fn is_credit(self) -> bool {
        matches!(
            self,
            Self::Credit(_)
                | Self::PendingCredit(_)
                | Self::ReplaceCredit(_)
                | Self::ReleaseCredit(_)
                | Self::ClearCredit(_)
                | Self::UndoCredit(_)
        )
    }
}
