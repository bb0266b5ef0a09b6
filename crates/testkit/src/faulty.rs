//! A real ledger whose transactions can be made to wait or to fail.

mod dead_letter;
mod endpoint;
mod inbox;
mod outbox;
#[cfg(test)]
mod tests;
mod transaction_record;

use std::future::pending;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Instant;

use async_trait::async_trait;
use bursar_core::command::Route;
use bursar_core::control::Scope;
use bursar_core::text::Token;
use bursar_core::{
    Account, AccountId, Card, CardId, Cardholder, CardholderId, Control, ControlId, Message, MessageId,
    MessageKey, Owner, OwnerId, OwnerKind, Program, ProgramId,
};
use bursar_store::{
    AuthorizationFilter, AuthorizationRecord, Batch, ControlFilter, DiscrepancyFilter, Entry, Identity,
    IdleSlice, Ledger, ListedDiscrepancy, ListedMessage, Page, PoolUse, Purchase, PurchaseFilter, Reader,
    Slice, Spending, Store, StoreError, Sweep, Totals, Transacted,
};
use jiff::SignedDuration;
use tokio::sync::{Notify, RwLock, RwLockWriteGuard};

/// Passes everything on to a real ledger, except where it is told otherwise.
pub struct FaultyLedger {
    ledger: Arc<dyn Store>,
    commits_to_lose: AtomicU32,
    is_down: AtomicBool,
    refused_while_down: AtomicU32,
    is_inbox_down: AtomicBool,
    goes_down_after: AtomicBool,
    refusals_after: AtomicU32,
    refusals: AtomicU32,
    denies_unknown: AtomicBool,
    panics: AtomicBool,
    prefers_one_lane: AtomicBool,
    reads: AtomicU32,
    reads_left: AtomicU32,
    reads_given_up: AtomicU32,
    read_fault: Mutex<Option<ReadFault>>,
    culprit: Mutex<Option<Token>>,
    gate: RwLock<()>,
    entered: Notify,
    batch_sizes: Mutex<Vec<usize>>,
    looks: AtomicU32,
    refuses_marks: AtomicBool,
}

/// What happens to reads.
#[derive(Debug, Clone)]
pub enum ReadFault {
    /// They fail.
    Fails(StoreError),
    /// They never return.
    Hangs,
}

