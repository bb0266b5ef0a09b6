//! What processor and network do by themselves: a life goes on from its approval, act by act, and what
//! becomes of it is told by notices, each in its own manner.

use std::sync::Arc;

use bursar_core::{Currency, Money};
use bytes::Bytes;
use jiff::Timestamp;

use super::{Book, Follow, Job, NoticesJob};
use crate::history::{Notice, Says, Told};
use crate::jit::{Ask, Decimal, JitRequest, Preceding};
use crate::merchants::Merchant;
use crate::notice;
use crate::plan::{Act, BodyLayout, Clearing, Deed, Delay, Event, Manner, Step};
use crate::progress::REPEATS;

/// A purchase, as processor and network know it. Amounts are minor units.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) card: usize,
    pub(super) token: Arc<str>,
    pub(super) jit_token: Arc<str>,
    /// The latest of its transactions that is known to be stored: a later one may name it.
    pub(super) latest: Arc<str>,
    /// Of an increment, the purchase that it adds to.
    pub(super) follows: Option<Preceding>,
    pub(super) ask: Ask,
    pub(super) merchant: &'static Merchant,
    pub(super) currency: Currency,
    pub(super) at: Timestamp,
    pub(super) approved_minor: i64,
    pub(super) cash_minor: i64,
    pub(super) released_minor: i64,
    pub(super) cleared_minor: i64,
    /// Whether nothing of it is told until the server asks.
    pub(super) is_silent: bool,
}

/// What the gateway is asked about an earlier purchase.
struct Wish {
    ask: Ask,
    preceding: Option<Preceding>,
    amount_minor: i64,
    at: Timestamp,
}

/// How many steps after its approval a refund is cleared.
const REFUND_STEPS: u64 = 30;

/// A notice that waits to be sent, and what is counted when it is.
pub(super) struct Due {
    place: usize,
    counted: &'static str,
    /// Why it comes late.
    delay: Delay,
}

impl Life {
    pub(super) fn of(request: &JitRequest, card: usize, approved_minor: i64) -> Self {
        Self {
            card,
            token: Arc::clone(&request.token),
            jit_token: Arc::clone(&request.jit_token),
            latest: Arc::clone(&request.token),
            follows: request.preceding.clone(),
            ask: request.ask,
            merchant: request.merchant,
            currency: request.currency,
            at: request.at,
            approved_minor,
            cash_minor: request.cash_minor().unwrap_or(0).min(approved_minor),
            released_minor: 0,
            cleared_minor: 0,
            is_silent: false,
        }
    }

    fn open_minor(&self) -> i64 {
        self.approved_minor - self.released_minor - self.cleared_minor
    }
}

impl Book {
    /// Begins a life with an approval. What follows an increment is told of its purchase.
    pub(super) fn begin(&mut self, life: Life, step: u64, acts: &[Act]) {
        if let Some(Preceding { token, .. }) = &life.follows
            && let Some(purchase) = self.lives.get_mut(token)
        {
            purchase.approved_minor = purchase.approved_minor.saturating_add(life.approved_minor);
            purchase.latest = Arc::clone(&life.token);
        }
        for act in acts {
            self.acts.entry(step + act.after).or_default().push((Arc::clone(&life.token), *act));
        }
        self.lives.insert(Arc::clone(&life.token), life);
    }

    /// A purchase that the gateway is not asked about: the network approves it, or only clears it.
    pub(super) fn unasked(&mut self, step: &Step, at: Timestamp) {
        let owner = self.world.layout.owner_of_card(step.card);
        let number = self.world.history.notices.len();
        let token = self.token(number, 3);
        let life = Life {
            card: step.card,
            latest: Arc::clone(&token),
            token,
            jit_token: self.token(number, 4),
            follows: None,
            ask: Ask::Purchase,
            merchant: step.merchant,
            currency: self.world.history.accounts[owner].currency,
            at,
            approved_minor: step.amount_minor,
            cash_minor: 0,
            released_minor: 0,
            cleared_minor: 0,
            is_silent: false,
        };
        let says = match step.deed {
            Deed::StandIn => Says::StoodIn,
            _ => Says::Cleared(Clearing { percent: None, part: None, is_final: Some(true) }),
        };
        let notice = self.notice(&life, says, life.approved_minor);
        self.tell(notice, step.index, step.manner);
        if step.deed == Deed::StandIn {
            self.begin(life, step.index, &step.life);
        }
    }

