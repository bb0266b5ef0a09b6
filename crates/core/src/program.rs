//! A card program: the time zone its calendar windows follow and the currencies it keeps.

use serde::Serialize;

use crate::hold_days::HoldDays;
use crate::id::ProgramId;
use crate::money::Currency;
use crate::text::FreeText;
use crate::time::Zone;

/// A program. Its companies and persons belong to it for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its id.
    pub id: ProgramId,
    /// What operators call it.
    pub name: FreeText,
    /// What its calendar windows and schedules follow. It never changes.
    pub time_zone: Zone,
    /// At least one; the first is the default of new accounts.
    pub currencies: Vec<Currency>,
    /// What it allows.
    pub policies: Policies,
    /// How long its holds are kept.
    pub hold_days: HoldDays,
}

/// What a program allows beyond the usual. Nothing, unless it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Policies {
    /// Approve what there is where a terminal takes less than it asked. Only for card products
    /// that the processor lets do so (reference, 3.5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial_approvals: bool,
    /// Accept original credits: payments pushed to a card.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub original_credits: bool,
}