impl FaultyLedger {
    /// A ledger that works, for now.
    #[must_use]
    pub fn new(ledger: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            commits_to_lose: AtomicU32::new(0),
            is_down: AtomicBool::new(false),
            refused_while_down: AtomicU32::new(0),
            is_inbox_down: AtomicBool::new(false),
            goes_down_after: AtomicBool::new(false),
            refusals_after: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
            denies_unknown: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            prefers_one_lane: AtomicBool::new(false),
            reads: AtomicU32::new(0),
            reads_left: AtomicU32::new(0),
            reads_given_up: AtomicU32::new(0),
            read_fault: Mutex::new(None),
            culprit: Mutex::new(None),
            gate: RwLock::new(()),
            entered: Notify::new(),
            batch_sizes: Mutex::default(),
            looks: AtomicU32::new(0),
            refuses_marks: AtomicBool::new(false),
        })
    }

    /// The next transactions, so many, commit and are reported as unknown.
    pub fn lose_commits(&self, count: u32) {
        self.commits_to_lose.store(count, Ordering::SeqCst);
    }

    /// The next transaction commits and is reported as unknown; afterwards the ledger is down.
    pub fn lose_a_commit_and_go_down(&self) {
        self.goes_down_after.store(true, Ordering::SeqCst);
        self.lose_commits(1);
    }

    /// The next transaction commits and is reported as unknown; so many after it are refused.
    pub fn lose_a_commit_and_refuse(&self, count: u32) {
        self.refusals_after.store(count, Ordering::SeqCst);
        self.lose_commits(1);
    }

    /// From now on a commit that is unknown is reported as one that failed: the defect that D3 is about.
    pub fn deny_unknown(&self) {
        self.denies_unknown.store(true, Ordering::SeqCst);
    }

    /// From now on.
    pub fn prefer_one_lane(&self) {
        self.prefers_one_lane.store(true, Ordering::SeqCst);
    }

    /// The next transaction panics, as a defect of an adapter would.
    pub fn panic_once(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// What happens to reads from now on; `None`: they are passed on.
    pub fn set_read_fault(&self, fault: Option<ReadFault>) {
        *self.read_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What happens to reads after so many more, which are passed on.
    pub fn set_read_fault_after(&self, count: u32, fault: ReadFault) {
        self.set_read_fault(Some(fault));
        self.reads_left.store(count, Ordering::SeqCst);
    }

    /// How many reads hung until somebody gave them up.
    #[must_use]
    pub fn reads_given_up(&self) -> u32 {
        self.reads_given_up.load(Ordering::SeqCst)
    }

    /// How many reads came.
    #[must_use]
    pub fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Whether transactions, probes and all that consumers of events ask for are refused.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How often somebody came in vain while it was down.
    pub fn refused_while_down(&self) -> u32 {
        self.refused_while_down.load(Ordering::SeqCst)
    }

    /// Whether changes of the inbox are refused.
    pub fn set_inbox_down(&self, is_down: bool) {
        self.is_inbox_down.store(is_down, Ordering::SeqCst);
    }

    /// A transaction with a member of this token is refused for that member's data.
    pub fn refuse_data_of(&self, token: &Token) {
        *self.culprit.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
    }

    /// Transactions with something to decide wait until what is returned is dropped; those that ask for answers only, or
    /// write stage times, do not.
    pub async fn close_gate(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// Returns once a transaction with something to decide has come to the gate, be it open or closed.
    pub async fn entered(&self) {
        self.entered.notified().await;
    }

    /// Whether published events cannot be marked.
    pub fn refuse_marks(&self, refuses: bool) {
        self.refuses_marks.store(refuses, Ordering::SeqCst);
    }

    /// How often somebody looked for events to publish.
    pub fn looks(&self) -> u32 {
        self.looks.load(Ordering::SeqCst)
    }

    /// How many members each transaction had that came to the ledger, in order.
    #[must_use]
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.batch_sizes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets who came so far, as after the setting up.
    pub fn forget(&self) {
        self.batch_sizes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // A notice may be left: nobody waited for the last one who entered.
        let _ = pin!(self.entered.notified()).poll(&mut Context::from_waker(Waker::noop()));
    }

    fn refuses(&self, batch: &Batch) -> bool {
        let culprit = self.culprit.lock().unwrap_or_else(PoisonError::into_inner);
        let is_culprit = |token| culprit.as_ref() == Some(token);
        batch.members.iter().any(|member| is_culprit(&member.work.command.key.token))
    }

    fn up(&self) -> Result<(), StoreError> {
        let up = is_up(&self.is_down);
        self.refused_while_down.fetch_add(u32::from(up.is_err()), Ordering::SeqCst);
        up
    }

    /// Whoever asks does so again and again: that is not counted.
    fn consumers_up(&self) -> Result<(), StoreError> {
        is_up(&self.is_down)
    }

    fn inbox_up(&self) -> Result<(), StoreError> {
        is_up(&self.is_inbox_down)
    }

    fn loses_this_commit(&self) -> bool {
        let is_lost = is_one_of(&self.commits_to_lose);
        if is_lost {
            self.refusals.store(self.refusals_after.swap(0, Ordering::SeqCst), Ordering::SeqCst);
        }
        if is_lost && self.goes_down_after.swap(false, Ordering::SeqCst) {
            self.set_down(true);
        }
        is_lost
    }

    async fn readable(&self) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if is_one_of(&self.reads_left) {
            return Ok(());
        }
        let fault = self.read_fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match fault {
            None => Ok(()),
            Some(ReadFault::Fails(error)) => Err(error),
            Some(ReadFault::Hangs) => {
                let _until_dropped = CountedWhenDropped(&self.reads_given_up);
                pending().await
            }
        }
    }
}

/// Counts up when what waits is given up.
struct CountedWhenDropped<'a>(&'a AtomicU32);

impl Drop for CountedWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn is_up(is_down: &AtomicBool) -> Result<(), StoreError> {
    match is_down.load(Ordering::SeqCst) {
        true => Err(StoreError::Unavailable("the test took it down".into())),
        false => Ok(()),
    }
}

/// Counts down.
fn is_one_of(count: &AtomicU32) -> bool {
    let one_less = |count: u32| count.checked_sub(1);
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
}

