//! The judge's own books of one owner, and its own rules. Deliberately not the server's code.

use std::collections::HashMap;

use bursar_core::{AccountId, CardId, CardholderId, Currency, MessageId, Money};
use jiff::Timestamp;

use super::controls::{Controls, Spent};
use super::opinion::{Opinion, reasons};
use super::purchase::{Does, Purchase, Stage, Stand, Voice, Word};
use super::windows::Taken;
use crate::history::{Action, History, Notice, Object, Owner, Part, Says, Status, Swipe, What};
use crate::jit::Ask;

/// Everything that decides about one owner's swipes. Sums are kept in 128 bits: no number of 64-bit
/// amounts that a run can hold overflows them.
pub(super) struct Books<'a> {
    status: Status,
    cards: HashMap<&'a str, Card>,
    cardholders: HashMap<CardholderId, Cardholder<'a>>,
    accounts: HashMap<AccountId, Account>,
    purchases: Vec<Purchase<'a>>,
    /// The place of the purchase that each transaction belongs to, by its token.
    places: HashMap<&'a str, usize>,
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
    pub(super) pending_minor: i128,
    pub(super) open_holds: i64,
    /// What each entry moved.
    pub(super) entries: Vec<i128>,
    /// By how much the server's available amount was off when it was last compared: a difference
    /// is named once, not at every later swipe.
    pub(super) drift_minor: i128,
}

impl Account {
    pub(super) fn available_minor(&self) -> i128 {
        self.posted_minor - self.held_minor
    }

