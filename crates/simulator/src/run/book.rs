//! What the run remembers: it turns planned steps into requests about what exists by now.

mod chores;
mod lives;
mod swipes;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bursar_core::{CardId, ControlId, MessageId, Money};
use bytes::Bytes;
use jiff::Timestamp;

use crate::history::{Action, Answer, Delivery, History, Object, Outcome, Part, Status, Tick, What};
use crate::jit::{Ask, JitRequest};
use crate::merchants::Merchant;
use crate::plan::{Act, Chore, Late, Release, Share, Step};
use crate::progress::SWIPES;
use crate::records::Records;
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
    /// Nothing of it is told until the server asks.
    is_silent: bool,
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
    /// What the processor can be asked about, if it can.
    records: Option<Arc<Records>>,
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
            records: None,
            lives: HashMap::new(),
            acts: BTreeMap::new(),
            due: BTreeMap::new(),
            held_back: BTreeMap::new(),
        }
    }

    /// The same one, whose processor can be asked, if it has records.
    pub(super) fn with_records(self, records: Option<Arc<Records>>) -> Self {
        Self { records, ..self }
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
        let approved = match delivery {
            Delivery::Answered(answer) => approval(request, answer),
            Delivery::Unusable(_) | Delivery::Unknown => None,
        };
        match (delivery, follow.late) {
            (_, Some(Late::Before | Late::Meanwhile)) => return,
            (_, Some(Late::After(steps))) => {
                // Only about what it holds the server asks.
                let is_silent = follow.is_silent && approved.is_some();
                return self.too_late(request, follow.card, self.step + steps, is_silent);
            }
            // To the processor no answer is a late one.
            (Delivery::Unusable(_) | Delivery::Unknown, None) if self.has_lives => {
                return self.too_late(request, follow.card, self.step + 1, false);
            }
            _ => {}
        }
        let Some((approved, decision)) = approved else { return };
        let is_hold = request.preceding.is_none() && matches!(request.ask, Ask::Purchase | Ask::CashBack);
        // What adds to it would tell the server of it.
        if is_hold && !follow.is_silent {
            self.hold(request, follow, decision, approved);
        }
        if self.has_lives {
            let life = Life { is_silent: follow.is_silent, ..Life::of(request, follow.card, approved.minor) };
            self.begin(life, follow.step, &follow.acts);
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

/// What an answer approves, and its decision.
fn approval(request: &JitRequest, answer: &Answer) -> Option<(Money, MessageId)> {
    let approved = Money::parse(&answer.amount, request.currency).ok();
    let approved = approved.filter(|approved| answer.status == 200 && approved.minor > 0);
    approved.zip(answer.decision)
}

#[cfg(test)]
mod tests;
