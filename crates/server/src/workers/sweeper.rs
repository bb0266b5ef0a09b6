//! Ends holds of which nothing more is heard.
//!
//! For each number of days for which a hold may be kept, a *sweep* walks along the messages in the order of
//! their commits, so many days behind the present, and looks at each once: if nothing of its hold group moved
//! after it, nothing was heard of that for so long. If something did, that message is looked at when its own
//! time comes. A hold that is due is ended by a command like any other, under a key that is made of its last
//! message: however many instances find it, it is ended once, and not at all if it has moved meanwhile. Where
//! a number of days was lowered, the sweep of a larger one finds what that of the smaller one had passed.
//!
//! One more sweep finds holds that the processor should have confirmed by now. Where its API is known it is asked
//! about them, as it is before a hold is ended; what it says is booked. Without its word none is ended that it has
//! not confirmed (D5).

mod figures;
mod idle;
mod unconfirmed;

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::{Authorizer, Reply, Request, Timeline, Unavailable};
use bursar_core::hold_days::{Days, HoldDays};
use bursar_core::{
    Action, Answer, Command, Decided, Encode, MessageId, MessageKey, Program, ProgramId, Work,
};
use bursar_store::{IdleGroup, Ledger, Page, StoreError, Sweep};
use futures_util::FutureExt;
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

pub use figures::Figures;

use super::inquirer::{Inquirer, NoAnswer};
use crate::app::App;

/// How the sweeper works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether it runs.
    pub is_on: bool,
    /// How long it rests between two runs.
    pub interval: Duration,
    /// Messages that are looked at in one read, at most.
    pub slice: u32,
    /// How long a processor has to confirm a hold.
    pub unconfirmed_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_on: true,
            interval: Duration::from_secs(60),
            slice: 1_000,
            unconfirmed_after: Duration::from_secs(3_600),
        }
    }
}

/// An expiry that could not be started by then waits for the next run.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long it rests between two slices, at most.
const REST_MAX: Duration = Duration::from_secs(1);

/// Groups that a sweep leaves behind because of their own data, at most.
const LEFT_MAX: usize = 100;

/// Ends holds of which nothing more is heard, as one instance does.
pub struct Sweeper {
    authorizer: Authorizer,
    inquirer: Option<Inquirer>,
    settings: Settings,
    figures: Arc<Figures>,
    hold_days: HashMap<ProgramId, HoldDays>,
    sweeps: BTreeMap<Limit, Walk>,
}

/// What a sweep looks for. What ends holds comes first: the processor may take long to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// Holds that are so old.
    Days(Days),
    /// Holds that should be confirmed by now.
    Unconfirmed,
}

impl Limit {
    fn from_number(number: u16) -> Option<Self> {
        match number {
            Sweep::UNCONFIRMED => Some(Self::Unconfirmed),
            number => Days::new(number.into()).ok().map(Self::Days),
        }
    }

    const fn number(self) -> u16 {
        match self {
            Self::Days(days) => days.number(),
            Self::Unconfirmed => Sweep::UNCONFIRMED,
        }
    }
}

/// How far a sweep of this instance has come.
#[derive(Default)]
struct Walk {
    position: i64,
    /// What it passed and has to look at again: the ledger keeps no position beyond the first of them.
    left: Vec<IdleGroup>,
}

/// Why a group was not looked at.
enum Failure {
    /// Nothing can be done now: the run ends here, and the next one begins here.
    Run(StoreError),
    /// It is of this group: the others are not held up.
    Group(String),
    /// The processor cannot be asked about it now.
    Away(String),
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Away(why) => Self::Away(why),
            NoAnswer::Store(error) => error.into(),
            NoAnswer::Unusable(why) => Self::Group(why),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadData(why) | StoreError::Corrupt(why) => Self::Group(why),
            error => Self::Run(error),
        }
    }
}

impl Walk {
    /// Passes a group that has to be looked at again.
    fn leave(&mut self, group: IdleGroup) {
        self.position = self.position.max(group.position);
        self.left.push(group);
    }

    /// Up to where nothing is left to be looked at.
    fn settled(&self) -> i64 {
        let first_left = self.left.iter().map(|group| group.position.saturating_sub(1)).min();
        first_left.map_or(self.position, |before| before.min(self.position))
    }
}