#[async_trait]
impl Ledger for FaultyLedger {
    fn lanes(&self) -> NonZeroUsize {
        self.ledger.lanes()
    }

    fn prefers_one_lane(&self) -> bool {
        self.prefers_one_lane.load(Ordering::SeqCst) || self.ledger.prefers_one_lane()
    }

    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError> {
        let decides = batch.past(Instant::now()).count() < batch.members.len();
        if decides {
            self.entered.notify_one();
        }
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the test asked for a panic");
        let _open = if decides { Some(self.gate.read().await) } else { None };
        self.up()?;
        if is_one_of(&self.refusals) {
            return Err(StoreError::Unavailable("the test refuses it".into()));
        }
        self.batch_sizes.lock().unwrap_or_else(PoisonError::into_inner).push(batch.members.len());
        if self.refuses(&batch) {
            return Err(StoreError::BadData("the test marked a member".into()));
        }
        let transacted = match self.ledger.transact(batch).await {
            Err(StoreError::Unknown(why)) if self.denies_unknown.load(Ordering::SeqCst) => {
                return Err(StoreError::Unavailable(why));
            }
            transacted => transacted?,
        };
        match self.loses_this_commit() {
            true => Err(StoreError::Unknown("the test lost the word of it".into())),
            false => Ok(transacted),
        }
    }

    async fn keep_sweep(&self, sweep: Sweep) -> Result<(), StoreError> {
        self.up()?;
        self.ledger.keep_sweep(sweep).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.up()?;
        self.ledger.probe().await
    }

    fn pools(&self) -> Vec<PoolUse> {
        self.ledger.pools()
    }
}

/// Writes the methods that pass on what they are asked.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $found:ty;)+) => {
        #[async_trait]
        impl Reader for FaultyLedger {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$found, StoreError> {
                self.readable().await?;
                self.ledger.$name($($argument),*).await
            })+
        }
    };
}

pass_on! {
    find_program(id: ProgramId) -> Option<Program>;
    list_programs(page: Page<ProgramId>) -> Vec<Program>;
    find_owner(id: OwnerId) -> Option<Owner>;
    find_owner_by_token(token: &Token) -> Option<Owner>;
    list_owners(kind: OwnerKind, page: Page<OwnerId>) -> Vec<Owner>;
    find_cardholder(id: CardholderId) -> Option<Cardholder>;
    find_cardholder_by_token(token: &Token) -> Option<Cardholder>;
    list_cardholders(owner: Option<OwnerId>, page: Page<CardholderId>) -> Vec<Cardholder>;
    find_card(id: CardId) -> Option<Card>;
    find_route(token: &Token) -> Option<Route>;
    list_cards(owner: Option<OwnerId>, page: Page<CardId>) -> Vec<Card>;
    find_control(id: ControlId) -> Option<Control>;
    list_controls(filter: ControlFilter, page: Page<ControlId>) -> Vec<Control>;
    find_spending(scope: Scope) -> Option<Spending>;
    find_account(id: AccountId) -> Option<Account>;
    list_accounts(owner: Option<OwnerId>, page: Page<AccountId>) -> Vec<Account>;
    list_entries(account: AccountId, page: Page<i64>) -> Vec<Entry>;
    find_authorization(id: MessageId) -> Option<AuthorizationRecord>;
    find_message(key: &MessageKey) -> Option<Message>;
    list_authorizations(filter: AuthorizationFilter, page: Page<i64>) -> Slice<ListedMessage>;
    find_purchase(message: MessageId) -> Option<Purchase>;
    find_purchases(messages: &[MessageId]) -> Vec<Purchase>;
    list_purchases(filter: &PurchaseFilter, page: Page<i64>) -> Slice<Purchase>;
    list_records(page: Page<i64>) -> Vec<ListedMessage>;
    list_discrepancies(filter: DiscrepancyFilter, page: Page<i64>) -> Vec<ListedDiscrepancy>;
    list_idle(at_least: SignedDuration, page: Page<i64>) -> IdleSlice;
    list_unconfirmed(at_least: SignedDuration, page: Page<i64>) -> IdleSlice;
    list_sweeps() -> Vec<Sweep>;
    identity() -> Identity;
    totals() -> Totals;
}
