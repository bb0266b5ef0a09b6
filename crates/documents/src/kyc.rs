//! What is known of a person's identity, and how far its verification came.

use std::fmt;

use bursar_core::text::{FreeText, Token};
use bursar_core::{Country, OwnerId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is known of a person's identity.
#[derive(Clone, PartialEq, Eq)]
pub struct Kyc {
    /// Whose.
    pub person: OwnerId,
    /// How far the verification came.
    pub status: KycStatus,
    /// How thoroughly, in the program's words.
    pub level: Option<FreeText>,
    /// What whoever verifies calls the case.
    pub provider_reference: Option<Token>,
    /// What the person showed.
    pub document: Option<IdentityDocument>,
    /// Every step, the first one first.
    pub transitions: Vec<KycTransition>,
    /// The law has it kept for so long: a person that is to be erased before is locked until then.
    pub retain_until: Option<Date>,
    /// Raised by each step: 0 before the first.
    pub version: i64,
}

/// How far the verification of an identity came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycStatus {
    /// Nobody was asked.
    NotStarted,
    /// The person was asked, and has something to show.
    Pending,
    /// Somebody looks at it.
    InReview,
    /// The person is who it says.
    Approved,
    /// It could not be shown.
    Rejected,
    /// It was shown too long ago, or the person did not answer.
    Expired,
}

/// The steps that there are, from and to. Everything may be asked anew but what is under way; what was approved is
/// rejected only after a review, so that somebody's reasons are in the history.
pub const TRANSITIONS: &[(KycStatus, KycStatus)] = &[
    (KycStatus::NotStarted, KycStatus::Pending),
    (KycStatus::Pending, KycStatus::InReview),
    (KycStatus::Pending, KycStatus::Approved),
    (KycStatus::Pending, KycStatus::Rejected),
    (KycStatus::Pending, KycStatus::Expired),
    (KycStatus::InReview, KycStatus::Pending),
    (KycStatus::InReview, KycStatus::Approved),
    (KycStatus::InReview, KycStatus::Rejected),
    (KycStatus::Approved, KycStatus::InReview),
    (KycStatus::Approved, KycStatus::Expired),
    (KycStatus::Rejected, KycStatus::Pending),
    (KycStatus::Expired, KycStatus::Pending),
];

/// As many steps as one person may take: all of them are kept, in one document.
pub const TRANSITIONS_MAX: usize = 500;

/// A document that shows who somebody is. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityDocument {
    /// What it is.
    pub kind: IdentityKind,
    /// Its number.
    pub number: Token,
    /// Who issued it.
    pub issuing_country: Country,
    /// Until when it is valid, if it ends.
    pub expires_on: Option<Date>,
}

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A passport.
    Passport,
    /// A national identity card.
    IdentityCard,
    /// A driving licence.
    DrivingLicence,
    /// A residence permit.
    ResidencePermit,
}

/// A step that was taken. `Debug` does not show its reason.
#[derive(Clone, PartialEq, Eq)]
pub struct KycTransition {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: KycStatus,
    /// What it is.
    pub to: KycStatus,
    /// Why.
    pub reason: Option<FreeText>,
}

/// A step to take. What it says nothing of stays.
#[derive(Clone, PartialEq, Eq)]
pub struct KycStep {
    /// Where to.
    pub to: KycStatus,
    /// Why.
    pub reason: Option<FreeText>,
    /// [`Kyc::level`].
    pub level: Option<FreeText>,
    /// [`Kyc::provider_reference`].
    pub provider_reference: Option<Token>,
    /// [`Kyc::document`].
    pub document: Option<IdentityDocument>,
    /// [`Kyc::retain_until`].
    pub retain_until: Option<Date>,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KycRefusal {
    /// There is no such step.
    #[error("what is {from} cannot become {to}")]
    NoSuchStep {
        /// What it is.
        from: KycStatus,
        /// What was asked for.
        to: KycStatus,
    },
    /// [`TRANSITIONS_MAX`].
    #[error("it has taken {TRANSITIONS_MAX} steps, and that is all there may be")]
    TooManySteps,
}

impl KycStatus {
    /// Every status, in order.
    pub const ALL: [Self; 6] =
        [Self::NotStarted, Self::Pending, Self::InReview, Self::Approved, Self::Rejected, Self::Expired];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Pending => "pending",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether there is a step from here to there.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        TRANSITIONS.contains(&(self, to))
    }
}

