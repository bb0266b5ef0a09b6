//! Random histories: what happens to a small world, as plain data that a test can shrink, print,
//! turn into commands, and judge by other means.

mod control;
mod plan;
pub mod world;

use bursar_core::command::{Amount, Direction, GroupRef, Partial, Purpose};
use bursar_core::message::TransactionKind;
use bursar_core::money::AmountError;
use bursar_core::{Action, CardStatus, CardholderStatus, Command, MessageId, MessageKey, OwnerStatus};

pub use control::{Part, Plain, PutControl};
pub use plan::{Batches, any_history, any_history_in_batches};
use world::{ACCOUNT_COUNT, CARDS, HOLDERS};

use crate::given::{self, Call};

/// One delivery: its place in the history, the message it is, and what that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The number of its token. Two deliveries of one token are the same message, or in conflict.
    pub token: usize,
    /// What it asks.
    pub ask: Ask,
}

/// What a delivery asks. Cards, cardholders, accounts and owners are named by their numbers in the
/// [`world`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A purchase.
    Authorize(Swipe),
    /// More for an earlier one.
    Increment(Earlier, Swipe),
    /// Release of an earlier one, or of a part of it.
    Reverse(Earlier, Option<Sum>),
    /// The end of an earlier one that was held long enough.
    Expire(Earlier),
    /// What was captured of an earlier one, and whether for the last time.
    Capture(Earlier, Sum, bool),
    /// What is given back of an earlier one.
    Refund(Earlier, Sum),
    /// Money into an account.
    Load(usize, Sum),
    /// Money out of an account.
    Unload(usize, Sum),
    /// Another status of a card.
    MoveCard(usize, CardStatus),
    /// Another status of a cardholder.
    MoveHolder(usize, CardholderStatus),
    /// Another status of an owner.
    MoveOwner(usize, OwnerStatus),
    /// A new control, or another one in the place of one of the same name.
    PutControl(PutControl),
}

/// A card that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swipe {
    /// The card; one beyond the last is unknown.
    pub card: usize,
    /// Who acts, if the message tells; one beyond the last is unknown.
    pub acting: Option<usize>,
    /// Who pays, if the message tells.
    pub paying: Option<usize>,
    /// What it asks. An increment asks for more, whatever this says.
    pub aim: Aim,
    /// Whether less will do.
    pub takes_less: bool,
    /// At which merchant, if the message tells.
    pub merchant: Option<usize>,
    /// How much.
    pub sum: Sum,
}

/// What a swipe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To hold.
    Hold,
    /// To take at once.
    Debit,
    /// To give at once.
    Credit,
    /// To give once it clears.
    PendingCredit,
    /// Nothing but an answer.
    Inquiry,
    /// Something that is not funded.
    NotPermitted,
}

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Minor units; `None` is no number.
    pub minor: Option<i64>,
    /// Whether it is in the account's currency.
    pub is_own_currency: bool,
}

/// An earlier delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// By its place in the history: the id of exactly that delivery.
    Place(usize),
    /// By the token of the message.
    Token(usize),
}

impl Delivery {
    /// The command of the delivery at this place of the history.
    #[must_use]
    pub fn command(&self, place: usize, history: &[Delivery]) -> Command {
        let mut call = match &self.ask {
            Ask::Authorize(swipe) => swipe.call(None),
            Ask::Increment(earlier, swipe) => swipe.call(Some(earlier.group())),
            Ask::Reverse(earlier, part) => reversal(*earlier, *part, history),
            Ask::Expire(earlier) => expiry(*earlier, history),
            Ask::Capture(earlier, sum, is_final) => capture(*earlier, *sum, *is_final, history),
            Ask::Refund(earlier, sum) => refund(*earlier, *sum, history),
            Ask::Load(account, sum) => transfer(*account, Direction::Load, *sum),
            Ask::Unload(account, sum) => transfer(*account, Direction::Unload, *sum),
            Ask::MoveCard(card, to) => given::card_move(&world::funded(*card), *to),
            Ask::MoveHolder(holder, to) => given::cardholder_move(&world::holder(*holder), *to),
            Ask::MoveOwner(owner, to) => given::owner_move(&world::owner(*owner), *to),
            Ask::PutControl(put) => put.call(),
        };
        call.command.id = id_at(place);
        call.command.key = key_of(self.token);
        call.command
    }

    /// The owner that the delivery is about, by number; `None` if nobody.
    #[must_use]
    pub fn owner(&self, history: &[Delivery]) -> Option<usize> {
        match &self.ask {
            Ask::Authorize(swipe) | Ask::Increment(_, swipe) => {
                CARDS.get(swipe.card).map(|card| world::owner_of_account(card.account))
            }
            Ask::Reverse(earlier, _)
            | Ask::Expire(earlier)
            | Ask::Capture(earlier, ..)
            | Ask::Refund(earlier, _) => earlier.owner(history),
            Ask::Load(account, _) | Ask::Unload(account, _) => {
                (*account < ACCOUNT_COUNT).then(|| world::owner_of_account(*account))
            }
            Ask::MoveCard(card, _) => Some(world::owner_of_account(CARDS[*card].account)),
            Ask::MoveHolder(holder, _) => Some(HOLDERS[*holder]),
            Ask::MoveOwner(owner, _) => Some(*owner),
            Ask::PutControl(put) => Some(put.part.owner()),
        }
    }
}

impl Earlier {
    /// The delivery: of a token, the first with it, for that one is decided.
    fn delivery(self, history: &[Delivery]) -> Option<&Delivery> {
        match self {
            Self::Place(place) => history.get(place),
            Self::Token(token) => history.iter().find(|delivery| delivery.token == token),
        }
    }

