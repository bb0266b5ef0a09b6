//! The transactions of a group: what the processor says of one outranks what we decided.

use jiff::Timestamp;

use super::{Effect, GroupMessage};
use crate::id::MessageId;
use crate::message::Role;
use crate::text::Token;

/// One transaction, as its messages have it.
pub(super) struct Transaction<'a> {
    /// Our decision, if it moved anything, or else what was reported: it takes from the windows of its time.
    pub(super) message: &'a GroupMessage,
    /// What it does.
    pub(super) effect: Effect,
    /// When, by the processor's clock: the earliest time that anybody says, for clocks differ, and what was
    /// decided on it comes after it.
    time: Timestamp,
    /// Whose word the effect is.
    role: Role,
    is_refused: bool,
}

/// In processor time, then by what they do and by token.
pub(super) fn transactions(messages: &[GroupMessage]) -> Vec<Transaction<'_>> {
    let mut in_order: Vec<&GroupMessage> = messages.iter().collect();
    in_order.sort_by_key(|message| (message.processor_time, message.id));
    in_order.dedup_by_key(|message| message.id);
    let mut transactions: Vec<Transaction<'_>> = Vec::with_capacity(in_order.len());
    for message in in_order {
        let is_same = |of: &&mut Transaction<'_>| of.message.key.is_of_transaction(&message.key);
        let same = match message.key.role() {
            Role::Alone => None,
            _ => transactions.iter_mut().find(is_same),
        };
        match same {
            Some(transaction) => transaction.add(message),
            None => transactions.push(Transaction::begun_by(message)),
        }
    }
    transactions.sort_by(|one, other| one.place().cmp(&other.place()));
    transactions
}

impl<'a> Transaction<'a> {
    fn begun_by(message: &'a GroupMessage) -> Self {
        let (role, time) = (message.key.role(), message.processor_time);
        let is_refused = role == Role::Refusal;
        let effect = if is_refused { Effect::None } else { message.effect };
        Self { message, effect, time, role, is_refused }
    }

    fn add(&mut self, message: &'a GroupMessage) {
        // A claim knows no time of the transaction, and a refusal needs no place.
        if message.effect != Effect::None {
            self.time = match self.message.effect {
                Effect::None => message.processor_time,
                _ => self.time.min(message.processor_time),
            };
        }
        match message.key.role() {
            Role::Refusal => (self.is_refused, self.effect) = (true, Effect::None),
            Role::Report => {
                if self.message.effect == Effect::None {
                    self.message = message;
                }
                self.follow(message, Role::Report);
            }
            Role::Decision | Role::Alone => {
                if message.effect != Effect::None {
                    self.message = message;
                }
                if self.role != Role::Report {
                    self.follow(message, Role::Decision);
                }
            }
        }
    }

    fn follow(&mut self, message: &GroupMessage, role: Role) {
        self.role = role;
        if !self.is_refused {
            self.effect = message.effect;
        }
    }

    fn place(&self) -> (Timestamp, u8, &Token, MessageId) {
        (self.time, self.effect.rank(), &self.message.key.token, self.message.id)
    }
}
