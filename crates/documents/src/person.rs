//! A person, as a card program needs to know one.

use std::fmt;

use bursar_core::text::FreeText;
use bursar_core::{Country, OwnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::contact::{Email, Phone};

/// A person of a program. `Debug` shows ids only.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is in the ledger.
    pub id: OwnerId,
    /// Whose customer it is.
    pub program: ProgramId,
    /// What identifies the person.
    pub profile: Profile,
    /// Raised by each change of the profile: 1 at first. Who changes it says which one was seen.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What identifies a person. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    /// First names.
    pub given_name: FreeText,
    /// Last names.
    pub family_name: FreeText,
    /// Persons may share one, also within a program: whether they may is the program's to decide.
    pub email: Option<Email>,
    /// As the address of e-mail.
    pub phone: Option<Phone>,
    /// The day of birth.
    pub birth_date: Option<Date>,
    /// Where letters and cards are sent.
    pub address: Option<Address>,
}

/// A postal address. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street, house and what else stands above the city.
    pub lines: Vec<FreeText>,
    /// City.
    pub city: FreeText,
    /// State, province or county, where letters need one.
    pub region: Option<FreeText>,
    /// As the country writes them.
    pub postal_code: Option<FreeText>,
    /// ISO 3166-1, two letters.
    pub country: Country,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, program, version, .. } = self;
        f.debug_struct("Person")
            .field("id", id)
            .field("program", program)
            .field("version", version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}
