//! The judge's own books of one owner, and its own rules. Deliberately not the server's code.

use std::collections::HashMap;

use bursar_core::{AccountId, CardId, CardholderId, Currency, MessageId, Money};
use jiff::Timestamp;

use super::controls::{Controls, Spent};
use super::opinion::{Opinion, reasons};
use crate::history::{History, Object, Owner, Part, Status, Swipe, What};
use crate::jit::Ask;

/// Everything that decides about one owner's swipes. Sums are kept in 128 bits: no number of 64-bit
/// amounts that a run can hold overflows them.
pub(super) struct Books<'a> {
    status: Status,
    cards: HashMap<&'a str, Card>,
    cardholders: HashMap<CardholderId, Cardholder<'a>>,
    accounts: HashMap<AccountId, Account>,
    /// By the token of the purchase.
    groups: HashMap<&'a str, Group>,
    pub(super) controls: Controls<'a>,
}

/// How a swipe may be decided.
pub(super) struct Ruling<'a> {
    /// Why it may be declined; `None` for an approval. There is one, but while a control is changed.
    pub(super) reasons: Vec<Option<&'static str>>,
    /// What each control may say, where the swipe came so far; `None` where no matter.
    pub(super) opinions: Option<Vec<Opinion<'a>>>,
}

struct Card {
    id: CardId,
    cardholder: CardholderId,
    account: AccountId,
    status: Status,
}

struct Cardholder<'a> {
    token: &'a str,
    status: Status,
}

/// An account as it should be; amounts in minor units.
pub(super) struct Account {
    pub(super) currency: Currency,
    pub(super) posted_minor: i128,
    pub(super) held_minor: i128,
    pub(super) open_holds: i64,
    pub(super) entries: i64,
    /// By how much the server's available amount was off when it was last compared: a difference
    /// is named once, not at every later swipe.
    pub(super) drift_minor: i128,
}

/// A purchase and its increments.
struct Group {
    id: MessageId,
    account: AccountId,
    held_minor: i128,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is held: declined, a verification, a debit.
    Empty,
    Open,
    Ended,
}

impl Account {
    pub(super) fn available_minor(&self) -> i128 {
        self.posted_minor - self.held_minor
    }
}