impl fmt::Display for KycStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Kyc {
    /// Of a person who was never asked.
    #[must_use]
    pub const fn not_started(person: OwnerId) -> Self {
        Self {
            person,
            status: KycStatus::NotStarted,
            level: None,
            provider_reference: None,
            document: None,
            transitions: Vec::new(),
            retain_until: None,
            version: 0,
        }
    }

    /// It, after this step.
    ///
    /// # Errors
    /// It may not be taken from here.
    pub fn after(mut self, step: KycStep, at: Timestamp) -> Result<Self, KycRefusal> {
        let (from, to) = (self.status, step.to);
        if !from.may_become(to) {
            return Err(KycRefusal::NoSuchStep { from, to });
        }
        if self.transitions.len() >= TRANSITIONS_MAX {
            return Err(KycRefusal::TooManySteps);
        }
        self.transitions.push(KycTransition { at, from, to, reason: step.reason });
        Ok(Self {
            status: to,
            level: step.level.or(self.level),
            provider_reference: step.provider_reference.or(self.provider_reference),
            document: step.document.or(self.document),
            retain_until: step.retain_until.or(self.retain_until),
            version: self.version + 1,
            ..self
        })
    }
}

impl KycStep {
    /// A step that says nothing but where to.
    #[must_use]
    pub const fn to(to: KycStatus) -> Self {
        Self { to, reason: None, level: None, provider_reference: None, document: None, retain_until: None }
    }
}

impl fmt::Debug for Kyc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { person, status, version, .. } = self;
        f.debug_struct("Kyc")
            .field("person", person)
            .field("status", status)
            .field("version", version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IdentityDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityDocument")
    }
}

impl fmt::Debug for KycTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} at {}", self.from, self.to, self.at)
    }
}

impl fmt::Debug for KycStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}", self.to)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn kyc() -> Kyc {
        Kyc::not_started(OwnerId::new(Uuid::from_u128(1)))
    }

    #[test]
    fn a_status_survives_its_word() {
        for status in KycStatus::ALL {
            assert_eq!(KycStatus::from_word(status.as_str()), Some(status));
        }
        assert_eq!(KycStatus::from_word("unknown"), None);
    }

    #[test]
    fn only_the_steps_of_the_table_are_taken() {
        for from in KycStatus::ALL {
            for to in KycStatus::ALL {
                let after = Kyc { status: from, ..kyc() }.after(KycStep::to(to), Timestamp::UNIX_EPOCH);
                match TRANSITIONS.contains(&(from, to)) {
                    true => assert_eq!(after.map(|kyc| (kyc.status, kyc.version)), Ok((to, 1))),
                    false => assert_eq!(after, Err(KycRefusal::NoSuchStep { from, to })),
                }
            }
        }
    }

    #[test]
    fn every_status_can_be_left_and_reached() {
        for status in KycStatus::ALL {
            assert!(TRANSITIONS.iter().any(|(from, _)| *from == status), "{status} is never left");
            let is_first = status == KycStatus::NotStarted;
            assert_ne!(TRANSITIONS.iter().any(|(_, to)| *to == status), is_first, "{status}");
        }
    }

    #[test]
    fn a_step_changes_what_it_names_and_keeps_the_rest() {
        let level = FreeText::new("full");
        let first = KycStep { level: Some(level.clone()), ..KycStep::to(KycStatus::Pending) };
        let day = jiff::civil::date(2031, 1, 1);
        let second = KycStep { retain_until: Some(day), ..KycStep::to(KycStatus::Approved) };
        let kyc = kyc().after(first, Timestamp::UNIX_EPOCH).expect("a step");
        let kyc = kyc.after(second, Timestamp::UNIX_EPOCH).expect("a step");
        assert_eq!((kyc.level, kyc.retain_until, kyc.version), (Some(level), Some(day), 2));
        let steps: Vec<_> = kyc.transitions.iter().map(|step| (step.from, step.to)).collect();
        assert_eq!(
            steps,
            [(KycStatus::NotStarted, KycStatus::Pending), (KycStatus::Pending, KycStatus::Approved)]
        );
    }

    #[test]
    fn there_is_an_end_of_steps() {
        let mut kyc = kyc().after(KycStep::to(KycStatus::Pending), Timestamp::UNIX_EPOCH).expect("a step");
        let steps = [KycStatus::InReview, KycStatus::Pending].into_iter().cycle();
        for to in steps.take(TRANSITIONS_MAX - 1) {
            kyc = kyc.after(KycStep::to(to), Timestamp::UNIX_EPOCH).expect("a step");
        }
        let one_more = KycStep::to(KycStatus::Pending);
        assert_eq!(kyc.after(one_more, Timestamp::UNIX_EPOCH), Err(KycRefusal::TooManySteps));
    }
}