    /// The processor declined it, for the answer was not there in time.
    pub(super) fn too_late(&mut self, request: &JitRequest, card: usize, step: u64, is_silent: bool) {
        let minor = request.amount.minor(request.currency).unwrap_or(0);
        let life = Life { is_silent, ..Life::of(request, card, minor) };
        let notice = self.notice(&life, Says::TooLate, life.approved_minor);
        self.tell(notice, step, Manner::default());
    }

    /// Everything that happens by this step.
    pub(super) fn live(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        let later = self.acts.split_off(&(step.index + 1));
        let due = std::mem::replace(&mut self.acts, later);
        let mut jobs = Vec::new();
        for (token, act) in due.into_values().flatten() {
            let Some(life) = self.lives.get(&token).cloned() else { continue };
            match act.event {
                Event::Increment(percent) => jobs.extend(self.increment(&life, percent, act, step.index, at)),
                Event::AskedRefund(percent) => {
                    jobs.extend(self.asked_refund(&life, percent, act, step.index, at));
                }
                _ => self.happen(life, act, step.index, at),
            }
        }
        jobs
    }

    fn happen(&mut self, mut life: Life, act: Act, step: u64, at: Timestamp) {
        let open_minor = life.open_minor();
        let (says, amount_minor) = match act.event {
            Event::Confirmation => (Says::Approved, life.approved_minor),
            Event::Advice(percent) => (Says::Advised, part_of(life.approved_minor, percent)),
            Event::Clearing(clearing) => {
                let held_minor = life.approved_minor - life.released_minor;
                let cleared_minor = clearing.percent.map_or(open_minor, |of| part_of(held_minor, of));
                life.cleared_minor += cleared_minor;
                (Says::Cleared(clearing), cleared_minor)
            }
            Event::Reversal(percent) if open_minor > 0 => {
                let released_minor = part_of(open_minor, percent);
                life.released_minor += released_minor;
                (Says::Released, released_minor)
            }
            Event::Expiry => (Says::Expired, open_minor),
            Event::Refund(percent) if life.cleared_minor > 0 => {
                (Says::Refunded, part_of(life.cleared_minor, percent))
            }
            Event::RefundClearing => (Says::RefundCleared, life.approved_minor),
            _ => return,
        };
        if amount_minor <= 0 {
            return;
        }
        let mut notice = match says {
            Says::Approved => self.notice(&life, says, amount_minor),
            Says::Refunded => {
                // It is a purchase of its own, and nothing that the server could ask about.
                let refund = Life { ask: Ask::Refund, cash_minor: 0, at, is_silent: false, ..life.clone() };
                Notice { original_jit_token: None, ..self.following(&refund, says, amount_minor) }
            }
            _ => self.following(&Life { at, cash_minor: 0, ..life.clone() }, says, amount_minor),
        };
        match says {
            Says::Refunded => notice.follows = None,
            Says::Advised => {
                notice.change_minor = amount_minor - life.approved_minor;
                life.approved_minor = amount_minor;
            }
            _ => {}
        }
        self.tell(notice, step, act.manner);
        self.lives.insert(Arc::clone(&life.token), life);
    }

    /// The guest stays on: the gateway is asked for more.
    fn increment(&mut self, life: &Life, percent: u32, act: Act, step: u64, at: Timestamp) -> Option<Job> {
        let first = Preceding { token: Arc::clone(&life.token), jit_token: Arc::clone(&life.jit_token) };
        let amount_minor = part_of(life.approved_minor, percent);
        let wish = Wish { ask: Ask::Purchase, preceding: Some(first), amount_minor, at };
        let acts = vec![Act { after: 1, event: Event::Confirmation, manner: act.manner }];
        self.ask(life, wish, step, acts, life.is_silent)
    }