impl Sweeper {
    /// A sweeper that begins where the ledger says that all sweeps have come.
    #[must_use]
    pub fn new(authorizer: Authorizer, settings: Settings, figures: Arc<Figures>) -> Self {
        let (hold_days, sweeps) = (HashMap::new(), BTreeMap::new());
        Self { authorizer, inquirer: None, settings, figures, hold_days, sweeps }
    }

    /// The same one, if there is nobody to ask; otherwise one that asks.
    #[must_use]
    pub fn asking(self, inquirer: Option<Inquirer>) -> Self {
        Self { inquirer, ..self }
    }

    /// Looks at all that has become old enough since the last run.
    ///
    /// # Errors
    /// The ledger cannot be read or written now. What was done stays done, and the next run goes on.
    pub async fn run(&mut self) -> Result<(), StoreError> {
        let result = self.sweep_all().await;
        let left = self.sweeps.values().map(|walk| walk.left.len()).sum();
        self.figures.note_run(left, result.as_ref().err());
        result
    }

    async fn sweep_all(&mut self) -> Result<(), StoreError> {
        self.hold_days = self.read_hold_days().await?;
        let numbers: Vec<Days> = self.hold_days.values().flat_map(HoldDays::numbers).collect();
        for limit in numbers.into_iter().map(Limit::Days).chain([Limit::Unconfirmed]) {
            self.sweeps.entry(limit).or_default();
        }
        for Sweep { days, position } in self.ledger().list_sweeps().await? {
            // Another instance may have come further.
            let Some(limit) = Limit::from_number(days) else { continue };
            let walk = self.sweeps.entry(limit).or_default();
            walk.position = walk.position.max(position);
        }
        let mut damage = Ok(());
        for limit in self.sweeps.keys().copied().collect::<Vec<_>>() {
            let mut walk = self.sweeps.remove(&limit).unwrap_or_default();
            let swept = self.sweep(limit, &mut walk).await;
            self.sweeps.insert(limit, walk);
            match swept {
                // It may be in the way of this one only.
                Err(StoreError::Corrupt(why)) => damage = Err(StoreError::Corrupt(why)),
                swept => swept?,
            }
        }
        damage
    }

