//! What persons see of cards, wallets and purchases, made anew of what the ledger says.
//!
//! The ledger is read after the event's owner was: what is read is as new as that owner's sequence, or newer, and then
//! another event follows that says so. So it is right in the end, however often and in which order events come.

use std::collections::BTreeSet;

use bursar_broker::Verdict;
use bursar_core::text::FreeText;
use bursar_core::{Account, Card, OwnerId, OwnerKind};
use bursar_documents::{CardState, DocumentsError, HistoryEntry, Keep, People, PeopleError, Wallet};
use bursar_store::{Ledger, Page, PurchaseFilter, StoreError, TransactionRecord};
use jiff::Timestamp;
use serde::Serialize;

use super::queue::{Away, of_store};
use super::transaction_records::bare_record;
use crate::app::App;
use crate::problem::Problem;
use crate::shown::Shown;

/// Rows that are read at once.
const PAGE: u32 = 500;

/// Has documents follow a ledger.
pub struct Following<'a> {
    ledger: &'a dyn Ledger,
    people: &'a People,
    /// Where it is counted, if it is.
    shown: Option<&'a Shown>,
}

/// An event, by whom it is about and when it was decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided {
    pub(super) owner: OwnerId,
    pub(super) at: Timestamp,
}

/// What a rebuild has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Persons whose documents were made anew.
    pub persons: u64,
    /// Purchases of theirs.
    pub purchases: u64,
    /// Documents that the ledger does not have, and that are gone.
    pub forgotten: u64,
}

/// Why it did not.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The documents cannot be written.
    #[error(transparent)]
    People(#[from] PeopleError),
}

impl From<DocumentsError> for Trouble {
    fn from(error: DocumentsError) -> Self {
        Self::People(error.into())
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::People(error) => error.into(),
        }
    }
}

impl Trouble {
    /// What it says of the message whose work met it.
    pub(super) fn verdict(&self) -> Result<Verdict, Away> {
        match self {
            Self::Store(error) => of_store(error),
            Self::People(PeopleError::Documents(
                error @ (DocumentsError::Unavailable(_)
                | DocumentsError::Misfit(_)
                | DocumentsError::InUse(_)),
            )) => Err(Away(error.to_string())),
            // An instance with the right key has them.
            Self::People(error @ PeopleError::OtherKey { .. }) => Err(Away(error.to_string())),
            Self::People(error) => Ok(Verdict::Failed(error.to_string())),
        }
    }
}

impl<'a> Following<'a> {
    /// These documents, by that ledger.
    #[must_use]
    pub const fn new(ledger: &'a dyn Ledger, people: &'a People) -> Self {
        Self { ledger, people, shown: None }
    }

    pub(crate) fn of(app: &'a App) -> Self {
        Self { shown: Some(app.shown()), ..Self::new(app.ledger(), app.people()) }
    }

    /// Those that have documents: the others have nothing to be kept.
    async fn known(&self, persons: BTreeSet<OwnerId>) -> Result<Vec<OwnerId>, Trouble> {
        let persons: Vec<OwnerId> = persons.into_iter().collect();
        if persons.is_empty() {
            return Ok(persons);
        }
        Ok(self.people.known(&persons).await?)
    }

    /// Wallets of these persons, and these purchases, after events about money; those events, by whom they are about and
    /// when they were decided, are shown then.
    pub(super) async fn money(
        &self,
        persons: BTreeSet<OwnerId>,
        entries: Vec<HistoryEntry>,
        events: &[Decided],
    ) -> Result<(), Trouble> {
        let at = Timestamp::now();
        let showing = async {
            let known = self.known(persons).await?;
            for person in &known {
                self.wallets(*person, Keep::Newer, at).await?;
            }
            self.keep_history(entries, Keep::Newer, at).await?;
            Ok(known)
        };
        self.counted(showing.await, events)
    }

    /// Cards of these persons, after events about cards.
    pub(super) async fn cards_of(
        &self,
        persons: BTreeSet<OwnerId>,
        events: &[Decided],
    ) -> Result<(), Trouble> {
        let at = Timestamp::now();
        let showing = async {
            let known = self.known(persons).await?;
            for person in &known {
                self.cards(*person, Keep::Newer, at).await?;
            }
            Ok(known)
        };
        self.counted(showing.await, events)
    }

    /// Notes which events are shown by now, to those who have documents.
    fn counted(&self, shown: Result<Vec<OwnerId>, Trouble>, events: &[Decided]) -> Result<(), Trouble> {
        let Some(figures) = self.shown else { return shown.map(drop) };
        match &shown {
            Ok(known) => {
                let is_shown = |event: &&Decided| known.contains(&event.owner);
                events.iter().filter(is_shown).for_each(|event| figures.now(event.at));
            }
            Err(trouble @ Trouble::People(_)) if trouble.verdict().is_err() => figures.wait(),
            Err(_) => {}
        }
        shown.map(drop)
    }

