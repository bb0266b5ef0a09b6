//! The history checker: clients that send and remember what they were told, whatever happens to the ledger
//! meanwhile, and a verdict by the invariants' ids.
//!
//! What a client knows of a message is what its door promised: an answer, that it surely had no effect, or
//! nothing. In the end every message, hold and account is read, and what the ledger shows has to be what
//! was told.

mod clients;
mod judge;
mod notes;
mod reads;

use std::sync::Arc;

use async_trait::async_trait;
use bursar_core::control::Scope;
use bursar_core::{Answer, Outcome, Window};
use bursar_store::books::Finding;
use bursar_store::contract::given::{self, Call, Funded, usd};
use bursar_store::{Batch, Ledger, Reader, Settled, StoreError};
use tokio::task::JoinHandle;

use crate::proxy::{Fault, Proxy};
use crate::trial::clients::Clients;
use crate::trial::notes::Note;

/// What a client knows of a message when its door has returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It was answered, and has effect for good.
    Answered(Answer),
    /// It surely has no effect.
    Failed(String),
    /// It may have one.
    Unknown(String),
    /// It was refused as another one under its key, which it is not.
    Conflict,
}

/// A way to a ledger.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// Sends a call once.
    async fn send(&self, call: &Call) -> Known;

    /// Where what was sent by it is read.
    fn reader(&self) -> &dyn Reader;
}

/// The ledger itself, by what its port promises.
#[async_trait]
impl<L: Ledger> Door for L {
    async fn send(&self, call: &Call) -> Known {
        let batch = Batch { members: vec![call.member()], ..Batch::default() };
        match self.transact(batch).await {
            Ok(transacted) => known(transacted.settled.into_iter().next()),
            Err(StoreError::Unknown(why)) => Known::Unknown(why),
            Err(error) => Known::Failed(error.to_string()),
        }
    }

    fn reader(&self) -> &dyn Reader {
        self
    }
}

fn known(settled: Option<Settled>) -> Known {
    match settled {
        Some(Settled::Done(Outcome::Decided(_, answer) | Outcome::Repeated(answer))) => {
            Known::Answered(answer)
        }
        Some(Settled::Done(Outcome::Conflict)) => Known::Conflict,
        other => Known::Failed(format!("{other:?}")),
    }
}

/// Faults of a link, one after the other: each after so many deliveries.
pub type Schedule<'a> = &'a [(u64, Fault)];

/// The clients at work.
pub struct Trial {
    clients: Arc<Clients>,
    tasks: Vec<JoinHandle<Vec<Note>>>,
}

/// Whose money it is about.
pub(crate) struct World {
    /// Its funds are soon spent, and what is loaded is spent at once.
    pub(crate) tight: Funded,
    /// There is always enough.
    pub(crate) wide: Funded,
    /// Its card has a limit for all time.
    pub(crate) limited: Funded,
    /// Its card is suspended and activated again and again.
    pub(crate) watched: Funded,
}

/// What the tight account has at first.
const TIGHT: &str = "30.00";

/// What may be spent with the limited card.
const LIMIT: &str = "40.00";

/// What the others have.
const PLENTY: &str = "1000000.00";

impl World {
    async fn new(ledger: &dyn Ledger) -> Self {
        let world = Self {
            tight: given::account(ledger, usd(TIGHT)).await,
            wide: given::account(ledger, usd(PLENTY)).await,
            limited: given::account(ledger, usd(PLENTY)).await,
            watched: given::account(ledger, usd(PLENTY)).await,
        };
        let card = Scope::Card(world.limited.card);
        given::control(ledger, &world.limited, card, given::limit(Window::Lifetime, usd(LIMIT))).await;
        world
    }

    /// With what each has at first.
    pub(crate) fn accounts(&self) -> [(&Funded, i64); 4] {
        let of = |funded, dollars| (funded, usd(dollars).minor);
        [of(&self.tight, TIGHT), of(&self.wide, PLENTY), of(&self.limited, PLENTY), of(&self.watched, PLENTY)]
    }
}

impl Trial {
    /// Makes owners with cards, and lets clients send by these doors. The ledger is one that nothing happens
    /// to: it is also where all is read in the end.
    ///
    /// # Panics
    /// The ledger does not work.
    pub async fn begin(ledger: Arc<dyn Ledger>, doors: Vec<Arc<dyn Door>>) -> Self {
        let world = World::new(ledger.as_ref()).await;
        let clients = Arc::new(Clients::new(ledger, doors, world));
        let tasks = Clients::begin(&clients);
        Self { clients, tasks }
    }

    /// Waits for so many deliveries more, however they end.
    pub async fn deliveries(&self, more: u64) {
        self.clients.deliveries(more).await;
    }

    /// Lets these faults happen to the link, and mends it.
    pub async fn suffer(&self, link: &Proxy, schedule: Schedule<'_>) {
        for (deliveries, fault) in schedule {
            link.set(*fault);
            self.deliveries(*deliveries).await;
        }
        link.set(Fault::None);
    }

    /// Lets the clients come to an end, sends what was answered or is unknown once more, and reads every
    /// message, hold and account. The doors have to work again.
    ///
    /// # Panics
    /// A client did.
    pub async fn end(self) -> Judged {
        self.clients.stop();
        let mut notes = Vec::new();
        for task in self.tasks {
            notes.extend(task.await.expect("a client that does not panic"));
        }
        let told = Told::by(&notes);
        let mut findings = Vec::new();
        match reads::read(&self.clients, notes).await {
            Ok(reads) => findings = judge::judge(&self.clients.world, &reads),
            Err(unread) => findings.push(unread),
        }
        Judged { findings, told }
    }
}

/// How a trial ended.
#[derive(Debug)]
pub struct Judged {
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
    /// What the clients had been told when they ended.
    pub told: Told,
}

/// How many messages ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Approved, or granted.
    pub approved: u64,
    /// Declined.
    pub declined: u64,
    /// Surely without effect.
    pub failed: u64,
    /// Not known.
    pub unknown: u64,
}

impl Judged {
    /// Asserts that nothing is wrong, and that there was something to be wrong.
    ///
    /// # Panics
    /// It is, or there was not.
    pub fn assert_passed(&self) {
        assert_eq!(self.findings, Vec::new(), "{:?}", self.told);
        assert!(self.told.approved > 0 && self.told.declined > 0, "{:?}", self.told);
    }

    /// Asserts that this invariant was found to be broken.
    ///
    /// # Panics
    /// It was not.
    pub fn assert_broke(&self, rule: &str) {
        let broke = self.findings.iter().any(|finding| finding.rule == rule);
        assert!(broke, "{rule} is not among {:#?} ({:?})", self.findings, self.told);
    }
}
