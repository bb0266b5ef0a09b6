//! How the card was used: what the terminal, and the message around it, tell.

use bursar_core::Channel;
use bursar_core::command::Partial;
use bursar_core::message::TransactionKind;
use serde_json::value::RawValue;

use super::wire::{Body, Metadata, Terminal, read};
use crate::json::Object;

/// What a message tells about the use of the card, beside its method.
///
/// No swipe fails over it: an object that cannot be read tells nothing, and neither does a field.
pub(super) struct Usage<'a> {
    terminal: Terminal<'a>,
    metadata: Metadata<'a>,
    is_recurring: Option<&'a RawValue>,
    transaction_type: Option<&'a RawValue>,
}

impl<'a> Usage<'a> {
    /// From either layout. A message has one terminal; were there two, that of v2 counts.
    pub(super) fn of(body: &Body<'a>) -> Self {
        let poi = body.card_acceptor.as_ref().and_then(|Object(merchant)| merchant.poi);
        Self {
            terminal: body.pos.and_then(read).or_else(|| read(poi?)).unwrap_or_default(),
            metadata: body.transaction_metadata.and_then(read).unwrap_or_default(),
            is_recurring: body.is_recurring,
            transaction_type: body.transaction_type,
        }
    }

    /// The channels, in the order of [`Channel::ALL`]. What is only likely is left out: a deny list
    /// would refuse for it.
    pub(super) fn channels(&self, kind: TransactionKind) -> Vec<Channel> {
        Channel::ALL.iter().copied().filter(|&channel| self.tells(channel, kind)).collect()
    }

    fn tells(&self, channel: Channel, kind: TransactionKind) -> bool {
        match channel {
            Channel::CardPresent => flag(self.terminal.card_presence) == Some(true),
            Channel::CardNotPresent => flag(self.terminal.card_presence) == Some(false),
            Channel::Ecommerce => self.came_by("ECOMMERCE"),
            Channel::MailOrTelephone => ["MAIL", "PHONE", "MOTO"].iter().any(|by| self.came_by(by)),
            Channel::Atm => self.came_by("ATM") || kind == TransactionKind::Withdrawal,
            Channel::Recurring => {
                let places = [self.is_recurring, self.terminal.is_recurring, self.metadata.is_recurring];
                places.into_iter().any(|place| flag(place) == Some(true))
            }
            Channel::Contactless => {
                // v1 has no list of its words: MANUAL and MAGSTRIPE were seen. All of v2's end so.
                let modes = [self.terminal.pan_entry_mode, self.terminal.processing_type];
                modes.into_iter().any(|mode| word(mode).ends_with("CONTACTLESS"))
            }
        }
    }

    fn came_by(&self, channel: &str) -> bool {
        word(self.metadata.payment_channel) == channel || word(self.terminal.channel) == channel
    }

    /// What kind of transaction it is. The method does not always tell: a debit at a cash machine may
    /// come as `pgfs.auth_plus_capture`, and then only the type says what it is.
    pub(super) fn kind(&self, of_method: TransactionKind) -> TransactionKind {
        let is = |suffix: &str| word(self.transaction_type).ends_with(suffix);
        match of_method {
            TransactionKind::Purchase if is(".atm.withdrawal") => TransactionKind::Withdrawal,
            TransactionKind::Purchase if is(".cashback") => TransactionKind::CashBack,
            TransactionKind::Purchase if is(".quasi.cash") || is(".quasicash") => TransactionKind::QuasiCash,
            kind => kind,
        }
    }

    /// Whether the terminal takes less than it asked (reference, 3.5). One that can leave out the
    /// cash part only, and has one, does not: what is left would be cash.
    pub(super) fn partial(&self, cash_back_minor: i64) -> Option<Partial> {
        let says = |told| flag(told) == Some(true);
        let takes_less = says(self.terminal.partial_approval_capable);
        let leaves_out_cash = says(self.terminal.purchase_amount_only) && cash_back_minor > 0;
        (takes_less && !leaves_out_cash).then_some(Partial { at_least_minor: cash_back_minor })
    }
}

/// Yes or no: a boolean in v2, `"0"`, `"1"`, `"true"` or `"false"` in v1. Anything else tells
/// neither: a presence that cannot be read must not become an absence.
fn flag(told: Option<&RawValue>) -> Option<bool> {
    let word = word(told);
    match word {
        "1" => Some(true),
        "0" => Some(false),
        _ if word.eq_ignore_ascii_case("true") => Some(true),
        _ if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The value as it is written, without quotes and padding. Escapes stay: no word that is looked
/// for has any, and to undo them is what could fail.
fn word(told: Option<&RawValue>) -> &str {
    told.map_or("", RawValue::get).trim_matches('"').trim()
}