impl<'a> Books<'a> {
    /// The books when everything was created and nothing else had happened.
    pub(super) fn open(history: &'a History, owner: &Owner) -> Self {
        let cards = history.cards.iter().filter(|card| card.owner == owner.id);
        let card = |card: &'a crate::history::Card| {
            let own =
                Card { id: card.id, cardholder: card.cardholder, account: card.account, status: card.status };
            (&*card.token, own)
        };
        let cardholders = history.cardholders.iter().filter(|user| user.owner == owner.id);
        let cardholder = |user: &'a crate::history::Cardholder| {
            let own = Cardholder { token: &user.token, status: Status::Active };
            (user.id, own)
        };
        let accounts = history.accounts.iter().filter(|account| account.owner == owner.id);
        let account = |account: &crate::history::Account| {
            let own = Account {
                currency: account.currency,
                posted_minor: 0,
                held_minor: 0,
                open_holds: 0,
                entries: 0,
                drift_minor: 0,
            };
            (account.id, own)
        };
        Self {
            status: Status::Active,
            cards: cards.map(card).collect(),
            cardholders: cardholders.map(cardholder).collect(),
            accounts: accounts.map(account).collect(),
            groups: HashMap::new(),
            controls: Controls::open(history, owner),
        }
    }

    /// How the swipe may be decided now.
    pub(super) fn rule(&self, swipe: &'a Swipe, at: Timestamp) -> Ruling<'a> {
        if let Some(reason) = self.refused(swipe) {
            return Ruling { reasons: vec![Some(reason)], opinions: None };
        }
        let granted_minor = self.grant(swipe);
        // What is too much for the account is judged as it was asked.
        let minor = granted_minor.or(swipe.amount_minor.map(i128::from)).unwrap_or(0);
        let opinions = self.spent(swipe, at, minor).map(|spent| self.controls.opinions(&spent));
        let opinions = opinions.unwrap_or_default();
        let (declining, may_pass) = reasons(&opinions);
        let mut reasons: Vec<_> = declining.into_iter().map(Some).collect();
        if may_pass {
            reasons.push(granted_minor.is_none().then_some("insufficient_funds"));
        }
        Ruling { reasons, opinions: Some(opinions) }
    }

    /// The swipe as controls look at it, if it spends.
    fn spent(&self, swipe: &'a Swipe, at: Timestamp, minor: i128) -> Option<Spent<'a>> {
        let card = self.cards.get(&*swipe.card_token).filter(|_| minor > 0)?;
        let follows = swipe.follows.as_deref().filter(|root| self.groups.contains_key(root));
        Some(Spent { swipe, card: card.id, cardholder: card.cardholder, follows, at, minor })
    }

    /// Why the swipe has to be declined now whatever it spends, if it has to be.
    fn refused(&self, swipe: &Swipe) -> Option<&'static str> {
        let Some(card) = self.cards.get(&*swipe.card_token) else {
            return Some("card_unknown");
        };
        if card.status != Status::Active {
            return Some("card_not_active");
        }
        let Some(holder) = self.cardholders.get(&card.cardholder) else {
            return Some("cardholder_not_active");
        };
        if holder.token != &*swipe.acting_token {
            return Some("card_of_another_cardholder");
        }
        if holder.status != Status::Active {
            return Some("cardholder_not_active");
        }
        if self.status != Status::Active {
            return Some("owner_not_active");
        }
        let Some(account) = self.accounts.get(&card.account) else {
            return Some("insufficient_funds");
        };
        if account.currency != swipe.currency {
            return Some("currency_mismatch");
        }
        if swipe.amount_minor.is_none() {
            return Some("invalid_amount");
        }
        let has_ended = self.group_followed(swipe).is_some_and(|group| group.stage != Stage::Open);
        has_ended.then_some("hold_group_ended")
    }

    /// How much is to be approved of what was asked. Nothing fits into whatever is there, even into
    /// less than nothing.
    fn approved_minor(&self, swipe: &Swipe, asked_minor: i128, available_minor: i128) -> Option<i128> {
        let takes_less = swipe.takes_less && swipe.follows.is_none();
        match () {
            () if swipe.ask == Ask::BalanceInquiry => Some(0),
            () if asked_minor == 0 || asked_minor <= available_minor => Some(asked_minor),
            () if takes_less && available_minor > 0 => Some(available_minor),
            () => None,
        }
    }

    /// What the swipe should be granted now, in minor units.
    pub(super) fn grant(&self, swipe: &Swipe) -> Option<i128> {
        let account = self.account(self.account_of(swipe)?)?;
        self.approved_minor(swipe, i128::from(swipe.amount_minor?), account.available_minor())
    }

    /// Books a swipe that the server decided: rightly or not, so much is held or gone now. `id` is
    /// the server's; what comes back is the id of the group that it belongs to.
    pub(super) fn decided(
        &mut self,
        swipe: &'a Swipe,
        id: MessageId,
        approved_minor: Option<i128>,
        at: Timestamp,
    ) -> MessageId {
        let Some(account_id) = self.account_of(swipe) else {
            return id;
        };
        let is_debit = swipe.ask == Ask::Withdrawal && swipe.follows.is_none();
        let approved_minor = approved_minor.unwrap_or(0);
        if let Some(spent) = self.spent(swipe, at, approved_minor) {
            self.controls.take(&spent);
        }
        let held_minor = if is_debit { 0 } else { approved_minor };
        let root = swipe.follows.as_deref().filter(|root| self.groups.contains_key(root));
        let group = self.groups.entry(root.unwrap_or(&swipe.token)).or_insert(Group {
            id,
            account: account_id,
            held_minor: 0,
            stage: Stage::Empty,
        });
        if is_debit
            && approved_minor > 0
            && let Some(account) = self.accounts.get_mut(&account_id)
        {
            account.posted_minor -= approved_minor;
            account.entries += 1;
        }
        if held_minor > 0
            && let Some(account) = self.accounts.get_mut(&account_id)
        {
            account.open_holds += i64::from(group.held_minor == 0);
            account.held_minor += held_minor;
            group.held_minor += held_minor;
            group.stage = Stage::Open;
        }
        group.id
    }

    /// Why the action has to be refused now, if it has to be.
    pub(super) fn refusal(&self, what: &What) -> Option<&'static str> {
        match what {
            What::Load(account, amount) => self.refused_transfer(*account, *amount, false),
            What::Unload(account, amount) => self.refused_transfer(*account, *amount, true),
            What::Release { token, part, .. } => self.refused_release(token, *part),
            What::Move(object, to) => match self.status_of(*object) {
                None => Some("unknown"),
                Some(from) => (!may_become(from, *to)).then_some("transition_not_allowed"),
            },
            What::SetLimit(..) | What::SwitchControl(..) => None,
        }
    }

    /// Books an action that the server granted. What comes back is the account whose money it
    /// moved.
    pub(super) fn granted(&mut self, what: &What) -> Option<AccountId> {
        match what {
            What::Load(account, amount) => self.transfer(*account, i128::from(amount.minor)),
            What::Unload(account, amount) => self.transfer(*account, -i128::from(amount.minor)),
            What::Release { token, part, .. } => self.release(token, *part),
            What::Move(object, to) => {
                if let Some(status) = self.status_mut(*object) {
                    *status = *to;
                }
                None
            }
            // The controls have all their changes from the start, by the time of each.
            What::SetLimit(..) | What::SwitchControl(..) => None,
        }
    }

    /// The account that the swipe's card draws on.
    pub(super) fn account_of(&self, swipe: &Swipe) -> Option<AccountId> {
        self.cards.get(&*swipe.card_token).map(|card| card.account)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(&id)
    }

    fn group_followed(&self, swipe: &Swipe) -> Option<&Group> {
        self.groups.get(swipe.follows.as_deref()?)
    }

    fn refused_transfer(&self, account: AccountId, amount: Money, is_out: bool) -> Option<&'static str> {
        let Some(account) = self.accounts.get(&account) else {
            return Some("account_unknown");
        };
        let is_covered = !is_out || i128::from(amount.minor) <= account.available_minor();
        match () {
            () if self.status != Status::Active => Some("owner_not_active"),
            () if amount.currency != account.currency => Some("currency_mismatch"),
            () if amount.minor <= 0 => Some("invalid_amount"),
            () if !is_covered => Some("insufficient_funds"),
            () => None,
        }
    }

    fn transfer(&mut self, id: AccountId, amount_minor: i128) -> Option<AccountId> {
        let account = self.accounts.get_mut(&id)?;
        account.posted_minor += amount_minor;
        account.entries += 1;
        Some(id)
    }

    fn refused_release(&self, token: &str, part: Part) -> Option<&'static str> {
        let Some(group) = self.groups.get(token) else {
            return Some("authorization_unknown");
        };
        if group.stage != Stage::Open {
            return Some("hold_group_ended");
        }
        let Part::Amount(amount) = part else { return None };
        let currency = self.account(group.account).map(|account| account.currency);
        match () {
            () if currency != Some(amount.currency) => Some("currency_mismatch"),
            () if amount.minor <= 0 => Some("invalid_amount"),
            () if i128::from(amount.minor) > group.held_minor => Some("more_than_held"),
            () => None,
        }
    }

    fn release(&mut self, token: &str, part: Part) -> Option<AccountId> {
        let group = self.groups.get_mut(token)?;
        let account = self.accounts.get_mut(&group.account)?;
        let released_minor = match part {
            Part::Amount(amount) => i128::from(amount.minor),
            Part::All | Part::Expired => group.held_minor,
        };
        self.controls.give_back(token, released_minor);
        account.held_minor -= released_minor;
        group.held_minor -= released_minor;
        if group.held_minor <= 0 {
            account.open_holds -= 1;
            group.stage = Stage::Ended;
        }
        Some(group.account)
    }

    fn status_of(&self, object: Object) -> Option<Status> {
        match object {
            Object::Card(id) => self.cards.values().find(|card| card.id == id).map(|card| card.status),
            Object::Cardholder(id) => self.cardholders.get(&id).map(|holder| holder.status),
            Object::Company(_) | Object::Person(_) => Some(self.status),
        }
    }

    fn status_mut(&mut self, object: Object) -> Option<&mut Status> {
        match object {
            Object::Card(id) => {
                let card = self.cards.values_mut().find(|card| card.id == id);
                card.map(|card| &mut card.status)
            }
            Object::Cardholder(id) => self.cardholders.get_mut(&id).map(|holder| &mut holder.status),
            Object::Company(_) | Object::Person(_) => Some(&mut self.status),
        }
    }
}

/// The same status again is granted, and what was terminated stays so.
fn may_become(from: Status, to: Status) -> bool {
    use Status::{Active, Suspended, Terminated, Unactivated};
    from == to
        || match (from, to) {
            (Terminated, _) | (_, Unactivated) => false,
            (_, Terminated) | (Unactivated | Suspended, Active) => true,
            (from, to) => from == Active && to == Suspended,
        }
}
