//! Transitions of cards, users and businesses: what moves ours to another status.

use bursar_core::command::{Action, MoveCard, MoveCardholder, MoveOwner, Record};
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{CardId, CardStatus, CardholderId, CardholderStatus, Command, OwnerId, OwnerStatus};
use bursar_core::{MessageId, MessageKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decode::{Reject, optional, read_time, required};
use super::event::no_amount;
use super::report::ReportEncoder;
use super::wire::{Named, Text, TransitionItem};
use crate::json::Object;

/// What the processor says of the status of a card, user or business. Only this much of it is read: a card's
/// transition has its whole number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub(super) of: Subject,
    pub(super) token: Token,
    /// The processor's token of whose status it is.
    pub(super) subject: Token,
    pub(super) state: Token,
    /// What kind of transition, where it has one: of the state, or of the fulfillment.
    pub(super) transition_type: Option<Token>,
    pub(super) created_time: Timestamp,
}

/// Whose status it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A card.
    Card,
    /// A cardholder.
    User,
    /// A company.
    Business,
}

/// What the subject's token means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundSubject {
    /// A card, and whose it is.
    Card(OwnerId, CardId),
    /// A cardholder, and whose.
    Cardholder(OwnerId, CardholderId),
    /// A company or person.
    Owner(OwnerId),
}

impl Subject {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::User => "user",
            Self::Business => "business",
        }
    }
}

impl Transition {
    pub(super) fn read(of: Subject, item: TransitionItem<'_>) -> Result<Self, Reject> {
        let (subject, field) = match of {
            Subject::Card => (item.card_token.or(nested(item.card)), "card_token"),
            Subject::User => (item.user_token.or(nested(item.user)), "user_token"),
            Subject::Business => (item.business_token.or(nested(item.business)), "business_token"),
        };
        let created_time = item.created_time.and_then(|time| read_time(&time));
        let no_time = || Reject::new("created_time", "is missing, or no time");
        Ok(Self {
            of,
            token: required(item.token, &["token"])?,
            subject: required(subject, &[field])?,
            state: required(item.state.or(item.status), &["state"])?,
            transition_type: optional(item.transition_type, &["type"])?,
            created_time: created_time.ok_or_else(no_time)?,
        })
    }

    /// The transition's own token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The status that it is told of.
    #[must_use]
    pub fn state(&self) -> &Token {
        &self.state
    }

    /// Whose status it is, by the processor's token.
    #[must_use]
    pub fn subject(&self) -> (Subject, &Token) {
        (self.of, &self.subject)
    }

    /// Whether somebody has to look at it: nobody of ours is meant, or it names a status that is none of ours.
    #[must_use]
    pub fn needs_review(&self, found: Option<FoundSubject>) -> bool {
        self.is_of_status() && found.and_then(|found| self.action(found)).is_none()
    }

    /// The command that moves ours there, or keeps it. What is only kept has a key that leaves that of the move
    /// free: sent again, it may move.
    #[must_use]
    pub fn into_command(self, found: Option<FoundSubject>, id: MessageId) -> Command {
        let action = found.filter(|_| self.is_of_status()).and_then(|found| self.action(found));
        let state = match &action {
            Some(_) => self.of.as_str().into(),
            None => format!("{}.kept", self.of.as_str()).into(),
        };
        let action = action.unwrap_or_else(|| Action::Record(self.record(found)));
        let key = MessageKey { state, ..MessageKey::new(Source::MarqetaEvent, self.token) };
        Command { id, key, action }
    }

    /// What is stored as its answer.
    #[must_use]
    pub fn encoder(&self) -> ReportEncoder {
        ReportEncoder::new(self.told(), &self.state)
    }

    /// A card's way to its holder does not change what it may be used for.
    fn is_of_status(&self) -> bool {
        !self.told().as_str().starts_with("fulfillment.")
    }

    fn told(&self) -> &Token {
        self.transition_type.as_ref().unwrap_or(&self.state)
    }

    /// `None` for a status that ours cannot have: never a guess.
    fn action(&self, found: FoundSubject) -> Option<Action> {
        let status = self.state.as_str().to_ascii_lowercase();
        let reported_at = Some(self.created_time);
        Some(match found {
            FoundSubject::Card(owner, card) => {
                let to = CardStatus::from_word(&status)?;
                Action::MoveCard(MoveCard { owner: Some(owner), card, to, reported_at })
            }
            FoundSubject::Cardholder(owner, cardholder) => {
                let to = CardholderStatus::from_word(&status)?;
                Action::MoveCardholder(MoveCardholder { owner: Some(owner), cardholder, to, reported_at })
            }
            FoundSubject::Owner(owner) => {
                let to = OwnerStatus::from_word(&status)?;
                Action::MoveOwner(MoveOwner { owner, to, reported_at })
            }
        })
    }

    fn record(&self, found: Option<FoundSubject>) -> Record {
        Record {
            method: self.told().clone(),
            funding_token: None,
            needs_review: self.needs_review(found),
            card_token: (self.of == Subject::Card).then(|| self.subject.clone()),
            amount: no_amount(),
        }
    }
}

/// The token of an object that stands in the item.
fn nested(object: Option<Object<Named<'_>>>) -> Option<Text<'_>> {
    object.and_then(|Object(of)| of.token)
}