    fn asked_refund(&mut self, life: &Life, percent: u32, act: Act, step: u64, at: Timestamp) -> Option<Job> {
        if life.cleared_minor <= 0 {
            return None;
        }
        let amount_minor = part_of(life.cleared_minor, percent);
        let wish = Wish { ask: Ask::Refund, preceding: None, amount_minor, at };
        let follow = |after, event| Act { after, event, manner: act.manner };
        let acts = vec![follow(1, Event::Confirmation), follow(REFUND_STEPS, Event::RefundClearing)];
        self.ask(life, wish, step, acts, false)
    }

    /// Asks the gateway about something that belongs to an earlier purchase.
    fn ask(&mut self, life: &Life, wish: Wish, step: u64, acts: Vec<Act>, is_silent: bool) -> Option<Job> {
        let number = self.world.history.swipes.len();
        let owner = self.world.layout.owner_of_card(life.card);
        let holder = self.world.layout.cards[life.card].cardholder;
        let request = Arc::new(JitRequest {
            token: self.token(number, 0),
            jit_token: self.token(number, 1),
            card_token: Arc::clone(&self.world.history.cards[life.card].token),
            acting_token: Arc::clone(&self.world.history.cardholders[holder].token),
            business_token: self.world.business_tokens[owner].clone(),
            preceding: wish.preceding,
            ask: wish.ask,
            takes_less: false,
            amount: Decimal::of(Money { minor: wish.amount_minor, currency: life.currency }),
            currency: life.currency,
            is_currency_numeric: false,
            merchant: life.merchant,
            layout: BodyLayout::V2,
            at: wish.at,
        });
        let follow = Follow { card: life.card, step, release: None, acts, late: None, is_silent };
        self.first_delivery(request, follow).map(Job::Swipe)
    }

    /// A notice about the life's own transaction.
    fn notice(&self, life: &Life, says: Says, amount_minor: i64) -> Notice {
        let owner = self.world.layout.owner_of_card(life.card);
        let holder = self.world.layout.cards[life.card].cardholder;
        let follows = life.follows.as_ref();
        Notice {
            token: Arc::clone(&life.token),
            says,
            ask: life.ask,
            follows: follows.map(|first| Arc::clone(&first.token)),
            jit_token: Arc::clone(&life.jit_token),
            original_jit_token: follows.map(|first| Arc::clone(&first.jit_token)),
            card_token: Arc::clone(&self.world.history.cards[life.card].token),
            acting_token: Arc::clone(&self.world.history.cardholders[holder].token),
            business_token: self.world.business_tokens[owner].clone(),
            merchant: life.merchant,
            currency: life.currency,
            amount_minor,
            change_minor: 0,
            cash_minor: life.cash_minor,
            at: life.at,
            is_silent: life.is_silent,
            sent: 0,
            told: Told::Unknown,
        }
    }

    /// A notice about a transaction that follows the life's own.
    fn following(&self, life: &Life, says: Says, amount_minor: i64) -> Notice {
        let number = self.world.history.notices.len();
        Notice {
            token: self.token(number, 3),
            jit_token: self.token(number, 4),
            follows: Some(Arc::clone(&life.latest)),
            original_jit_token: Some(Arc::clone(&life.jit_token)),
            ..self.notice(life, says, amount_minor)
        }
    }

    /// Has the notice sent from this step on, in its manner; or not, where the server has to ask and has not yet.
    fn tell(&mut self, mut notice: Notice, step: u64, manner: Manner) {
        let place = self.world.history.notices.len();
        let counted = notice.word();
        notice.is_silent &= !self.record(&notice);
        if notice.is_silent {
            notice.sent = self.tick();
            return self.world.history.notices.push(notice);
        }
        self.world.history.notices.push(notice);
        let at = step + manner.delay.steps();
        self.due.entry(at).or_default().push(Due { place, counted, delay: manner.delay });
        if let Some(after) = manner.again_after {
            let again = Due { place, counted: REPEATS, delay: Delay::None };
            self.due.entry(at + after).or_default().push(again);
        }
    }

