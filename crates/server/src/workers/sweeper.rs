//! Ends holds of which nothing more is heard, and asks about what the processor has not confirmed.
//!
//! For each number of days for which a hold may be kept, a *sweep* walks along the messages in the order of
//! their commits, so many days behind the present, and looks at each once: if nothing of its hold group moved
//! after it, nothing was heard of that for so long. If something did, that message is looked at when its own
//! time comes. A hold that is due is ended by a command like any other, under a key that is made of its last
//! message: however many instances find it, it is ended once, and not at all if it has moved meanwhile. Where
//! a number of days was lowered, the sweep of a larger one finds what that of the smaller one had passed.
//!
//! One more sweep finds decisions that the processor should have confirmed by now. Where its API is known it is
//! asked about them, as it is before a hold is ended; what it says is booked. Without its word nothing is ended
//! that it has not confirmed (D5).

mod figures;
mod idle;
mod task;
mod unconfirmed;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::{Authorizer, Reply, Request, Timeline, Unavailable};
use bursar_core::hold_days::{Days, HoldDays};
use bursar_core::{
    Action, Answer, Command, Decided, Encode, MessageId, MessageKey, Program, ProgramId, Work,
};
use bursar_store::{Ledger, Page, StoreError, Sweep};
use uuid::Uuid;

pub use figures::Figures;
pub use task::{Sweeping, start};

use super::inquirer::{Inquirer, NoAnswer};
use walk::{Limit, Walk};

/// How the sweeper works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether it runs.
    pub is_on: bool,
    /// How long it rests between two runs.
    pub interval: Duration,
    /// Messages that are looked at in one read, at most.
    pub slice: u32,
    /// How long a processor has to confirm a decision.
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

/// What could not be started by then waits for the next run.
const DEADLINE: Duration = Duration::from_secs(10);

/// Ends holds of which nothing more is heard, as one instance does.
pub struct Sweeper {
    authorizer: Authorizer,
    inquirer: Option<Inquirer>,
    settings: Settings,
    figures: Arc<Figures>,
    hold_days: HashMap<ProgramId, HoldDays>,
    sweeps: BTreeMap<Limit, Walk>,
}

/// Why a group was not looked at.
enum Failure {
    /// Nothing can be done now: the run ends here, and the next one begins here.
    Run(StoreError),
    /// It is of this group: the others are not held up.
    Group(String),
    /// It waits for the word of its processor, which cannot be asked now.
    Away(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadData(why) | StoreError::Corrupt(why) => Self::Group(why),
            error => Self::Run(error),
        }
    }
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Away(why) => Self::Away(why),
            NoAnswer::Store(error) => error.into(),
            NoAnswer::Behind => Self::Group(Unavailable::Held.to_string()),
            NoAnswer::Unusable(why) => Self::Group(why),
        }
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
        let left = self.sweeps.values().map(Walk::left).sum();
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
            self.sweeps.entry(limit).or_default().go_on_at(position);
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