    fn post(&mut self, minor: i128) {
        if minor != 0 {
            self.posted_minor += minor;
            self.entries.push(minor);
        }
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
                pending_minor: 0,
                open_holds: 0,
                entries: Vec::new(),
                drift_minor: 0,
            };
            (account.id, own)
        };
        Self {
            status: Status::Active,
            cards: cards.map(card).collect(),
            cardholders: cardholders.map(cardholder).collect(),
            accounts: accounts.map(account).collect(),
            purchases: Vec::new(),
            places: HashMap::new(),
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
    fn spent<'s>(&'s self, swipe: &'s Swipe, at: Timestamp, minor: i128) -> Option<Spent<'s>> {
        let spends = minor > 0 && swipe.ask != Ask::Refund;
        let card = self.cards.get(&*swipe.card_token).filter(|_| spends)?;
        let follows = self.followed(swipe).map(|purchase| &purchase.stand.takes[..]);
        Some(Spent { swipe, card: card.id, cardholder: card.cardholder, follows, at, minor })
    }

    /// Why the swipe has to be declined now whatever it spends, if it has to be.
    fn refused(&self, swipe: &Swipe) -> Option<&'static str> {
        let Some(card) = self.cards.get(&*swipe.card_token) else {
            return Some("card_unknown");
        };
        if swipe.ask == Ask::Refund {
            return self.refused_amount(card, swipe);
        }
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
        let has_ended = || self.followed(swipe).is_some_and(|first| first.stand.stage != Stage::Open);
        self.refused_amount(card, swipe).or_else(|| has_ended().then_some("hold_group_ended"))
    }

    /// Money that comes back does so whatever the status of who spent it.
    fn refused_amount(&self, card: &Card, swipe: &Swipe) -> Option<&'static str> {
        match self.accounts.get(&card.account) {
            None => Some("insufficient_funds"),
            Some(account) if account.currency != swipe.currency => Some("currency_mismatch"),
            Some(_) if swipe.amount_minor.is_none() => Some("invalid_amount"),
            Some(_) => None,
        }
    }

    /// How much is to be approved of what was asked. Nothing fits into whatever is there, even into
    /// less than nothing.
    fn approved_minor(&self, swipe: &Swipe, asked_minor: i128, available_minor: i128) -> Option<i128> {
        let takes_less = swipe.takes_less && swipe.follows.is_none();
        match () {
            () if swipe.ask == Ask::BalanceInquiry => Some(0),
            () if swipe.ask == Ask::Refund => Some(asked_minor),
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
    /// the server's; what comes back is the id of the purchase that it belongs to.
    pub(super) fn decided(
        &mut self,
        swipe: &'a Swipe,
        id: MessageId,
        approved_minor: Option<i128>,
        at: Timestamp,
    ) -> MessageId {
        let Some(card) = self.cards.get(&*swipe.card_token) else { return id };
        let (account, of_card) = (card.account, (card.id, card.cardholder));
        let minor = approved_minor.unwrap_or(0);
        if self.spent(swipe, at, minor).is_some() {
            self.controls.learn(of_card, swipe.merchant.id);
        }
        let does = match swipe.ask {
            _ if minor == 0 => Does::Nothing,
            Ask::Withdrawal if swipe.follows.is_none() => Does::Debit(minor),
            Ask::Refund => Does::Expect(minor),
            _ => Does::Hold(minor),
        };
        let followed = swipe.follows.as_deref().and_then(|first| self.places.get(first).copied());
        let place = followed.unwrap_or_else(|| self.begin(Purchase::new(id, account, of_card)));
        let time = match followed {
            Some(place) => self.purchases[place].time_after(swipe.at),
            None => swipe.at,
        };
        let cash_minor = i128::from(swipe.cash_minor);
        let of = &*swipe.token;
        self.places.insert(of, place);
        self.add(place, Word { of, voice: Voice::Ours, does, time, at, ask: swipe.ask, cash_minor });
        self.purchases[place].id
    }

    /// What the notice is about is known from now on, whatever follows: it begins with the server's message
    /// `id`, unless it belongs to something that is known. What it proves to be one becomes one.
    pub(super) fn noticed(&mut self, notice: &'a Notice, id: MessageId) -> Option<usize> {
        let card = self.cards.get(&*notice.card_token)?;
        let (account, of_card) = (card.account, (card.id, card.cardholder));
        let original = notice.original_jit_token.as_deref().unwrap_or(&notice.jit_token);
        let tokens = [Some(&*notice.token), notice.follows.as_deref(), Some(original)];
        let tokens = || tokens.into_iter().flatten();
        let mut known: Vec<usize> = tokens().filter_map(|token| self.places.get(token).copied()).collect();
        known.sort_unstable();
        known.dedup();
        let place = match known.split_first() {
            Some((&first, others)) => {
                others.iter().for_each(|other| self.merge(first, *other));
                first
            }
            None => self.begin(Purchase::new(id, account, of_card)),
        };
        for token in tokens() {
            self.places.insert(token, place);
        }
        Some(place)
    }

    /// The other becomes a part of the first.
    fn merge(&mut self, first: usize, other: usize) {
        let [one, two] = match self.purchases.get_disjoint_mut([first, other]) {
            Ok(both) => both,
            Err(_) => return,
        };
        let before = one.absorb(two);
        let (account, of_card) = (one.account, (one.card, one.cardholder));
        let after = one.stand.clone();
        self.places.values_mut().filter(|place| **place == other).for_each(|place| *place = first);
        self.book(account, of_card, &before, &after);
    }

    /// Books what the processor reported, whether there is money for it or not.
    pub(super) fn reported(&mut self, notice: &'a Notice, id: MessageId, at: Timestamp) {
        let Some(place) = self.noticed(notice, id) else { return };
        let minor = i128::from(notice.amount_minor);
        let does = match notice.says {
            Says::TooLate => Does::Nothing,
            Says::Approved if notice.ask == Ask::Withdrawal => Does::Debit(minor),
            Says::Approved if notice.ask == Ask::Refund => Does::Expect(minor),
            Says::Approved | Says::StoodIn => Does::Hold(minor),
            Says::Advised => Does::Total(minor),
            Says::Released => Does::Release(minor),
            Says::Expired => Does::Expire,
            Says::Cleared(clearing) => Does::Clear { minor, is_last: clearing.is_last() },
            Says::Refunded | Says::RefundCleared => Does::Credit(minor),
        };
        let voice = if notice.says == Says::TooLate { Voice::Refusal } else { Voice::Theirs };
        self.add(
            place,
            Word {
                of: &notice.token,
                voice,
                does,
                time: notice.at,
                at,
                ask: notice.ask,
                cash_minor: i128::from(notice.cash_minor),
            },
        );
    }

    fn begin(&mut self, purchase: Purchase<'a>) -> usize {
        self.purchases.push(purchase);
        self.purchases.len() - 1
    }

    /// Adds a word to a purchase, and books by how much it stands otherwise with it.
    fn add(&mut self, place: usize, word: Word<'a>) {
        let purchase = &mut self.purchases[place];
        let before = purchase.add(word);
        let (account, of_card) = (purchase.account, (purchase.card, purchase.cardholder));
        let after = purchase.stand.clone();
        self.book(account, of_card, &[before], &after);
    }

    /// Books by how much a purchase stands otherwise than what became of it did.
    fn book(&mut self, account: AccountId, of_card: (CardId, CardholderId), before: &[Stand], after: &Stand) {
        let takes: Vec<Taken> = before.iter().flat_map(|before| before.takes.iter().copied()).collect();
        self.controls.change(of_card, &takes, &after.takes);
        let sum = |of: fn(&Stand) -> i128| of(after) - before.iter().map(of).sum::<i128>();
        if let Some(account) = self.accounts.get_mut(&account) {
            account.held_minor += sum(|stand| stand.held_minor);
            account.pending_minor += sum(|stand| stand.pending_minor);
            let open = |stand: &Stand| i64::from(stand.held_minor > 0);
            account.open_holds += open(after) - before.iter().map(open).sum::<i64>();
            account.post(sum(|stand| stand.posted_minor));
        }
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
    pub(super) fn granted(&mut self, action: &'a Action, at: Timestamp) -> Option<AccountId> {
        match &action.what {
            What::Load(account, amount) => self.transfer(*account, i128::from(amount.minor)),
            What::Unload(account, amount) => self.transfer(*account, -i128::from(amount.minor)),
            What::Release { token, part, .. } => self.release(token, *part, &action.key, at),
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

    fn followed(&self, swipe: &Swipe) -> Option<&Purchase<'a>> {
        self.purchase(swipe.follows.as_deref()?)
    }

    /// The purchase that the transaction with this token belongs to.
    fn purchase(&self, token: &str) -> Option<&Purchase<'a>> {
        self.places.get(token).map(|place| &self.purchases[*place])
    }

    /// Where that purchase stands, and the currency of its account.
    pub(super) fn stand(&self, token: &str) -> Option<(&Stand, Currency)> {
        let purchase = self.purchase(token)?;
        Some((&purchase.stand, self.account(purchase.account)?.currency))
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
        account.post(amount_minor);
        Some(id)
    }

    fn refused_release(&self, token: &str, part: Part) -> Option<&'static str> {
        let Some(purchase) = self.purchase(token) else {
            return Some("authorization_unknown");
        };
        if purchase.stand.stage != Stage::Open {
            return Some("hold_group_ended");
        }
        let Part::Amount(amount) = part else { return None };
        let currency = self.account(purchase.account).map(|account| account.currency);
        match () {
            () if currency != Some(amount.currency) => Some("currency_mismatch"),
            () if amount.minor <= 0 => Some("invalid_amount"),
            () if i128::from(amount.minor) > purchase.stand.held_minor => Some("more_than_held"),
            () => None,
        }
    }

    /// An operator's word comes after all that it is based on.
    fn release(&mut self, token: &str, part: Part, key: &'a str, at: Timestamp) -> Option<AccountId> {
        let place = *self.places.get(token)?;
        let purchase = &self.purchases[place];
        let (time, account) = (purchase.time_after(at), purchase.account);
        let does = match part {
            Part::Amount(amount) => Does::Release(i128::from(amount.minor)),
            Part::All => Does::ReleaseAll,
            Part::Expired => Does::Expire,
        };
        let voice = Voice::Ours;
        self.add(place, Word { of: key, voice, does, time, at, ask: Ask::Purchase, cash_minor: 0 });
        Some(account)
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
