//! Clients that swipe at one or several instances and remember: what of each message is known, and in the
//! end whether the ledger says the same.

mod verdict;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bursar_testkit::PostgresServer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::common::{Error, PATIENCE, Running, Wallet, bursar, kill};
use crate::postgres::check_postgres;

const CLIENTS: usize = 8;

/// What the accounts of the owners hold, in dollars: the first is soon empty and declines, the last is a person's.
const FUNDS: [&str; 4] = ["50.00", "100000.00", "100000.00", "100000.00"];

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// Decided, and answered with this.
    Answered { status: u16, answer: String },
    /// No decision: it reached nobody.
    Failed,
    /// Answered 503: it may have been decided.
    Unavailable,
    /// It may have been decided: no answer came.
    Unknown,
}

/// A message, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Swipe {
    pub(crate) body: String,
    pub(crate) wallet: usize,
    pub(crate) cents: u64,
    pub(crate) known: Known,
}

/// The instances on one database, the cards, and the clients.
pub(crate) struct Load {
    world: Arc<World>,
    clients: Vec<JoinHandle<Result<Vec<Swipe>, Error>>>,
    url: String,
    /// What the instances are told.
    environment: Environment,
    folder: PathBuf,
    /// The owner of the last account.
    pub(crate) person: String,
    /// Messages that are there beside those of the clients.
    pub(crate) messages: u64,
}

/// Names of settings and their values.
pub(crate) type Environment = Vec<(&'static str, String)>;

struct World {
    /// Between two swipes of a client, at least.
    pace: Duration,
    instances: Vec<Mutex<Arc<Running>>>,
    wallets: Vec<Wallet>,
    is_over: AtomicBool,
    seen: watch::Sender<Seen>,
}

/// What the clients have seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Decisions, by instance and wallet.
    pub(crate) decided: Vec<[u64; FUNDS.len()]>,
    /// Answers that there is no decision, by client: each sends one request after the other.
    pub(crate) unavailable: [u64; CLIENTS],
}

impl Seen {
    pub(crate) fn decisions(&self) -> u64 {
        self.decided.iter().flatten().sum()
    }
}

impl Load {
    /// Starts so many instances on the server's database, and makes owners with cards and funds.
    pub(crate) async fn prepare(
        server: &PostgresServer,
        folder: &Path,
        instances: usize,
    ) -> Result<Self, Error> {
        let environment = vec![("BURSAR__POSTGRES__URL", server.url())];
        Self::prepare_with(server, environment, folder, instances, Duration::ZERO).await
    }

    /// The same of instances that are told this, and clients that are in no hurry: every swipe is sent again in the end.
    pub(crate) async fn prepare_with(
        server: &PostgresServer,
        environment: Environment,
        folder: &Path,
        instances: usize,
        pace: Duration,
    ) -> Result<Self, Error> {
        let url = server.url();
        let start =
            |number| start(folder, number, &environment).map(|instance| Mutex::new(Arc::new(instance)));
        let instances = (0..instances).map(start).collect::<Result<Vec<_>, Error>>()?;
        let decided = vec![[0; FUNDS.len()]; instances.len()];
        let seen = watch::Sender::new(Seen { decided, ..Seen::default() });
        let mut world = World { pace, instances, wallets: Vec::new(), is_over: AtomicBool::new(false), seen };
        let [companies @ .., last] = FUNDS;
        for funds in companies {
            let wallet = world.instance(0).wallet(funds).await?;
            world.wallets.push(wallet);
        }
        let (person, wallet) = world.instance(0).person(last).await?;
        world.wallets.push(wallet);
        let messages = check_postgres(&url)?["messages"].as_u64().ok_or("no messages")?;
        let (world, folder) = (Arc::new(world), folder.to_owned());
        Ok(Self { world, clients: Vec::new(), url, environment, folder, person, messages })
    }

    /// Lets the clients swipe from now on.
    pub(crate) fn begin(&mut self) {
        let client = |number| tokio::spawn(Arc::clone(&self.world).swipe(number));
        self.clients = (0..CLIENTS).map(client).collect();
    }

    pub(crate) fn instance(&self, number: usize) -> Arc<Running> {
        self.world.instance(number)
    }

    /// The account of the person.
    pub(crate) fn account(&self) -> &str {
        self.world.wallets.last().map_or("", |wallet| &wallet.account)
    }

    /// `kill -9`.
    pub(crate) fn kill(&self, number: usize) -> Result<(), Error> {
        kill(self.instance(number).id())
    }

