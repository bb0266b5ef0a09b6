//! What the outbox says about a decided message: the resulting state, never a delta (O3).

use jiff::Timestamp;
use serde::Serialize;

use crate::account::Account;
use crate::check::DeclineReason;
use crate::id::{AccountId, CardId, EventId, MessageId, OwnerId};
use crate::message::{ActionKind, Message};

/// One event, as consumers read it. Ids and states only: no names, no text.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Fixed for ever: a consumer takes effect once per id.
    pub id: EventId,
    /// What was asked for.
    pub kind: ActionKind,
    /// The message that it reports.
    pub message: MessageId,
    /// Whom it is about.
    pub owner: Option<OwnerId>,
    /// The owner's number of it: a consumer ignores what is older than what it has.
    pub owner_sequence: Option<i64>,
    /// When it was decided.
    pub at: Timestamp,
    /// Why it was declined, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined: Option<DeclineReason>,
    /// The hold group that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<MessageId>,
    /// Hold groups that are a part of that one from now on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MessageId>,
    /// The card that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardId>,
    /// The object whose status changed or that was created, and its status now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// The account's balances after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Balances>,
}

/// An object and its status.
#[derive(Debug, Clone, Serialize)]
pub struct Object {
    /// Its id.
    pub id: String,
    /// Its status after the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

/// An account's balances, in minor units.
#[derive(Debug, Clone, Serialize)]
pub struct Balances {
    /// The account.
    pub id: AccountId,
    /// Posted.
    pub posted_minor: i64,
    /// Held.
    pub held_minor: i64,
    /// Approved credit that has not cleared; zero where it is left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub pending_credit_minor: i64,
}

const fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

impl Event {
    /// The event of a decided message.
    #[must_use]
    pub fn of(
        message: &Message,
        merged: &[MessageId],
        account: Option<&Account>,
        object: Option<Object>,
    ) -> Self {
        Self {
            id: EventId::new(message.id.uuid()),
            kind: message.kind,
            message: message.id,
            owner: message.owner,
            owner_sequence: message.owner_sequence,
            at: message.at,
            declined: message.declined,
            group: message.group.as_ref().map(|group| group.root),
            merged: merged.to_vec(),
            card: message.authorization.as_ref().and_then(|authorization| authorization.card),
            object,
            account: account.map(|account| Balances {
                id: account.id,
                posted_minor: account.posted_minor,
                held_minor: account.held_minor,
                pending_credit_minor: account.pending_credit_minor,
            }),
        }
    }
}
