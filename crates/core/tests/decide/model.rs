//! The rules once more, written plainly and apart from the code they judge: numbers for objects,
//! a map a question, one `if` a rule. No fold, no state machine, nothing clever.

use std::collections::HashMap;

use bursar_core::control::Counted;
use bursar_core::{CardStatus, CardholderStatus, ControlStatus, DeclineReason, OwnerStatus, Window};
use bursar_testkit::history::world::{ACCOUNT_COUNT, CARDS, HOLDERS, OWNER_COUNT, owner_of_account};
use bursar_testkit::history::{Aim, Ask, Delivery, Earlier, Part, Plain, PutControl, Sum, Swipe};

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approved,
    Declined(DeclineReason),
    Repeated,
    Conflict,
}

/// The whole world, as far as decisions depend on it.
pub(crate) struct Model {
    pub(crate) posted: [i64; ACCOUNT_COUNT],
    pub(crate) held: [i64; ACCOUNT_COUNT],
    pub(crate) pending: [i64; ACCOUNT_COUNT],
    cards: [CardStatus; CARDS.len()],
    holders: [CardholderStatus; HOLDERS.len()],
    owners: [OwnerStatus; OWNER_COUNT],
    asked: HashMap<usize, Ask>,
    controls: Vec<Control>,
    purchases: Vec<Purchase>,
    purchase_of_place: HashMap<usize, usize>,
    purchase_of_token: HashMap<usize, usize>,
}

struct Purchase {
    card: usize,
    account: usize,
    held: i64,
    /// Credits less debits.
    posted: i64,
    was_held: bool,
    is_over: bool,
    takes: Vec<Take>,
}

/// What was spent, or came in, and has not been given back.
struct Take {
    what: Counted,
    minor: i64,
    is_first: bool,
}

struct Control {
    put: PutControl,
    /// The merchant that it is locked onto.
    first: Option<usize>,
}

impl Purchase {
    /// The newest take first, and what is left of it stays.
    fn give_back(&mut self, mut minor: i64) {
        while let Some(mut newest) = self.takes.pop() {
            if newest.minor > minor {
                newest.minor -= minor;
                return self.takes.push(newest);
            }
            minor -= newest.minor;
        }
    }
}