    fn owner(self, history: &[Delivery]) -> Option<usize> {
        self.delivery(history)?.owner(history)
    }

    /// The account that its hold group holds money of; the first where it has none.
    fn account(self, history: &[Delivery]) -> usize {
        match self.delivery(history).map(|delivery| &delivery.ask) {
            Some(Ask::Authorize(swipe) | Ask::Increment(_, swipe)) => {
                CARDS.get(swipe.card).map_or(0, |card| card.account)
            }
            Some(
                Ask::Reverse(earlier, _)
                | Ask::Expire(earlier)
                | Ask::Capture(earlier, ..)
                | Ask::Refund(earlier, _),
            ) => earlier.account(history),
            _ => 0,
        }
    }

    fn group(self) -> GroupRef {
        match self {
            Self::Place(place) => GroupRef::Message(id_at(place)),
            Self::Token(token) => GroupRef::Key(key_of(token)),
        }
    }
}

impl Swipe {
    fn call(&self, group: Option<GroupRef>) -> Call {
        let card = self.card.min(CARDS.len() - 1);
        let funded = world::funded(card);
        let purpose = match (group, self.aim) {
            (Some(group), _) => Purpose::Increment(group),
            (None, Aim::Hold) => Purpose::Hold,
            (None, Aim::Debit) => Purpose::Debit,
            (None, Aim::Credit) => Purpose::Credit,
            (None, Aim::PendingCredit) => Purpose::PendingCredit,
            (None, Aim::Inquiry) => Purpose::Inquiry,
            (None, Aim::NotPermitted) => Purpose::NotPermitted,
        };
        let kind = self.kind(&purpose);
        let is_known = self.card < CARDS.len();
        given::authorization(&funded, given::usd("0")).asking(|authorize| {
            authorize.purpose = purpose;
            authorize.kind = kind;
            authorize.merchant.id = self.merchant.map(control::merchant);
            authorize.partial = self.takes_less.then_some(Partial { at_least_minor: 0 });
            authorize.acting = self.acting.map(world::actor);
            authorize.paying = self.paying.map(world::actor);
            authorize.amount = self.sum.amount(CARDS[card].account);
            if !is_known {
                authorize.card_token = given::token("card-unknown");
            }
            authorize.route = is_known.then(|| funded.route());
        })
    }
}

impl Swipe {
    /// Purchases are held, cash is taken at once.
    fn kind(&self, purpose: &Purpose) -> TransactionKind {
        match purpose {
            Purpose::Hold | Purpose::Increment(_) | Purpose::NotPermitted => TransactionKind::Purchase,
            Purpose::Debit => TransactionKind::Withdrawal,
            Purpose::Credit => TransactionKind::NetworkLoad,
            Purpose::PendingCredit => TransactionKind::Refund,
            Purpose::Inquiry => TransactionKind::BalanceInquiry,
        }
    }
}

impl Sum {
    fn amount(self, account: usize) -> Amount {
        let own = world::currency_of_account(account);
        let other = if own == "USD" { "KWD" } else { "USD" };
        let code = if self.is_own_currency { own } else { other };
        Amount { currency: Some(given::currency(code)), minor: self.minor.ok_or(AmountError::NotANumber) }
    }
}

/// A release belongs to the owner of what it releases, as whoever sends it has looked up.
fn reversal(earlier: Earlier, part: Option<Sum>, history: &[Delivery]) -> Call {
    let mut call = given::reversal(&world::funded(0), earlier.group());
    if let Action::Reverse(reverse) = &mut call.command.action {
        reverse.owner = earlier.owner(history).map(world::owner_id);
        reverse.amount = part.map(|sum| sum.amount(earlier.account(history)));
    }
    call
}

fn expiry(earlier: Earlier, history: &[Delivery]) -> Call {
    let mut call = given::expiry(&world::funded(0), earlier.group());
    if let Action::Expire(expire) = &mut call.command.action {
        expire.owner = earlier.owner(history).map(world::owner_id);
    }
    call
}

fn capture(earlier: Earlier, sum: Sum, is_final: bool, history: &[Delivery]) -> Call {
    let mut call = given::capture(&world::funded(0), earlier.group(), given::usd("0"));
    if let Action::Capture(capture) = &mut call.command.action {
        capture.owner = earlier.owner(history).map(world::owner_id);
        capture.amount = sum.amount(earlier.account(history));
        capture.is_final = is_final;
    }
    call
}

fn refund(earlier: Earlier, sum: Sum, history: &[Delivery]) -> Call {
    let mut call = given::refund(&world::funded(0), earlier.group(), given::usd("0"));
    if let Action::Refund(refund) = &mut call.command.action {
        refund.owner = earlier.owner(history).map(world::owner_id);
        refund.amount = sum.amount(earlier.account(history));
    }
    call
}

fn transfer(account: usize, direction: Direction, sum: Sum) -> Call {
    let mut call = given::load(&world::funded(0), given::usd("0"));
    if let Action::Transfer(transfer) = &mut call.command.action {
        transfer.direction = direction;
        transfer.account = world::account_id(account);
        transfer.owner = (account < ACCOUNT_COUNT).then(|| world::owner_id(world::owner_of_account(account)));
        transfer.amount = sum.amount(account);
    }
    call
}

fn id_at(place: usize) -> MessageId {
    MessageId::new(given::numbered_id(1_000_000 + place as u64))
}

fn key_of(token: usize) -> MessageKey {
    let token = given::token(&format!("message-{token}"));
    MessageKey::new(bursar_core::message::Source::Api, token)
}
