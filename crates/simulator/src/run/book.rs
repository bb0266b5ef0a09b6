//! What the run remembers: it turns planned steps into requests about what exists by now.

mod chores;
mod lives;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bursar_core::{CardId, ControlId, Currency, MessageId, Money};
use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::history::{Action, Delivery, History, Object, Outcome, Part, Status, Swipe, Tick, What};
use crate::jit::{Ask, Decimal, JitRequest, Preceding};
use crate::layout::FOREIGN_CURRENCY;
use crate::merchants::Merchant;
use crate::plan::{Act, Chore, Deed, Late, Release, Share, Step};
use crate::progress::SWIPES;
use crate::world::World;
use lives::{Due, Life};

/// Something to send.
pub(super) enum Job {
    Swipe(SwipeJob),
    Action(ActionJob),
    Notices(NoticesJob),
}

/// One delivery of a funding request.
pub(super) struct SwipeJob {
    /// Its place among the swipes of the history.
    place: usize,
    purpose: Purpose,
    /// What is asked; an answer is read with it.
    pub(super) request: Arc<JitRequest>,
    /// Its bytes.
    pub(super) body: Bytes,
    /// What may follow it.
    follow: Option<Follow>,
}

/// What follows a swipe that is approved, and one that is answered too late.
#[derive(Clone)]
struct Follow {
    /// Index of the card.
    card: usize,
    /// The step of the swipe.
    step: u64,
    release: Option<Release>,
    acts: Vec<Act>,
    late: Option<Late>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    First,
    Repeat,
    Conflict,
}

/// One action to perform.
pub(super) struct ActionJob {
    /// Its place among the actions of the history.
    pub(super) place: usize,
    /// A copy of it.
    pub(super) action: Action,
}

/// One webhook.
pub(super) struct NoticesJob {
    /// The places of its notices in the history.
    pub(super) places: Vec<usize>,
    /// Words under which they are counted.
    pub(super) counted: Vec<&'static str>,
    /// Its bytes.
    pub(super) body: Bytes,
}

/// An approved purchase that holds money.
#[derive(Clone)]
struct Held {
    card: usize,
    decision: MessageId,
    token: Arc<str>,
    jit_token: Arc<str>,
    merchant: &'static Merchant,
}

/// A request that was answered.
#[derive(Clone)]
struct Answered {
    place: usize,
    request: Arc<JitRequest>,
}

/// How many earlier purchases are remembered to add to, to repeat.
const REMEMBERED: usize = 256;

/// How many cards are suspended by the run at the same time.
const AWAY_MAX: usize = 2;

/// How much later a swipe comes than the notice that it was too late.
const HELD_BACK_STEPS: u64 = 2;

pub(super) struct Book {
    world: World,
    open: VecDeque<Held>,
    released: VecDeque<Held>,
    answered: VecDeque<Answered>,
    /// What is to be released, by the step at which each is due.
    releases: BTreeMap<u64, Vec<(Held, Part)>>,
    /// Activations that wait: for the suspension to be answered, or because their step was left out.
    postponed: Vec<Chore>,
    /// Cards that the run suspended and has not activated again.
    away: HashSet<CardId>,
    /// Cards whose status is being changed. A second change sent meanwhile could overtake the first,
    /// and the card would stay suspended.
    moving: HashSet<CardId>,
    /// Controls that the run turned and has not turned back.
    turned: HashSet<ControlId>,
    /// Controls that are being changed. One whose change is not known to be made stays here: it
    /// could be made after any later one.
    changing: HashSet<ControlId>,
    /// How many events there were.
    ticks: Tick,
    /// The last step.
    step: u64,
    /// Whether purchases live on.
    has_lives: bool,
    /// By the token of the transaction.
    lives: HashMap<Arc<str>, Life>,
    /// What happens to them, by the step at which each is due.
    acts: BTreeMap<u64, Vec<(Arc<str>, Act)>>,
    /// Notices, by the step at which each is sent.
    due: BTreeMap<u64, Vec<Due>>,
    /// Swipes that come after the notice about them.
    held_back: BTreeMap<u64, Vec<SwipeJob>>,
}

impl Job {
    /// The words under which it is counted.
    pub(super) fn counted(&self) -> Vec<&'static str> {
        match self {
            Self::Swipe(_) => vec![SWIPES],
            Self::Action(_) => Vec::new(),
            Self::Notices(job) => job.counted.clone(),
        }
    }
}

impl SwipeJob {
    pub(super) fn is_first(&self) -> bool {
        self.purpose == Purpose::First
    }
}

