//! Everything that is cached, and what a commit makes of it.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::CardholderId;
use bursar_core::command::Route;
use bursar_core::text::Token;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::counters::Counters;
use crate::decisions::{Decisions, count};
use crate::facts::Facts;
use crate::forgetting::Forgetter;
use crate::key_value::{Condition, KeyValue, KeyValueError};
use crate::learning::listen;
use crate::seal::Seal;
use crate::second::{LOADS_WITHIN, Second, Write};
use crate::views::Views;

/// How long what is kept, and how much in memory.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Cardholders and their tokens.
    pub user: Duration,
    /// Tokens of cards.
    pub card: Duration,
    /// Spending controls.
    pub limits: Duration,
    /// Transactions that are final.
    pub transaction: Duration,
    /// Entries of a kind in memory, at most.
    pub entries_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user: Duration::from_secs(3600),
            card: Duration::from_secs(900),
            limits: Duration::from_secs(300),
            transaction: Duration::from_secs(300),
            entries_max: 100_000,
        }
    }
}

/// What a cache is beside the ledger.
pub enum Beside {
    /// Nobody else changes the ledger: what is in memory is right.
    Alone,
    /// Other instances do, and nobody tells: only what never changes is kept.
    Untold,
    /// Other instances do, and all share this.
    Shared(Arc<dyn KeyValue>),
}

/// Everything that is cached. It makes Bursar faster and never different: nothing of it decides.
pub struct Cache {
    /// Which card a processor's token is, and whose.
    pub routes: Facts<Token, Route>,
    /// Who a processor's user token is.
    pub users: Facts<Token, CardholderId>,
    /// Cardholders.
    pub cardholders: Views,
    /// Spending controls.
    pub controls: Views,
    /// Transactions that are final, by the messages that began them; where no other instance changes the ledger.
    pub transactions: Views,
    pub(crate) second: Option<Second>,
    hearing: watch::Receiver<bool>,
    pub(crate) forgetter: Forgetter,
    pub(crate) counters: Counters,
    pub(crate) decisions: Decisions,
    /// Ended with it.
    _tasks: JoinSet<()>,
}

impl Cache {
    /// A cache of the ledger with this seal. It has to be made within a runtime, on which it works in the background
    /// until it is dropped.
    #[must_use]
    pub fn start(beside: Beside, seal: &Seal, settings: Settings) -> Arc<Self> {
        let is_alone = watch::Sender::new(matches!(beside, Beside::Alone)).subscribe();
        let (shared, second, waiting) = match beside {
            Beside::Alone | Beside::Untold => (None, None, None),
            Beside::Shared(values) => {
                let (second, waiting) = Second::new(values.clone(), seal.clone());
                (Some(values), Some(second), Some(waiting))
            }
        };
        let hearing = shared.as_ref().map_or_else(|| is_alone.clone(), |values| values.hearing());
        let Settings { user, card, limits, transaction, entries_max: most } = settings;
        let forgetter = Forgetter::default();
        let shared_by_views = (seal.clone(), second.clone(), hearing.clone(), forgetter.clone());
        let views = move |kind, kept| Views::new(kind, (kept, most), shared_by_views.clone());
        // Money is not read from before an acknowledgement (R1), and no word comes before every read.
        let of_money = (seal.clone(), None, is_alone, forgetter.clone());
        // What was taken from the second level is kept as long once more in memory; what is being loaded comes later.
        let kept_max = user.max(limits).saturating_mul(2).saturating_add(LOADS_WITHIN);
        Arc::new_cyclic(|cache| Self {
            routes: Facts::new("card", card, most, second.clone()),
            users: Facts::new("user", user, most, second.clone()),
            cardholders: views("cardholder", user),
            controls: views("limits", limits),
            transactions: Views::new("transaction", (transaction, most), of_money),
            counters: Counters::new(seal.clone(), second.as_ref().map(|second| second.values.clone() as _)),
            decisions: Decisions::default(),
            _tasks: {
                let mut tasks = match (shared, &second, waiting) {
                    (Some(values), Some(second), Some(waiting)) => {
                        let listening = listen(cache.clone(), values.forgotten(), values.hearing());
                        work(second, waiting, forgetter.clone().run(second.clone(), kept_max), listening)
                    }
                    _ => JoinSet::new(),
                };
                tasks.spawn(count(cache.clone()));
                tasks
            },
            second,
            hearing,
            forgetter,
        })
    }

    /// A cache in memory, of a ledger that may have other instances: of what never changes.
    #[must_use]
    pub fn in_memory(settings: Settings) -> Arc<Self> {
        // Nothing of it leaves the process.
        Self::start(Beside::Untold, &Seal::new(Uuid::nil(), &rand::random()), settings)
    }

    pub(crate) fn views(&self) -> [&Views; 3] {
        [&self.cardholders, &self.controls, &self.transactions]
    }

    /// Whether it is heard what other instances change.
    #[must_use]
    pub fn hears(&self) -> bool {
        *self.hearing.borrow()
    }

    /// What is wrong with the server that instances share although it answers: it refused something lately, or has been too slow
    /// to be asked for a second or longer.
    #[must_use]
    pub fn trouble(&self) -> Option<KeyValueError> {
        self.second.as_ref()?.values.trouble()
    }

    /// How the server is that instances share; `None` if there is none.
    pub async fn probe(&self) -> Option<Result<Condition, KeyValueError>> {
        let second = self.second.as_ref()?;
        Some(second.values.probe().await)
    }
}

fn work(
    second: &Second,
    waiting: mpsc::Receiver<Write>,
    forgetting: impl Future<Output = ()> + Send + 'static,
    listening: impl Future<Output = ()> + Send + 'static,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(second.values.clone().watch());
    tasks.spawn(second.clone().write(waiting));
    tasks.spawn(forgetting);
    tasks.spawn(listening);
    tasks
}