type Ruling = Result<(), DeclineReason>;

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            posted: [0; ACCOUNT_COUNT],
            held: [0; ACCOUNT_COUNT],
            pending: [0; ACCOUNT_COUNT],
            cards: [CardStatus::Active; CARDS.len()],
            holders: [CardholderStatus::Active; HOLDERS.len()],
            owners: [OwnerStatus::Active; OWNER_COUNT],
            asked: HashMap::new(),
            controls: Vec::new(),
            purchases: Vec::new(),
            purchase_of_place: HashMap::new(),
            purchase_of_token: HashMap::new(),
        }
    }

    pub(crate) fn available(&self, account: usize) -> i64 {
        self.posted[account] - self.held[account]
    }

    pub(crate) fn open_holds(&self, account: usize) -> usize {
        self.purchases.iter().filter(|purchase| purchase.account == account && purchase.held > 0).count()
    }

    pub(crate) fn deliver(&mut self, place: usize, delivery: &Delivery) -> Verdict {
        if let Some(first) = self.asked.get(&delivery.token) {
            return if *first == delivery.ask { Verdict::Repeated } else { Verdict::Conflict };
        }
        self.asked.insert(delivery.token, delivery.ask.clone());
        let ruling = match &delivery.ask {
            Ask::Authorize(swipe) => self.swipe(place, delivery.token, swipe, None),
            Ask::Increment(earlier, swipe) => {
                let purchase = self.find(*earlier);
                self.swipe(place, delivery.token, swipe, purchase)
            }
            Ask::Reverse(earlier, part) => self.release(place, delivery.token, *earlier, *part),
            Ask::Expire(earlier) => self.release(place, delivery.token, *earlier, None),
            Ask::Capture(earlier, sum, is_final) => {
                self.capture(place, delivery.token, *earlier, *sum, *is_final)
            }
            Ask::Refund(earlier, sum) => self.refund(place, delivery.token, *earlier, *sum),
            Ask::Load(account, sum) => self.load(*account, *sum),
            Ask::Unload(account, sum) => self.unload(*account, *sum),
            Ask::MoveCard(card, to) => self.move_card(*card, *to),
            Ask::MoveHolder(holder, to) => self.move_holder(*holder, *to),
            Ask::MoveOwner(owner, to) => self.move_owner(*owner, *to),
            Ask::PutControl(put) => self.put_control(put),
        };
        match ruling {
            Ok(()) => Verdict::Approved,
            Err(reason) => Verdict::Declined(reason),
        }
    }

    fn find(&self, earlier: Earlier) -> Option<usize> {
        match earlier {
            Earlier::Place(place) => self.purchase_of_place.get(&place).copied(),
            Earlier::Token(token) => self.purchase_of_token.get(&token).copied(),
        }
    }

    fn note(&mut self, place: usize, token: usize, purchase: usize) {
        self.purchase_of_place.insert(place, purchase);
        self.purchase_of_token.insert(token, purchase);
    }

    fn swipe(&mut self, place: usize, token: usize, swipe: &Swipe, earlier: Option<usize>) -> Ruling {
        let is_increment = matches!(self.asked[&token], Ask::Increment(..));
        let is_known = swipe.card < CARDS.len();
        if !is_known {
            let not_permitted = !is_increment && swipe.aim == Aim::NotPermitted;
            return Err(if not_permitted { DeclineReason::NotPermitted } else { DeclineReason::CardUnknown });
        }
        let account = CARDS[swipe.card].account;
        // A purchase of another account is none of this card's.
        let earlier = earlier.filter(|purchase| self.purchases[*purchase].account == account);
        let ruling = self.judge(swipe, is_increment, account, earlier);
        let purchase = earlier.unwrap_or(self.purchases.len());
        if earlier.is_none() {
            let card = swipe.card;
            let (is_over, was_held, takes) = (false, false, Vec::new());
            self.purchases.push(Purchase { card, account, held: 0, posted: 0, was_held, is_over, takes });
        }
        self.note(place, token, purchase);
        let minor = ruling?;
        match if is_increment { Aim::Hold } else { swipe.aim } {
            Aim::Hold => {
                self.purchases[purchase].held += minor;
                self.purchases[purchase].was_held |= minor > 0;
                self.held[account] += minor;
            }
            Aim::Debit => self.post(purchase, -minor),
            Aim::Credit => self.post(purchase, minor),
            Aim::PendingCredit => self.pending[account] += minor,
            Aim::Inquiry | Aim::NotPermitted => {}
        }
        self.take(purchase, is_increment, earlier.is_none(), swipe, minor);
        Ok(())
    }

    /// Takes from the windows of whoever's spending it is, and locks onto the merchant.
    fn take(&mut self, purchase: usize, is_increment: bool, is_first: bool, swipe: &Swipe, minor: i64) {
        let Some(what) = what_counts(is_increment, swipe).filter(|_| minor > 0) else { return };
        self.purchases[purchase].takes.push(Take { what, minor, is_first });
        let card = self.purchases[purchase].card;
        for control in self.controls.iter_mut().filter(|control| is_of(control.put.part, card)) {
            let locks = control.put.rule == Plain::First && control.put.status != ControlStatus::Off;
            if locks && what != Counted::Credits && control.first.is_none() {
                control.first = swipe.merchant;
            }
        }
    }

    /// The rule book, in order. Returns how much is granted.
    fn judge(
        &self,
        swipe: &Swipe,
        is_increment: bool,
        account: usize,
        earlier: Option<usize>,
    ) -> Result<i64, DeclineReason> {
        let owner = owner_of_account(account);
        let holder = CARDS[swipe.card].holder;
        if !is_increment && swipe.aim == Aim::NotPermitted {
            return Err(DeclineReason::NotPermitted);
        }
        if !is_increment && matches!(swipe.aim, Aim::Credit | Aim::PendingCredit) {
            return self.judge_credit(swipe, owner);
        }
        if self.cards[swipe.card] != CardStatus::Active {
            return Err(DeclineReason::CardNotActive);
        }
        if swipe.acting.is_some() && swipe.acting != Some(holder) {
            return Err(DeclineReason::CardOfAnotherCardholder);
        }
        if !self.may_spend(holder) {
            return Err(DeclineReason::CardholderNotActive);
        }
        if let Some(payer) = swipe.paying {
            if payer >= HOLDERS.len() {
                return Err(DeclineReason::CardholderNotActive);
            }
            if HOLDERS[payer] != owner || !self.may_spend(payer) {
                return Err(DeclineReason::CardholderNotActive);
            }
        }
        if self.owners[owner] != OwnerStatus::Active {
            return Err(DeclineReason::OwnerNotActive);
        }
        if !swipe.sum.is_own_currency {
            return Err(DeclineReason::CurrencyMismatch);
        }
        let Some(minor) = swipe.sum.minor else {
            return Err(DeclineReason::InvalidAmount);
        };
        if minor < 0 {
            return Err(DeclineReason::InvalidAmount);
        }
        if let Some(earlier) = earlier {
            let purchase = &self.purchases[earlier];
            if purchase.is_over || purchase.held == 0 {
                return Err(DeclineReason::HoldGroupEnded);
            }
        }
        if !is_increment && swipe.aim == Aim::Inquiry {
            return Ok(0);
        }
        if minor == 0 {
            return Ok(0);
        }
        let available = self.available(account);
        let granted = if minor <= available {
            Some(minor)
        } else if swipe.takes_less && available > 0 {
            Some(available)
        } else {
            None
        };
        let what = what_counts(is_increment, swipe);
        self.judge_controls(swipe, earlier, what, granted.unwrap_or(minor))?;
        granted.ok_or(DeclineReason::InsufficientFunds)
    }

    /// Lists of merchants come before limits of amounts, and those before limits of counts.
    fn judge_controls(
        &self,
        swipe: &Swipe,
        earlier: Option<usize>,
        what: Option<Counted>,
        minor: i64,
    ) -> Result<(), DeclineReason> {
        let Some(what) = what else { return Ok(()) };
        let card = earlier.map_or(swipe.card, |purchase| self.purchases[purchase].card);
        let is_dollars = CARDS[swipe.card].account != 1;
        let (mut at_merchant, mut amount, mut count) = (true, true, true);
        for control in &self.controls {
            if control.put.status != ControlStatus::Active || !is_of(control.put.part, card) {
                continue;
            }
            match &control.put.rule {
                Plain::Only(number) if what != Counted::Credits => {
                    at_merchant &= swipe.merchant == Some(*number);
                }
                Plain::Not(number) if what != Counted::Credits => {
                    at_merchant &= swipe.merchant != Some(*number);
                }
                Plain::First if what != Counted::Credits => {
                    at_merchant &= swipe.merchant.is_some()
                        && (control.first.is_none() || control.first == swipe.merchant);
                }
                Plain::Limit { window, minor: most, count: uses, counts }
                    if counts.contains(&what) && (most.is_none() || is_dollars) =>
                {
                    let taken = self.taken(control, *window, earlier);
                    let spent: i64 = taken.iter().map(|take| take.minor).sum();
                    let used = taken.iter().filter(|take| take.is_first).count();
                    amount &= most.is_none_or(|most| spent + minor <= most);
                    let is_another = earlier.is_none();
                    let used = if *window == Window::Transaction { 0 } else { used };
                    count &= uses.is_none_or(|uses| !is_another || used < uses as usize);
                }
                _ => {}
            }
        }
        if !at_merchant {
            return Err(DeclineReason::MerchantNotAllowed);
        }
        if !amount {
            return Err(DeclineReason::AmountLimitExceeded);
        }
        if !count {
            return Err(DeclineReason::CountLimitExceeded);
        }
        Ok(())
    }

    /// What counts for a limit by now. It is always the same moment, so every window is open.
    fn taken(&self, control: &Control, window: Window, earlier: Option<usize>) -> Vec<&Take> {
        let Plain::Limit { minor, counts, .. } = &control.put.rule else { return Vec::new() };
        let is_counted = |(number, purchase): &(usize, &Purchase)| match window {
            Window::Transaction => Some(*number) == earlier,
            _ => is_of(control.put.part, purchase.card) && (minor.is_none() || purchase.account != 1),
        };
        let purchases = self.purchases.iter().enumerate().filter(is_counted);
        let takes = purchases.flat_map(|(_, purchase)| &purchase.takes);
        takes.filter(|take| counts.contains(&take.what)).collect()
    }

    /// Money comes in whatever the status of card and cardholder.
    fn judge_credit(&self, swipe: &Swipe, owner: usize) -> Result<i64, DeclineReason> {
        if self.owners[owner] == OwnerStatus::Closed {
            return Err(DeclineReason::OwnerNotActive);
        }
        if !swipe.sum.is_own_currency {
            return Err(DeclineReason::CurrencyMismatch);
        }
        match swipe.sum.minor {
            Some(minor) if minor >= 0 => {
                let what = what_counts(false, swipe).filter(|_| minor > 0);
                self.judge_controls(swipe, None, what, minor)?;
                Ok(minor)
            }
            _ => Err(DeclineReason::InvalidAmount),
        }
    }

    fn put_control(&mut self, put: &PutControl) -> Ruling {
        self.controls.retain(|control| control.put.part != put.part || control.put.name != put.name);
        self.controls.push(Control { put: put.clone(), first: None });
        Ok(())
    }

    fn may_spend(&self, holder: usize) -> bool {
        self.holders[holder] == CardholderStatus::Active || self.holders[holder] == CardholderStatus::Limited
    }

    fn release(&mut self, place: usize, token: usize, earlier: Earlier, part: Option<Sum>) -> Ruling {
        let Some(number) = self.find(earlier) else {
            return Err(DeclineReason::AuthorizationUnknown);
        };
        let purchase = &mut self.purchases[number];
        if purchase.is_over || purchase.held == 0 {
            return Err(DeclineReason::HoldGroupEnded);
        }
        let minor = match part {
            None => purchase.held,
            Some(part) if !part.is_own_currency => return Err(DeclineReason::CurrencyMismatch),
            Some(part) => match part.minor {
                Some(minor) if minor > purchase.held => return Err(DeclineReason::MoreThanHeld),
                Some(minor) if minor > 0 => minor,
                _ => return Err(DeclineReason::InvalidAmount),
            },
        };
        self.held[purchase.account] -= minor;
        purchase.held -= minor;
        purchase.is_over = purchase.held == 0;
        purchase.give_back(minor);
        self.note(place, token, number);
        Ok(())
    }

    fn post(&mut self, purchase: usize, minor: i64) {
        let purchase = &mut self.purchases[purchase];
        purchase.posted += minor;
        self.posted[purchase.account] += minor;
    }

    /// Whatever is held, and whatever is available.
    fn capture(&mut self, place: usize, token: usize, earlier: Earlier, sum: Sum, is_final: bool) -> Ruling {
        let number = self.find(earlier).ok_or(DeclineReason::AuthorizationUnknown)?;
        if !self.purchases[number].was_held {
            return Err(DeclineReason::NothingHeld);
        }
        let minor = part(sum)?;
        self.post(number, -minor);
        let purchase = &mut self.purchases[number];
        let of_hold = minor.min(purchase.held);
        let rest = if is_final { purchase.held - of_hold } else { 0 };
        purchase.give_back(rest);
        purchase.held -= of_hold + rest;
        purchase.is_over = purchase.held == 0;
        self.held[purchase.account] -= of_hold + rest;
        if minor > of_hold {
            let is_first = purchase.takes.is_empty();
            purchase.takes.push(Take { what: Counted::Purchases, minor: minor - of_hold, is_first });
        }
        self.note(place, token, number);
        Ok(())
    }

    fn refund(&mut self, place: usize, token: usize, earlier: Earlier, sum: Sum) -> Ruling {
        let number = self.find(earlier).ok_or(DeclineReason::AuthorizationUnknown)?;
        let minor = part(sum)?;
        if minor > -self.purchases[number].posted {
            return Err(DeclineReason::MoreThanCaptured);
        }
        self.post(number, minor);
        self.note(place, token, number);
        Ok(())
    }

    fn load(&mut self, account: usize, sum: Sum) -> Ruling {
        let minor = self.transferable(account, sum)?;
        self.posted[account] += minor;
        Ok(())
    }

    fn unload(&mut self, account: usize, sum: Sum) -> Ruling {
        let minor = self.transferable(account, sum)?;
        if minor > self.available(account) {
            return Err(DeclineReason::InsufficientFunds);
        }
        self.posted[account] -= minor;
        Ok(())
    }

    fn transferable(&self, account: usize, sum: Sum) -> Result<i64, DeclineReason> {
        if account >= ACCOUNT_COUNT {
            return Err(DeclineReason::AccountUnknown);
        }
        if self.owners[owner_of_account(account)] != OwnerStatus::Active {
            return Err(DeclineReason::OwnerNotActive);
        }
        if !sum.is_own_currency {
            return Err(DeclineReason::CurrencyMismatch);
        }
        match sum.minor {
            Some(minor) if minor > 0 => Ok(minor),
            _ => Err(DeclineReason::InvalidAmount),
        }
    }

    fn move_card(&mut self, card: usize, to: CardStatus) -> Ruling {
        use CardStatus::{Active, Suspended, Terminated, Unactivated};
        let allowed: &[CardStatus] = match self.cards[card] {
            Unactivated => &[Unactivated, Active, Terminated],
            Active => &[Active, Suspended, Terminated],
            Suspended => &[Suspended, Active, Terminated],
            Terminated => &[Terminated],
        };
        allow(allowed, to)?;
        self.cards[card] = to;
        Ok(())
    }

    fn move_holder(&mut self, holder: usize, to: CardholderStatus) -> Ruling {
        use CardholderStatus::{Active, Closed, Limited, Suspended, Unverified};
        let allowed: &[CardholderStatus] = match self.holders[holder] {
            Unverified => &[Unverified, Active, Limited, Closed],
            Limited => &[Limited, Active, Suspended, Closed],
            Active => &[Active, Suspended, Unverified, Closed],
            Suspended => &[Suspended, Active, Limited, Unverified, Closed],
            Closed => &[Closed],
        };
        allow(allowed, to)?;
        self.holders[holder] = to;
        Ok(())
    }

    fn move_owner(&mut self, owner: usize, to: OwnerStatus) -> Ruling {
        use OwnerStatus::{Active, Closed, Suspended};
        let allowed: &[OwnerStatus] = match self.owners[owner] {
            Active | Suspended => &[Active, Suspended, Closed],
            Closed => &[Closed],
        };
        allow(allowed, to)?;
        self.owners[owner] = to;
        Ok(())
    }
}

fn part(sum: Sum) -> Result<i64, DeclineReason> {
    match sum.minor {
        _ if !sum.is_own_currency => Err(DeclineReason::CurrencyMismatch),
        Some(minor) if minor > 0 => Ok(minor),
        _ => Err(DeclineReason::InvalidAmount),
    }
}

fn is_of(part: Part, card: usize) -> bool {
    match part {
        Part::Card(number) => number == card,
        Part::Holder(holder) => holder == CARDS[card].holder,
        Part::Owner(owner) => owner == owner_of_account(CARDS[card].account),
    }
}

/// As what a swipe counts for limits; `None` if as nothing.
fn what_counts(is_increment: bool, swipe: &Swipe) -> Option<Counted> {
    match swipe.aim {
        _ if is_increment => Some(Counted::Purchases),
        Aim::Hold => Some(Counted::Purchases),
        Aim::Debit => Some(Counted::Withdrawals),
        Aim::Credit => Some(Counted::Credits),
        Aim::PendingCredit | Aim::Inquiry | Aim::NotPermitted => None,
    }
}

fn allow<T: PartialEq>(allowed: &[T], to: T) -> Ruling {
    if allowed.contains(&to) { Ok(()) } else { Err(DeclineReason::TransitionNotAllowed) }
}
