//! Everything that is cached, and what a commit makes of it.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::command::Route;
use bursar_core::text::Token;
use bursar_core::{CardholderId, Change, Decided, MessageId};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::facts::Facts;
use crate::figures::LevelFigures;
use crate::forgetting::{Forgetter, Heard};
use crate::key_value::{Condition, Key, KeyValue, KeyValueError};
use crate::seal::Seal;
use crate::second::{Second, Write};
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
    /// Transactions that are final, by the messages that began them.
    pub transactions: Views,
    second: Option<Second>,
    hearing: watch::Receiver<bool>,
    forgetter: Forgetter,
    /// Ended with it.
    _tasks: JoinSet<()>,
}

impl Cache {
    /// A cache of the ledger with this seal. It has to be made within a runtime, on which it works in the background
    /// until it is dropped.
    #[must_use]
    pub fn start(beside: Beside, seal: &Seal, settings: Settings) -> Arc<Self> {
        let hears = watch::Sender::new(matches!(beside, Beside::Alone)).subscribe();
        let (shared, second, waiting) = match beside {
            Beside::Alone | Beside::Untold => (None, None, None),
            Beside::Shared(values) => {
                let (second, waiting) = Second::new(values.clone(), seal.clone());
                (Some(values), Some(second), Some(waiting))
            }
        };
        let hearing = shared.as_ref().map_or(hears, |values| values.hearing());
        let Settings { user, card, limits, transaction, entries_max: most } = settings;
        let forgetter = Forgetter::default();
        let shared_by_views = (seal.clone(), second.clone(), hearing.clone(), forgetter.clone());
        let views = move |kind, kept| Views::new(kind, (kept, most), shared_by_views.clone());
        let kept_max = user.max(limits).max(transaction);
        Arc::new_cyclic(|cache| Self {
            routes: Facts::new("card", card, most, second.clone()),
            users: Facts::new("user", user, most, second.clone()),
            cardholders: views("cardholder", user),
            controls: views("limits", limits),
            transactions: views("transaction", transaction),
            _tasks: match (shared, &second, waiting) {
                (Some(values), Some(second), Some(waiting)) => {
                    let listening = listen(cache.clone(), values.forgotten(), values.hearing());
                    work(second, waiting, forgetter.clone().run(second.clone(), kept_max), listening)
                }
                _ => JoinSet::new(),
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

    /// Learns from a decision that is committed. What it changed is forgotten here at once; the others hear of it soon,
    /// and who changed an object waits until they have.
    pub fn committed(&self, decided: &Decided) -> Option<Heard> {
        let mut gone = Vec::new();
        let mut is_of_object = false;
        for change in &decided.changes {
            match change {
                Change::Card(card) if decided.object.is_some() => self.routes.learn(
                    &card.token,
                    &Route {
                        card: card.id,
                        owner: card.owner,
                        cardholder: card.cardholder,
                        account: card.account,
                    },
                ),
                Change::Cardholder(cardholder) if decided.object.is_some() => {
                    self.users.learn(&cardholder.token, &cardholder.id);
                    gone.push(self.gone(&self.cardholders, cardholder.id.uuid().as_bytes()));
                    is_of_object = true;
                }
                Change::Controls(scope) => {
                    for control in scope.controls.iter() {
                        gone.push(self.gone(&self.controls, control.id.uuid().as_bytes()));
                    }
                    is_of_object = true;
                }
                _ => {}
            }
        }
        let root = decided.message.group.as_ref().map(|group| group.root);
        let grown = root.filter(|root| *root != decided.message.id);
        for root in grown.into_iter().chain(decided.merged.iter().copied()) {
            gone.push(self.gone(&self.transactions, root.uuid().as_bytes()));
        }
        self.tell(gone).filter(|_| is_of_object)
    }

    /// Learns from an event that something happened to these purchases: whoever committed it may have died before it
    /// could say so.
    pub fn reported(&self, roots: &[MessageId]) {
        let gone = roots.iter().map(|root| self.gone(&self.transactions, root.uuid().as_bytes()));
        let _heard = self.tell(gone.collect());
    }

    /// The same of a cardholder.
    pub fn reported_cardholder(&self, id: CardholderId) {
        let _heard = self.tell(vec![self.gone(&self.cardholders, id.uuid().as_bytes())]);
    }

    fn gone(&self, views: &Views, about: &[u8]) -> Key {
        let key = views.key(about);
        views.forget(&key);
        key
    }

    fn tell(&self, gone: Vec<Key>) -> Option<Heard> {
        (self.second.is_some() && !gone.is_empty()).then(|| self.forgetter.say(gone))
    }

    fn views(&self) -> [&Views; 3] {
        [&self.cardholders, &self.controls, &self.transactions]
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let named = [
            ("card", self.routes.figures()),
            ("user", self.users.figures()),
            ("cardholder", self.cardholders.figures()),
            ("limits", self.controls.figures()),
            ("transaction", self.transactions.figures()),
        ];
        let all = |level: usize| {
            let levels = named.iter().map(|(_, levels)| levels[level]);
            levels.reduce(LevelFigures::and).unwrap_or(named[0].1[level])
        };
        Figures {
            memory: all(0),
            shared: self.second.is_some().then(|| all(1)),
            kinds: named.map(|(kind, [memory, shared])| KindFigures { kind, memory, shared }).to_vec(),
        }
    }

    /// Whether it is heard what other instances change.
    #[must_use]
    pub fn hears(&self) -> bool {
        *self.hearing.borrow()
    }

    /// How the server is that instances share; `None` if there is none.
    pub async fn probe(&self) -> Option<Result<Condition, KeyValueError>> {
        let second = self.second.as_ref()?;
        Some(second.values.probe().await)
    }
}

/// How often what was looked for was there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// In memory.
    pub memory: LevelFigures,
    /// On the server that instances share, of what was not in memory; null if there is none.
    pub shared: Option<LevelFigures>,
    /// By what was looked for.
    pub kinds: Vec<KindFigures>,
}

/// Look-ups of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KindFigures {
    /// `card` and `user` are tokens; `cardholder`, `limits` and `transaction` are answers of the API.
    pub kind: &'static str,
    /// In memory.
    pub memory: LevelFigures,
    /// On the server that instances share.
    pub shared: LevelFigures,
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

/// Forgets what others say is gone, and everything where something may have been missed.
async fn listen(
    cache: std::sync::Weak<Cache>,
    mut forgotten: broadcast::Receiver<Vec<Key>>,
    mut hearing: watch::Receiver<bool>,
) {
    loop {
        let heard = tokio::select! {
            heard = forgotten.recv() => heard,
            changed = hearing.changed() => match changed {
                Ok(()) => Err(RecvError::Lagged(0)),
                Err(_) => return,
            },
        };
        let Some(cache) = cache.upgrade() else { return };
        match heard {
            Ok(keys) => {
                for (views, key) in
                    cache.views().iter().flat_map(|views| keys.iter().map(move |key| (views, key)))
                {
                    views.forget(key);
                }
            }
            Err(RecvError::Lagged(_)) => cache.views().iter().for_each(|views| views.forget_all()),
            Err(RecvError::Closed) => return,
        }
    }
}