    async fn read_hold_days(&self) -> Result<HashMap<ProgramId, HoldDays>, StoreError> {
        let mut all = HashMap::new();
        let mut page = Page { after: None, limit: 1_000 };
        loop {
            let programs: Vec<Program> = self.ledger().list_programs(page).await?;
            page.after = programs.last().map(|program| program.id);
            all.extend(programs.into_iter().map(|program| (program.id, program.hold_days)));
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }

    async fn sweep(&self, limit: Limit, walk: &mut Walk) -> Result<(), StoreError> {
        let mut kept = walk.settled();
        let left = std::mem::take(&mut walk.left);
        self.look_at_all(limit, left, walk).await?;
        loop {
            if walk.left.len() >= LEFT_MAX {
                let why = format!("{LEFT_MAX} holds wait to be looked at; the log says for what");
                return Err(StoreError::Corrupt(why));
            }
            let began = Instant::now();
            let page = Page { after: Some(walk.position), limit: self.settings.slice };
            let slice = self.ledger().list_idle(self.age(limit), page).await?;
            self.look_at_all(limit, slice.groups, walk).await?;
            walk.position = walk.position.max(slice.position);
            if walk.settled() > kept {
                kept = walk.settled();
                self.ledger().keep_sweep(Sweep { days: limit.number(), position: kept }).await?;
            }
            if !slice.has_more {
                return Ok(());
            }
            // Who has much to catch up with leaves half of the time to the decisions.
            tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
        }
    }

    /// How old a message is that the sweep looks at.
    fn age(&self, limit: Limit) -> SignedDuration {
        match limit {
            Limit::Days(days) => days.duration(),
            Limit::Unconfirmed => {
                SignedDuration::try_from(self.settings.unconfirmed_after).unwrap_or(SignedDuration::MAX)
            }
        }
    }

    /// Has a sweep of so many days look at what it has not reached yet. One that nobody needed before begins with the
    /// oldest message; it is known before the one that passes the group now keeps its position.
    async fn look_again_after(&self, days: Days) -> Result<(), StoreError> {
        match self.sweeps.contains_key(&Limit::Days(days)) {
            true => Ok(()),
            false => self.ledger().keep_sweep(Sweep { days: days.number(), position: 0 }).await,
        }
    }

    /// Looks at each; where one cannot be looked at by its own fault, or for want of the processor's word, it is
    /// left for the next run.
    async fn look_at_all(
        &self,
        limit: Limit,
        groups: Vec<IdleGroup>,
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        let mut groups = groups.into_iter();
        let mut waiting: Option<String> = None;
        while let Some(group) = groups.next() {
            match self.look_at(limit, &group).await {
                Ok(None) => walk.position = walk.position.max(group.position),
                Ok(Some(days)) => {
                    self.look_again_after(days).await?;
                    walk.position = walk.position.max(group.position);
                }
                Err(Failure::Group(why)) => {
                    let IdleGroup { root, .. } = group;
                    tracing::warn!(hold.id = %root, "the hold of {root} cannot be looked at, and stays: {why}");
                    walk.leave(group);
                }
                Err(Failure::Away(why)) => {
                    waiting = Some(why);
                    walk.leave(group);
                }
                Err(Failure::Run(error)) => {
                    // Those behind the walk would be forgotten otherwise.
                    let is_passed = |group: &IdleGroup| group.position <= walk.position;
                    walk.left.extend(std::iter::once(group).chain(groups).filter(is_passed));
                    return Err(error);
                }
            }
        }
        if let Some(why) = waiting {
            tracing::warn!("holds wait for the word of their processor, which cannot be asked now: {why}");
        }
        Ok(())
    }

    /// Whether it was granted now: not if the hold moved or ended meanwhile, or another instance was here.
    async fn settle(&self, key: MessageKey, action: Action) -> Result<bool, Failure> {
        let command = Command { id: MessageId::new(Uuid::now_v7()), key, action };
        let work = Work::new(command, Box::new(Swept));
        let deadline = Some(Instant::now() + DEADLINE);
        let request = Request { work, deadline, timeline: Timeline::begin() };
        match self.authorizer.settle(request).await.reply {
            Reply::Decided { declined, .. } => Ok(declined.is_none()),
            Reply::Repeated(_) => Ok(false),
            Reply::Conflict => Err(Failure::Group("another message has its key".to_owned())),
            Reply::Unavailable(why @ (Unavailable::Held | Unavailable::Undecidable(_))) => {
                Err(Failure::Group(why.to_string()))
            }
            Reply::Unavailable(why) => Err(Failure::Run(StoreError::Unavailable(why.to_string()))),
        }
    }

    fn ledger(&self) -> &dyn Ledger {
        self.authorizer.ledger().as_ref()
    }
}

/// What is stored as the answer: nobody is sent it.
struct Swept;

impl Encode for Swept {
    fn encode(&self, decided: &Decided) -> Answer {
        let (code, held) = match decided.declined() {
            None => (200, decided.hold.map(|books| books.held_minor)),
            Some(_) => (409, None),
        };
        let body = serde_json::json!({"held_minor": held, "declined": decided.declined()});
        Answer { code, body: body.to_string().into_bytes() }
    }
}

/// A sweeper that runs now and then until it is stopped or dropped.
pub struct Sweeping(Option<JoinHandle<()>>);

/// Starts the sweeper of the server, if it is on.
#[must_use]
pub fn start(app: &App) -> Sweeping {
    let settings = app.settings().sweeper;
    if !settings.is_on {
        return Sweeping(None);
    }
    let figures = Arc::clone(app.sweeper());
    let sweeper = Sweeper::new(app.authorizer().clone(), settings, figures).asking(Inquirer::of(app));
    Sweeping(Some(tokio::spawn(keep_running(sweeper, settings.interval))))
}

async fn keep_running(mut sweeper: Sweeper, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let before = sweeper.figures.expired();
        // A defect must not end it.
        match AssertUnwindSafe(sweeper.run()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("holds that are due wait for the next run: {error}"),
            Err(_) => {
                tracing::error!("the sweeper panicked, and goes on with its next run; the log has the place")
            }
        }
        match sweeper.figures.expired() - before {
            0 => {}
            count => tracing::info!("{count} holds expired"),
        }
    }
}

impl Sweeping {
    /// Stops it. A command that it gave to a lane is decided all the same.
    pub async fn stop(mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