impl Book {
    pub(super) fn new(world: World, has_lives: bool) -> Self {
        Self {
            world,
            open: VecDeque::new(),
            released: VecDeque::new(),
            answered: VecDeque::new(),
            releases: BTreeMap::new(),
            postponed: Vec::new(),
            away: HashSet::new(),
            moving: HashSet::new(),
            turned: HashSet::new(),
            changing: HashSet::new(),
            ticks: 0,
            step: 0,
            has_lives,
            lives: HashMap::new(),
            acts: BTreeMap::new(),
            due: BTreeMap::new(),
            held_back: BTreeMap::new(),
        }
    }

    /// What to send for the step, now. A deed that needs an earlier purchase is a purchase of its
    /// own while there is none.
    pub(super) fn jobs(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        self.step = step.index;
        let mut jobs = self.live(step, at);
        jobs.extend(self.catch_up(step.index));
        jobs.extend(self.swipe(step, at));
        let postponed = std::mem::take(&mut self.postponed);
        for chore in postponed.into_iter().chain(step.chores.iter().copied()) {
            jobs.extend(self.chore(chore));
        }
        let later = self.releases.split_off(&(step.index + 1));
        for (held, part) in std::mem::replace(&mut self.releases, later).into_values().flatten() {
            jobs.push(self.release(held, part));
        }
        jobs.extend(self.webhooks(step.index, step.batch_max));
        jobs
    }

    /// Swipes whose notices came before them.
    fn catch_up(&mut self, step: u64) -> Vec<Job> {
        let later = self.held_back.split_off(&(step + 1));
        let due: Vec<SwipeJob> =
            std::mem::replace(&mut self.held_back, later).into_values().flatten().collect();
        let mut send = |job: SwipeJob| {
            self.world.history.swipes[job.place].sent = self.tick();
            Job::Swipe(job)
        };
        due.into_iter().map(&mut send).collect()
    }

    /// Leaves the step out. What it ends waits for the next one: the card would stay suspended.
    pub(super) fn skip(&mut self, step: &Step) {
        let ends = |chore: &&Chore| matches!(chore, Chore::MoveCard(_, Status::Active) | Chore::TurnBack(_));
        self.postponed.extend(step.chores.iter().filter(ends));
    }

    /// Takes in what became of a delivery.
    pub(super) fn delivered(&mut self, job: SwipeJob, delivery: Delivery) {
        let now = self.tick();
        if job.purpose == Purpose::First {
            self.first_delivered(&job, &delivery);
        }
        let swipe = &mut self.world.history.swipes[job.place];
        if job.purpose != Purpose::Conflict && matches!(delivery, Delivery::Answered(_)) {
            swipe.answered.get_or_insert(now);
        }
        match job.purpose {
            Purpose::First | Purpose::Repeat => swipe.deliveries.push(delivery),
            Purpose::Conflict => swipe.conflicts.push(delivery),
        }
    }

    /// What the processor makes of the only answer that it waits for.
    fn first_delivered(&mut self, job: &SwipeJob, delivery: &Delivery) {
        let (request, follow) = (&job.request, job.follow.as_ref());
        if let Delivery::Answered(_) = delivery {
            let answered = Answered { place: job.place, request: Arc::clone(request) };
            remember(&mut self.answered, answered);
        }
        let Some(follow) = follow else { return };
        let answer = match (delivery, follow.late) {
            (_, Some(Late::Before | Late::Meanwhile)) => return,
            (_, Some(Late::After(steps))) => return self.too_late(request, follow.card, self.step + steps),
            (Delivery::Answered(answer), None) => answer,
            // To the processor no answer is a late one.
            (Delivery::Unusable(_) | Delivery::Unknown, None) if self.has_lives => {
                return self.too_late(request, follow.card, self.step + 1);
            }
            (Delivery::Unusable(_) | Delivery::Unknown, None) => return,
        };
        let approved = Money::parse(&answer.amount, request.currency).ok();
        let approved = approved.filter(|approved| answer.status == 200 && approved.minor > 0);
        let (Some(approved), Some(decision)) = (approved, answer.decision) else { return };
        if request.preceding.is_none() && matches!(request.ask, Ask::Purchase | Ask::CashBack) {
            self.hold(request, follow, decision, approved);
        }
        if self.has_lives {
            self.begin(Life::of(request, follow.card, approved.minor), follow.step, &follow.acts);
        }
    }

