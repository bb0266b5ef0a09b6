//! The reading half of the port. Every read sees what was committed before it began (R1).

use async_trait::async_trait;
use bursar_core::command::Route;
use bursar_core::control::Scope;
use bursar_core::journal::CustomerEntry;
use bursar_core::text::{FreeText, Token};
use bursar_core::window::Counter;
use bursar_core::{
    Account, AccountId, Answer, Card, CardId, Cardholder, CardholderId, Control, ControlId, Discrepancy,
    DiscrepancyKind, HoldGroup, JournalId, Message, MessageId, MessageKey, Owner, OwnerId, OwnerKind,
    Program, ProgramId, Zone,
};
use jiff::{SignedDuration, Timestamp};

use crate::error::StoreError;
use crate::identity::Identity;
use crate::purchase::{Purchase, PurchaseFilter};
use crate::stage::StageTimes;
use crate::sweep::{IdleSlice, Sweep};

/// Reads. `find_` gives an `Option`, `list_` a slice in the order of creation.
#[async_trait]
pub trait Reader: Send + Sync + 'static {
    /// A program.
    async fn find_program(&self, id: ProgramId) -> Result<Option<Program>, StoreError>;
    /// All programs.
    async fn list_programs(&self, page: Page<ProgramId>) -> Result<Vec<Program>, StoreError>;

    /// A company or person.
    async fn find_owner(&self, id: OwnerId) -> Result<Option<Owner>, StoreError>;
    /// The company or person with a processor's token.
    async fn find_owner_by_token(&self, token: &Token) -> Result<Option<Owner>, StoreError>;
    /// Companies or persons.
    async fn list_owners(&self, kind: OwnerKind, page: Page<OwnerId>) -> Result<Vec<Owner>, StoreError>;

    /// A cardholder.
    async fn find_cardholder(&self, id: CardholderId) -> Result<Option<Cardholder>, StoreError>;
    /// The cardholder with a processor's user token. Token, id and owner never change.
    async fn find_cardholder_by_token(&self, token: &Token) -> Result<Option<Cardholder>, StoreError>;
    /// Cardholders, of one owner if given.
    async fn list_cardholders(
        &self,
        owner: Option<OwnerId>,
        page: Page<CardholderId>,
    ) -> Result<Vec<Cardholder>, StoreError>;

    /// A card.
    async fn find_card(&self, id: CardId) -> Result<Option<Card>, StoreError>;
    /// Where the card with a processor's token belongs. It never changes.
    async fn find_route(&self, token: &Token) -> Result<Option<Route>, StoreError>;
    /// Cards, of one owner if given.
    async fn list_cards(&self, owner: Option<OwnerId>, page: Page<CardId>) -> Result<Vec<Card>, StoreError>;

    /// A spending control.
    async fn find_control(&self, id: ControlId) -> Result<Option<Control>, StoreError>;
    /// Spending controls.
    async fn list_controls(
        &self,
        filter: ControlFilter,
        page: Page<ControlId>,
    ) -> Result<Vec<Control>, StoreError>;
    /// The controls that count for the swipes of a card, of a cardholder's cards or of an owner's,
    /// those that are off included, and what was taken from their windows; `None` if there is no such
    /// card, cardholder or owner.
    async fn find_spending(&self, scope: Scope) -> Result<Option<Spending>, StoreError>;

    /// An account with its balances.
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// Accounts, of one owner if given.
    async fn list_accounts(
        &self,
        owner: Option<OwnerId>,
        page: Page<AccountId>,
    ) -> Result<Vec<Account>, StoreError>;
    /// The entries of an account, after the given number, oldest first.
    async fn list_entries(&self, account: AccountId, page: Page<i64>) -> Result<Vec<Entry>, StoreError>;

    /// An authorization or increment, with its hold group.
    async fn find_authorization(&self, id: MessageId) -> Result<Option<AuthorizationRecord>, StoreError>;
    /// The message with this key.
    async fn find_message(&self, key: &MessageKey) -> Result<Option<Message>, StoreError>;
    /// Authorizations and increments in the order of their commits. Looks at most at
    /// [`Slice::SCANNED_MAX`] messages a call, so its cost does not grow with history.
    ///
    /// Where decisions are committed at the same time (PostgreSQL), a message has its position a moment
    /// before its commit, and one behind it may be committed first: who reads forward in that moment passes
    /// over it. Read again from before, the list has it; newest first, a list has all that was committed.
    async fn list_authorizations(
        &self,
        filter: AuthorizationFilter,
        page: Page<i64>,
    ) -> Result<Slice<ListedMessage>, StoreError>;

    /// The purchase that the message belongs to, with what is stored about it and was not booked.
    async fn find_purchase(&self, message: MessageId) -> Result<Option<Purchase>, StoreError>;
    /// The purchases that these messages belong to, each once, in any order; without what was not booked. Costs a few
    /// statements, whatever the number of messages.
    async fn find_purchases(&self, messages: &[MessageId]) -> Result<Vec<Purchase>, StoreError>;
    /// Purchases, those that began last first. Looks at most at [`Slice::SCANNED_MAX`] messages a call: those
    /// of the owner where one is named, else all that are older than the cursor.
    async fn list_purchases(
        &self,
        filter: &PurchaseFilter,
        page: Page<i64>,
    ) -> Result<Slice<Purchase>, StoreError>;

    /// Messages that were kept without effect, newest first.
    async fn list_records(&self, page: Page<i64>) -> Result<Vec<ListedMessage>, StoreError>;

    /// Where the processor and we say different things, newest first.
    async fn list_discrepancies(
        &self,
        filter: DiscrepancyFilter,
        page: Page<i64>,
    ) -> Result<Vec<ListedDiscrepancy>, StoreError>;
    /// Hold groups whose last message that may have moved anything is at least so old by the store's clock, in
    /// the order of commits; only of accounts that hold something now. Looks at no more than `page.limit` messages
    /// behind `page.after`, and at none from the first one on that is younger: so it looks at each message once, and
    /// its cost does not grow.
    ///
    /// A message that got its position before another one's and was committed after it is passed over if that
    /// happens while this looks there. So ask for an age that no transaction reaches: a day is much.
    async fn list_idle(&self, at_least: SignedDuration, page: Page<i64>) -> Result<IdleSlice, StoreError>;
    /// Decisions about processors' requests that moved something, are at least so old, and of whose transactions no
    /// report has joined the same group, each with its group; otherwise as [`Self::list_idle`].
    async fn list_unconfirmed(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError>;
    /// How far each search has come.
    async fn list_sweeps(&self) -> Result<Vec<Sweep>, StoreError>;

    /// Which ledger it is.
    async fn identity(&self) -> Result<Identity, StoreError>;

    /// Figures about everything that is stored.
    async fn totals(&self) -> Result<Totals, StoreError>;
}

