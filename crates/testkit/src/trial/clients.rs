//! Who sends: cardholders, somebody who loads, and somebody who suspends a card.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bursar_core::command::GroupRef;
use bursar_core::{CardStatus, MessageId, Money};
use bursar_store::Ledger;
use bursar_store::contract::given::{self, usd};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::notes::{About, Note, Tick};
use super::{Door, World};

/// Cardholders who swipe.
const CARDHOLDERS: usize = 8;

/// Between two loads, or two changes of the card, so many deliveries.
const PAUSE: u64 = 40;

/// Nobody waits longer than this for deliveries that do not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everybody, and what they share.
pub(super) struct Clients {
    pub(super) ledger: Arc<dyn Ledger>,
    doors: Vec<Arc<dyn Door>>,
    pub(super) world: World,
    ticks: AtomicU64,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    deliveries: u64,
    is_over: bool,
}

impl Clients {
    pub(super) fn new(ledger: Arc<dyn Ledger>, doors: Vec<Arc<dyn Door>>, world: World) -> Self {
        Self { ledger, doors, world, ticks: AtomicU64::new(0), progress: watch::Sender::default() }
    }

    pub(super) fn begin(clients: &Arc<Self>) -> Vec<JoinHandle<Vec<Note>>> {
        let cardholder = |number| tokio::spawn(Arc::clone(clients).swipe(number));
        let mut tasks: Vec<_> = (0..CARDHOLDERS).map(cardholder).collect();
        tasks.push(tokio::spawn(Arc::clone(clients).load()));
        tasks.push(tokio::spawn(Arc::clone(clients).watch()));
        tasks
    }

    pub(super) fn stop(&self) {
        self.progress.send_modify(|progress| progress.is_over = true);
    }

    /// Waits for so many deliveries more, or for the end.
    pub(super) async fn deliveries(&self, more: u64) {
        let mut progress = self.progress.subscribe();
        let enough = progress.borrow().deliveries + more;
        let waited = progress.wait_for(|now| now.is_over || now.deliveries >= enough);
        let waited = tokio::time::timeout(PATIENCE, waited).await.expect("deliveries come to an end");
        waited.expect("the clients are there");
    }

    /// Delivers the message once by this door.
    pub(super) async fn deliver(&self, note: &mut Note, door: usize) {
        let call = if note.deliveries.is_empty() { note.call.clone() } else { note.call.again() };
        let known = self.doors[door % self.doors.len()].send(&call).await;
        note.deliveries.push((known, self.tick()));
        self.progress.send_modify(|progress| progress.deliveries += 1);
    }

    /// Delivers it by one door after the other until it is answered or all is over.
    async fn insist(&self, note: &mut Note, door: usize) {
        for attempt in 0.. {
            self.deliver(note, door + attempt).await;
            if note.answered().is_some() || self.is_over() {
                return;
            }
        }
    }

    fn tick(&self) -> Tick {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.progress.borrow().is_over
    }

    /// One cardholder. Some messages that are not answered are left as they are, and some are sent until they
    /// are answered; some that are answered are sent again.
    async fn swipe(self: Arc<Self>, client: usize) -> Vec<Note> {
        let mut notes = Vec::new();
        for turn in 0.. {
            let (door, account) = (client + turn, (client + turn) % self.world.accounts().len());
            let amount = usd("1.00").minor + turn as i64 % 7 * 13;
            let mut note = self.swipe_of(account, amount);
            match turn % 2 {
                0 => self.insist(&mut note, door).await,
                _ => self.deliver(&mut note, door).await,
            }
            if turn % 5 == 0 {
                self.deliver(&mut note, door + 1).await;
            }
            if let Some(id) = note.approved() {
                let shown = self.doors[(door + 1) % self.doors.len()].reader().find_authorization(id).await;
                note.is_unseen = matches!(shown, Ok(None));
                if turn % 3 == 0 {
                    notes.push(self.release(account, id, door).await);
                }
            }
            notes.push(note);
            if self.is_over() {
                break;
            }
        }
        notes
    }

    fn swipe_of(&self, account: usize, minor: i64) -> Note {
        let (funded, _) = self.world.accounts()[account];
        let call = given::authorization(funded, Money { minor, currency: funded.currency });
        Note::new(call, About::Swipe { account, minor }, self.tick())
    }

    async fn release(&self, account: usize, of: MessageId, door: usize) -> Note {
        let (funded, _) = self.world.accounts()[account];
        let call = given::reversal(funded, GroupRef::Message(of));
        let mut note = Note::new(call, About::Release { account, of }, self.tick());
        self.deliver(&mut note, door).await;
        note
    }

    /// What was declined for want of money has to stay declined when there is some.
    async fn load(self: Arc<Self>) -> Vec<Note> {
        let mut notes = Vec::new();
        for turn in 0.. {
            self.deliveries(PAUSE).await;
            let call = given::load(&self.world.tight, usd("2.00"));
            let about = About::Load { account: 0, minor: usd("2.00").minor };
            let mut note = Note::new(call, about, self.tick());
            self.deliver(&mut note, turn).await;
            notes.push(note);
            if self.is_over() {
                break;
            }
        }
        notes
    }

    async fn watch(self: Arc<Self>) -> Vec<Note> {
        let mut notes = Vec::new();
        for turn in 0.. {
            self.deliveries(PAUSE).await;
            let suspends = turn % 2 == 0;
            let status = if suspends { CardStatus::Suspended } else { CardStatus::Active };
            let call = given::card_move(&self.world.watched, status);
            let mut note = Note::new(call, About::Watch { suspends }, self.tick());
            self.insist(&mut note, turn).await;
            notes.push(note);
            if self.is_over() {
                break;
            }
        }
        notes
    }
}