    /// Takes in what became of an action.
    pub(super) fn performed(&mut self, place: usize, outcome: Outcome) {
        let now = self.tick();
        let action = &mut self.world.history.actions[place];
        let is_known = !matches!(outcome, Outcome::Unresolved(_));
        action.acknowledged = is_known.then_some(now);
        action.outcome = outcome;
        match action.what {
            What::Move(Object::Card(id), to) => {
                self.moving.remove(&id);
                if to == Status::Active {
                    self.away.remove(&id);
                }
            }
            What::SetLimit(id, ..) | What::SwitchControl(id, _) if is_known => {
                self.changing.remove(&id);
            }
            _ => {}
        }
    }

    fn tick(&mut self) -> Tick {
        self.ticks += 1;
        self.ticks
    }

    /// How many steps there were.
    pub(super) fn steps(&self) -> u64 {
        self.step + 1
    }

    pub(super) fn into_history(self) -> History {
        self.world.history
    }

    fn swipe(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        let earlier = pick(&self.answered, step.pick).cloned();
        match (step.deed, earlier) {
            (Deed::Resend, Some(Answered { place, request })) => {
                delivery(place, Purpose::Repeat, request, None).map(Job::Swipe).into_iter().collect()
            }
            (Deed::Conflict, Some(Answered { place, request })) => {
                let request = with_another_amount(&request);
                delivery(place, Purpose::Conflict, request, None).map(Job::Swipe).into_iter().collect()
            }
            (Deed::StandIn | Deed::ForcePost, _) => {
                self.unasked(step, at);
                Vec::new()
            }
            _ => self.first(step, at),
        }
    }

    /// A token that was never sent before.
    fn first(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        let number = self.world.history.swipes.len();
        let held = match step.deed {
            Deed::Increment => pick(&self.open, step.pick).cloned(),
            Deed::IncrementOfEnded => pick(&self.released, step.pick).cloned(),
            _ => None,
        };
        let card = held.as_ref().map_or(step.card, |held| held.card);
        let request = Arc::new(self.request(number, card, held.as_ref(), step, at));
        let follow = Follow {
            card,
            step: step.index,
            release: step.release,
            acts: step.life.clone(),
            late: step.late,
        };
        let twin = step.deed == Deed::Twin;
        let Some(first) = self.first_delivery(Arc::clone(&request), follow) else { return Vec::new() };
        match step.late {
            Some(Late::Before) => {
                self.too_late(&request, card, step.index);
                self.held_back.entry(step.index + HELD_BACK_STEPS).or_default().push(first);
                return Vec::new();
            }
            Some(Late::Meanwhile) => self.too_late(&request, card, step.index),
            Some(Late::After(_)) | None => {}
        }
        let twin = twin.then(|| delivery(number, Purpose::Repeat, request, None)).flatten();
        [Some(first), twin].into_iter().flatten().map(Job::Swipe).collect()
    }

    /// The first delivery of a request. Nothing follows one with a card that nobody knows, or of nothing.
    fn first_delivery(&mut self, request: Arc<JitRequest>, follow: Follow) -> Option<SwipeJob> {
        let place = self.world.history.swipes.len();
        let sent = self.tick();
        self.world.history.swipes.push(Swipe {
            token: Arc::clone(&request.token),
            card_token: Arc::clone(&request.card_token),
            acting_token: Arc::clone(&request.acting_token),
            follows: request.preceding.as_ref().map(|first| Arc::clone(&first.token)),
            ask: request.ask,
            takes_less: request.takes_less,
            merchant: request.merchant,
            cash_minor: request.cash_minor().unwrap_or(0),
            sent,
            answered: None,
            at: request.at,
            currency: request.currency,
            amount_minor: request.amount.minor(request.currency),
            deliveries: Vec::new(),
            conflicts: Vec::new(),
        });
        let is_known = self.world.history.cards[follow.card].token == request.card_token;
        let moves = request.amount.minor(request.currency) > Some(0) && request.ask != Ask::BalanceInquiry;
        let follow = (is_known && moves).then_some(follow);
        delivery(place, Purpose::First, request, follow)
    }