    /// Starts an instance again that was killed.
    pub(crate) fn start(&self, number: usize) -> Result<(), Error> {
        let started = Arc::new(start(&self.folder, number, &self.environment)?);
        *self.world.instances[number].lock().unwrap_or_else(PoisonError::into_inner) = started;
        Ok(())
    }

    /// What the clients have seen.
    pub(crate) fn seen(&self) -> Seen {
        self.world.seen.borrow().clone()
    }

    /// Waits until the clients have seen this.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Result<(), Error> {
        let mut seen = self.world.seen.subscribe();
        match tokio::time::timeout(PATIENCE, seen.wait_for(is_so)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("waited in vain until {what}: {:?}", self.seen()).into()),
        }
    }

    /// Waits for so many decisions more.
    pub(crate) async fn decisions(&self, more: u64) -> Result<(), Error> {
        let enough = self.seen().decisions() + more;
        self.until("more is decided", |seen| seen.decisions() >= enough).await
    }

    /// Waits until this instance has decided for every owner again.
    pub(crate) async fn decisions_for_all(&self, instance: usize) -> Result<(), Error> {
        let before = self.seen().decided[instance];
        let has_more = |seen: &Seen| seen.decided[instance].iter().zip(before).all(|(now, then)| *now > then);
        self.until(&format!("instance {instance} decides for every owner"), has_more).await
    }
}

/// Each has a folder of its own, for its queues, and the credentials of the first.
fn start(folder: &Path, number: usize, environment: &Environment) -> Result<Running, Error> {
    let [first, own] = [0, number].map(|number| folder.join(number.to_string()));
    std::fs::create_dir_all(&own)?;
    if own != first {
        std::fs::copy(first.join("credentials.toml"), own.join("credentials.toml"))?;
    }
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Running::start_with(bursar(&[]), &own, &environment)
}

impl World {
    fn instance(&self, number: usize) -> Arc<Running> {
        self.instances[number].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One client. A message that is not answered is left as it is, and the next one is sent until it
    /// is answered: so an outage leaves some of either kind, and few.
    async fn swipe(self: Arc<Self>, client: usize) -> Result<Vec<Swipe>, Error> {
        let mut swipes = Vec::new();
        let mut insists = false;
        for turn in 0.. {
            let next = Instant::now() + self.pace;
            let mut swipe = self.plan(client, turn);
            for attempt in 0.. {
                let instance = (client + turn / self.wallets.len() + attempt) % self.instances.len();
                let known = self.ask(&swipe, instance).await?;
                let unavailable = u64::from(known == Known::Unavailable);
                self.seen.send_modify(|seen| seen.unavailable[client] += unavailable);
                swipe.learn(known);
                if self.is_over.load(Ordering::Relaxed) || swipe.is_answered() || !insists {
                    break;
                }
            }
            insists = !swipe.is_answered();
            swipes.push(swipe);
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            sleep_until(next).await;
        }
        Ok(swipes)
    }

    fn plan(&self, client: usize, turn: usize) -> Swipe {
        let wallet = (client + turn) % self.wallets.len();
        let cents = 100 + turn as u64 % 7 * 13;
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let body = self.wallets[wallet].swipe(&format!("c{client}-{turn}"), &amount);
        Swipe { body, wallet, cents, known: Known::Failed }
    }

    /// Sends a message, and what is known of it then.
    async fn ask(&self, swipe: &Swipe, instance: usize) -> Result<Known, Error> {
        let sent = self.instance(instance).jit(&swipe.body).await;
        let known = match sent {
            Ok((status @ (200 | 402), answer)) => {
                Known::Answered { status, answer: String::from_utf8(answer)? }
            }
            Ok((503, _)) => Known::Unavailable,
            Ok((status, answer)) => {
                return Err(format!("answered {status}: {}", String::from_utf8_lossy(&answer)).into());
            }
            Err(error) if error.downcast_ref().is_some_and(reqwest::Error::is_connect) => Known::Failed,
            Err(_) => Known::Unknown,
        };
        self.seen.send_modify(|seen| {
            seen.decided[instance][swipe.wallet] += u64::from(matches!(known, Known::Answered { .. }));
        });
        Ok(known)
    }
}

impl Swipe {
    /// What failed this time may have been decided before.
    fn learn(&mut self, known: Known) {
        if known != Known::Failed {
            self.known = known;
        }
    }

    fn is_answered(&self) -> bool {
        matches!(self.known, Known::Answered { .. })
    }
}