    /// Has the processor know it. Whether the server has asked about its purchase already, or nobody can.
    fn record(&self, notice: &Notice) -> bool {
        let Some(records) = &self.records else { return true };
        records.add(notice).unwrap_or_else(|error| {
            tracing::error!(%error, "a transaction could not be written");
            true
        })
    }

    /// The webhooks of this step, each with as many notices as fit.
    pub(super) fn webhooks(&mut self, step: u64, batch_max: usize) -> Vec<Job> {
        let later = self.due.split_off(&(step + 1));
        let due: Vec<Due> = std::mem::replace(&mut self.due, later).into_values().flatten().collect();
        due.chunks(batch_max.max(1)).filter_map(|due| self.webhook(due)).collect()
    }

    fn webhook(&mut self, due: &[Due]) -> Option<Job> {
        let sent = self.tick();
        let places: Vec<usize> = due.iter().map(|due| due.place).collect();
        let notices = &mut self.world.history.notices;
        for place in &places {
            if notices[*place].sent == 0 {
                notices[*place].sent = sent;
            }
        }
        let counted = due.iter().flat_map(|due| {
            let late = match due.delay {
                Delay::None => None,
                Delay::Overtaken(_) => Some("overtaken"),
                Delay::Lost(_) => Some("replayed"),
            };
            [Some(due.counted), late].into_iter().flatten()
        });
        let counted = counted.collect();
        match notice::body(places.iter().map(|place| &notices[*place])) {
            Ok(body) => Some(Job::Notices(NoticesJob { places, counted, body: Bytes::from(body) })),
            Err(error) => {
                tracing::error!(%error, "a webhook could not be written");
                None
            }
        }
    }

    /// Takes in what was answered to a webhook. Without an answer it comes again, a while later.
    pub(in crate::run) fn told(&mut self, places: &[usize], told: &Told) {
        let again = self.step + AGAIN_AFTER;
        for &place in places {
            let notice = &mut self.world.history.notices[place];
            if notice.told == Told::Acknowledged {
                continue;
            }
            notice.told = told.clone();
            if let (Says::Advised, Told::Acknowledged, Some(first)) = (notice.says, told, &notice.follows)
                && let Some(life) = self.lives.get_mut(first)
            {
                life.latest = Arc::clone(&notice.token);
            }
            if *told == Told::Unknown {
                let repeat = Due { place, counted: REPEATS, delay: Delay::None };
                self.due.entry(again).or_default().push(repeat);
            }
        }
    }

    /// With the run the network ends, too: what is not confirmed yet is confirmed now, and what was approved without
    /// us and is not cleared yet is cleared, for an open hold of its own shows in no list.
    pub(in crate::run) fn end(&mut self, at: Timestamp) {
        for (token, act) in std::mem::take(&mut self.acts).into_values().flatten() {
            let life = self.lives.get(&token).filter(|_| act.event == Event::Confirmation).cloned();
            if let Some(life) = life {
                self.happen(life, act, self.step, at);
            }
        }
        let stood_in = self.world.history.notices.iter().filter(|notice| notice.says == Says::StoodIn);
        let open: Vec<Arc<str>> = stood_in.map(|notice| Arc::clone(&notice.token)).collect();
        for token in open {
            let life = self.lives.get(&token).filter(|life| life.cleared_minor == 0);
            let Some(life) = life.cloned() else { continue };
            let event = Event::Clearing(Clearing { percent: Some(100), part: None, is_final: None });
            self.happen(life, Act { after: 0, event, manner: Manner::default() }, self.step, at);
        }
    }
}

/// How many steps later a webhook that was not answered comes again.
const AGAIN_AFTER: u64 = 50;

/// At least one minor unit.
fn part_of(minor: i64, percent: u32) -> i64 {
    let part = i128::from(minor) * i128::from(percent) / 100;
    i64::try_from(part).unwrap_or(minor).max(1)
}
