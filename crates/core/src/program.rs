//! A card program: the time zone its calendar windows follow and the currencies it keeps.

use serde::Serialize;

use crate::id::ProgramId;
use crate::money::Currency;
use crate::text::FreeText;

/// A program. Its companies and persons belong to it for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its id.
    pub id: ProgramId,
    /// What operators call it.
    pub name: FreeText,
    /// IANA name, e.g. `America/New_York`.
    pub time_zone: String,
    /// At least one; the first is the default of new accounts.
    pub currencies: Vec<Currency>,
    /// What it allows.
    pub policies: Policies,
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

/// The name is not in the IANA time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IANA time zone, such as America/New_York")]
pub struct TimeZoneError(pub String);

/// Checks an IANA time zone name against the built-in database.
///
/// # Errors
/// The database does not know the name.
pub fn time_zone(name: &str) -> Result<jiff::tz::TimeZone, TimeZoneError> {
    jiff::tz::TimeZone::get(name).map_err(|_| TimeZoneError(name.chars().take(64).collect()))
}