    fn request(
        &self,
        number: usize,
        card: usize,
        held: Option<&Held>,
        step: &Step,
        at: Timestamp,
    ) -> JitRequest {
        let World { layout, history, business_tokens, .. } = &self.world;
        let owner = layout.owner_of_card(card);
        // An increment is made with the card of its purchase, by whom that card belongs to.
        let acting = match held {
            Some(_) => layout.cards[card].cardholder,
            None => step.acting,
        };
        let own_currency = history.accounts[owner].currency;
        let currency = match step.deed {
            Deed::WrongCurrency => Currency::parse(FOREIGN_CURRENCY).unwrap_or(own_currency),
            _ => own_currency,
        };
        let amount = Money { minor: step.amount_minor, currency };
        JitRequest {
            token: self.token(number, 0),
            jit_token: self.token(number, 1),
            card_token: match step.deed {
                Deed::UnknownCard => self.token(number, 2),
                _ => Arc::clone(&history.cards[card].token),
            },
            acting_token: Arc::clone(&history.cardholders[acting].token),
            business_token: business_tokens[owner].clone(),
            preceding: held.map(|held| Preceding {
                token: Arc::clone(&held.token),
                jit_token: Arc::clone(&held.jit_token),
            }),
            ask: match step.deed {
                Deed::CashBack => Ask::CashBack,
                Deed::Withdrawal => Ask::Withdrawal,
                Deed::BalanceInquiry => Ask::BalanceInquiry,
                _ => Ask::Purchase,
            },
            takes_less: step.deed == Deed::Fuel,
            amount: match step.deed {
                Deed::TooPrecise => Decimal::too_precise(amount),
                _ => Decimal::of(amount),
            },
            currency,
            is_currency_numeric: step.is_currency_numeric,
            merchant: held.map_or(step.merchant, |held| held.merchant),
            layout: step.layout,
            at,
        }
    }

    /// Looks like the processor's tokens. `part` sets apart the tokens of one request.
    fn token(&self, number: usize, part: u64) -> Arc<str> {
        let low = (part << 56) | number as u64;
        Uuid::from_u64_pair(self.world.run, low).to_string().into()
    }

    fn hold(&mut self, request: &JitRequest, follow: &Follow, decision: MessageId, approved: Money) {
        let held = Held {
            card: follow.card,
            decision,
            token: Arc::clone(&request.token),
            jit_token: Arc::clone(&request.jit_token),
            merchant: request.merchant,
        };
        if let Some(Release { after, share }) = follow.release {
            let due = (held.clone(), part_of(approved, share));
            self.releases.entry(follow.step + after).or_default().push(due);
        }
        remember(&mut self.open, held);
    }

    fn release(&mut self, held: Held, part: Part) -> Job {
        let what = What::Release { authorization: held.decision, token: Arc::clone(&held.token), part };
        let owner = self.world.layout.owner_of_card(held.card);
        if !matches!(part, Part::Amount(_)) {
            self.open.retain(|open| open.token != held.token);
            remember(&mut self.released, held);
        }
        self.act(owner, what)
    }

    fn act(&mut self, owner: usize, what: What) -> Job {
        let place = self.world.history.actions.len();
        let sent = self.tick();
        let action = Action {
            key: self.world.action_key(place),
            owner: self.world.history.owners[owner].id,
            what,
            sent,
            acknowledged: None,
            outcome: Outcome::Unresolved("not answered".to_owned()),
        };
        self.world.history.actions.push(action.clone());
        Job::Action(ActionJob { place, action })
    }
}

/// At least one minor unit.
fn part_of(approved: Money, share: Share) -> Part {
    match share {
        Share::All => Part::All,
        Share::Expired => Part::Expired,
        Share::Percent(percent) => {
            let minor = i128::from(approved.minor) * i128::from(percent) / 100;
            let minor = i64::try_from(minor).unwrap_or(approved.minor).max(1);
            Part::Amount(Money { minor, ..approved })
        }
    }
}

fn remember<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() == REMEMBERED {
        ring.pop_front();
    }
    ring.push_back(item);
}

fn pick<T>(ring: &VecDeque<T>, number: usize) -> Option<&T> {
    ring.get(number.checked_rem(ring.len())?)
}

fn delivery(
    place: usize,
    purpose: Purpose,
    request: Arc<JitRequest>,
    follow: Option<Follow>,
) -> Option<SwipeJob> {
    match request.body() {
        Ok(body) => Some(SwipeJob { place, purpose, request, body: Bytes::from(body), follow }),
        Err(error) => {
            tracing::error!(%error, "a request could not be written");
            None
        }
    }
}

fn with_another_amount(request: &JitRequest) -> Arc<JitRequest> {
    let currency = request.currency;
    let minor = request.amount.minor(currency).map_or(100, |minor| minor.saturating_add(1));
    Arc::new(JitRequest { amount: Decimal::of(Money { minor, currency }), ..request.clone() })
}

#[cfg(test)]
mod tests;