    /// Everything of every person, anew, and nothing that the ledger does not have. What it has done so far is shown.
    ///
    /// # Errors
    /// As [`Following::repair`]. Begun again, it does all of it.
    pub async fn rebuild(
        &self,
        began_at: Timestamp,
        show: &(dyn Fn(&Rebuilt) + Sync),
    ) -> Result<Rebuilt, Trouble> {
        let (mut done, mut page) = (Rebuilt::default(), Page { after: None, limit: PAGE });
        loop {
            let persons = self.ledger.list_owners(OwnerKind::Person, page).await?;
            page.after = persons.last().map(|person| person.id);
            if page.after.is_none() {
                break;
            }
            for person in self.known(persons.iter().map(|person| person.id).collect()).await? {
                done.purchases += self.repair(person, began_at).await?;
                done.persons += 1;
                show(&done);
            }
        }
        done.forgotten = self.people.forget_read_models(began_at).await?;
        Ok(done)
    }

    /// Everything of a person, anew. How many purchases that are.
    ///
    /// # Errors
    /// The ledger cannot be read, or the documents not be written: some may be kept.
    pub async fn repair(&self, person: OwnerId, began_at: Timestamp) -> Result<u64, Trouble> {
        let (keep, at) = (Keep::Repair { began_at }, Timestamp::now());
        self.wallets(person, keep, at).await?;
        self.cards(person, keep, at).await?;
        self.history(person, keep, at).await
    }

    async fn wallets(&self, person: OwnerId, keep: Keep, at: Timestamp) -> Result<(), Trouble> {
        let Some(owner) = self.ledger.find_owner(person).await? else { return Ok(()) };
        let mut page = Page { after: None, limit: PAGE };
        loop {
            let accounts = self.ledger.list_accounts(Some(person), page).await?;
            page.after = accounts.last().map(|account| account.id);
            if page.after.is_none() {
                return Ok(());
            }
            let wallets = accounts.iter().map(|account| wallet(account, owner.sequence)).collect();
            self.count(accounts.len(), self.people.keep_wallets(wallets, keep, at).await?);
        }
    }

    async fn cards(&self, person: OwnerId, keep: Keep, at: Timestamp) -> Result<(), Trouble> {
        let Some(owner) = self.ledger.find_owner(person).await? else { return Ok(()) };
        let mut page = Page { after: None, limit: PAGE };
        loop {
            let cards = self.ledger.list_cards(Some(person), page).await?;
            page.after = cards.last().map(|card| card.id);
            if page.after.is_none() {
                return Ok(());
            }
            let states = cards.iter().map(|card| state(card, owner.sequence)).collect();
            self.count(cards.len(), self.people.keep_cards(states, keep, at).await?);
        }
    }

    async fn history(&self, person: OwnerId, keep: Keep, at: Timestamp) -> Result<u64, Trouble> {
        let filter = PurchaseFilter { owner: Some(person), ..PurchaseFilter::default() };
        let (mut page, mut count) = (Page { after: None, limit: PAGE }, 0);
        loop {
            let purchases = self.ledger.list_purchases(&filter, page).await?;
            let records = purchases.items.iter().filter_map(bare_record);
            let entries: Vec<HistoryEntry> = records.filter_map(|record| entry(&record)).collect();
            count += entries.len() as u64;
            self.keep_history(entries, keep, at).await?;
            page.after = purchases.next;
            if page.after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn keep_history(
        &self,
        entries: Vec<HistoryEntry>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<(), Trouble> {
        if !entries.is_empty() {
            let count = entries.len();
            self.count(count, self.people.keep_history(entries, keep, at).await?);
        }
        Ok(())
    }

    fn count(&self, all: usize, made: u64) {
        if let Some(shown) = self.shown {
            shown.kept(all, made);
        }
    }
}

fn wallet(account: &Account, sequence: i64) -> Wallet {
    let (posted_minor, held_minor) = (account.posted_minor, account.held_minor);
    Wallet {
        id: account.id,
        person: account.owner,
        currency: account.currency,
        posted_minor,
        held_minor,
        // It is shown only; where the sum is no number, nothing is decided by it.
        available_minor: account.available_minor().unwrap_or(posted_minor.saturating_sub(held_minor)),
        sequence,
    }
}

const fn state(card: &Card, sequence: i64) -> CardState {
    CardState {
        id: card.id,
        person: card.owner,
        account: card.account,
        last_four: card.last_four,
        status: card.status,
        sequence,
    }
}

/// The purchase as its person sees it; `None` if it is nobody's.
pub(super) fn entry(record: &TransactionRecord) -> Option<HistoryEntry> {
    Some(HistoryEntry {
        root: record.root,
        person: record.owner?,
        position: record.position,
        sequence: record.sequence,
        merged_into: record.merged_into,
        card: record.card,
        merchant: record.merchant.as_deref().map(FreeText::new),
        category: record.category.as_deref().map(FreeText::new),
        status: record.status.clone(),
        amount_minor: record.amount_minor,
        currency: record.currency,
        began_at: record.began_at,
    })
}