/// Which discrepancies are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiscrepancyFilter {
    /// The one that this message brought.
    pub message: Option<MessageId>,
    /// Only those that somebody has to decide about, and nobody has closed.
    pub only_open: bool,
}

impl DiscrepancyFilter {
    /// Which rows are wanted, as a condition of SQL on `discrepancies`: each of its forms has an index.
    #[must_use]
    pub fn condition(&self, wanted: &str) -> String {
        let open = DiscrepancyKind::ALL.iter().filter(|kind| !kind.is_repaired());
        let open = open.map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        match (self.message, self.only_open) {
            (Some(_), _) => format!("message = {wanted}"),
            (None, true) => format!(
                "kind in ({open}) and not exists (select 1 from closings where discrepancy = discrepancies.message)"
            ),
            (None, false) => "true".to_owned(),
        }
    }
}

/// A discrepancy in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedDiscrepancy {
    /// Its place in the list.
    pub position: i64,
    /// The message that brought it.
    pub message: Message,
    /// What differs, and what the repair changed.
    pub discrepancy: Discrepancy,
    /// What was done about it, by whom it was closed.
    pub closing: Option<FreeText>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<K> {
    /// Begin behind this one; `None` begins at the start.
    pub after: Option<K>,
    /// At most so many.
    pub limit: u32,
}

/// Which spending controls are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ControlFilter {
    /// Of this company or person.
    pub owner: Option<OwnerId>,
    /// Of this scope.
    pub scope: Option<Scope>,
}

/// Spending controls with what was taken from their windows, as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Spending {
    /// The moment: what the next decision takes for now.
    pub at: Timestamp,
    /// What calendar windows follow.
    pub zone: Zone,
    /// The controls, those of the card first, and their counters.
    pub controls: Vec<(Control, Counter)>,
}

/// A part of a list that was looked for among many.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice<T> {
    /// What was found: possibly less than the limit, though more follows.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<i64>,
}

impl Slice<()> {
    /// How many rows one call looks at, at most.
    pub const SCANNED_MAX: u32 = 10_000;
}

/// Which authorizations are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorizationFilter {
    /// Of this company or person.
    pub owner: Option<OwnerId>,
    /// Made with this card.
    pub card: Option<CardId>,
    /// Newest first.
    pub newest_first: bool,
}

/// A message in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedMessage {
    /// Its place in the list: the order of commits, but for those at the same time.
    pub position: i64,
    /// The message.
    pub message: Message,
    /// How long its stages took, if that was written.
    pub stage_times: Option<StageTimes>,
}

/// One authorization with all that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationRecord {
    /// The message.
    pub message: Message,
    /// What was answered.
    pub answer: Answer,
    /// The hold group that it belongs to, with every message of it.
    pub group: Option<HoldGroup>,
    /// How long its stages took, if that was written.
    pub stage_times: Option<StageTimes>,
}

/// An entry of an account with the journal and message that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The entry.
    pub entry: CustomerEntry,
    /// Its journal.
    pub journal: JournalId,
    /// The message that moved the money.
    pub message: MessageId,
    /// When.
    pub at: Timestamp,
}

/// Figures about everything that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Hold groups that hold something now.
    pub open_holds: i64,
}
