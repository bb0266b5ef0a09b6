//! What is read in the end: every message, hold and account, and what each message is answered once more.

use std::collections::HashMap;
use std::sync::Arc;

use bursar_core::{Account, MessageId};
use bursar_store::books::Finding;
use bursar_store::{AuthorizationFilter, Ledger, Page, StoreError};

use super::clients::Clients;
use super::notes::{About, Note};

/// So many messages a page.
const PAGE: u32 = 1000;

/// Who delivers the last time.
const SENDERS: usize = 8;

/// A ledger that works answers sooner than at this delivery.
const DELIVERIES_MAX: usize = 50;

/// What the ledger shows, beside what the clients know.
#[derive(Debug, Clone)]
pub(super) struct Reads {
    /// Each with its last delivery, and whether it had been answered before that.
    pub(super) notes: Vec<(Note, bool)>,
    /// Before the last deliveries.
    pub(super) before: Shown,
    /// After them.
    pub(super) after: Shown,
    /// In the order of the world's.
    pub(super) accounts: Vec<Account>,
}

/// The messages that the ledger shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// Swipes by their tokens.
    pub(super) swipes: HashMap<String, Vec<Swipe>>,
    /// Loads, which move money at once.
    pub(super) loads: Vec<MessageId>,
}

/// A swipe as the ledger shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swipe {
    pub(super) id: MessageId,
    /// In cents; `None` for a decline.
    pub(super) approved: Option<i64>,
    /// What its hold group holds, in cents; `None` if it has none.
    pub(super) held: Option<i64>,
}

/// Reads everything.
///
/// # Errors
/// Something cannot be read: what is not known is no success.
pub(super) async fn read(clients: &Arc<Clients>, notes: Vec<Note>) -> Result<Reads, Finding> {
    let ledger = clients.ledger.as_ref();
    let unread = |error: StoreError| Finding {
        rule: "unknown",
        subject: "the last reads".to_owned(),
        problem: error.to_string(),
    };
    let before = shown(clients, ledger).await.map_err(unread)?;
    let notes = deliver_all(clients, notes).await;
    let after = shown(clients, ledger).await.map_err(unread)?;
    let mut accounts = Vec::new();
    for (funded, _) in clients.world.accounts() {
        let found = ledger.find_account(funded.account).await.map_err(unread)?;
        accounts.extend(found);
    }
    Ok(Reads { notes, before, after, accounts })
}

async fn shown(clients: &Clients, ledger: &dyn Ledger) -> Result<Shown, StoreError> {
    let mut shown = Shown::default();
    let mut after = None;
    loop {
        let page = Page { after, limit: PAGE };
        let slice = ledger.list_authorizations(AuthorizationFilter::default(), page).await?;
        for listed in slice.items {
            let message = listed.message;
            let swipe = Swipe {
                id: message.id,
                approved: message.group.as_ref().map(|group| group.effect.approved_minor()),
                held: held(ledger, message.id).await?,
            };
            shown.swipes.entry(message.key.token.as_str().to_owned()).or_default().push(swipe);
        }
        after = slice.next;
        if after.is_none() {
            break;
        }
    }
    for (funded, _) in clients.world.accounts() {
        let entries = ledger.list_entries(funded.account, Page { after: None, limit: u32::MAX }).await?;
        shown.loads.extend(entries.iter().map(|entry| entry.message));
    }
    Ok(shown)
}

async fn held(ledger: &dyn Ledger, id: MessageId) -> Result<Option<i64>, StoreError> {
    let group = ledger.find_authorization(id).await?.and_then(|record| record.group);
    let overflow = |_| StoreError::Corrupt(format!("what {id} holds is beyond 64 bits"));
    group.map(|group| group.books().map(|books| books.held_minor).map_err(overflow)).transpose()
}

/// What has surely failed stays as it is: whether it has an effect all the same is read.
async fn deliver_all(clients: &Arc<Clients>, notes: Vec<Note>) -> Vec<(Note, bool)> {
    let share = notes.len().div_ceil(SENDERS).max(1);
    let send = |notes: &[Note]| {
        let (clients, mut notes) = (Arc::clone(clients), notes.to_vec());
        tokio::spawn(async move {
            let mut delivered = Vec::new();
            for (number, mut note) in notes.drain(..).enumerate() {
                let was_answered = note.answered().is_some();
                let most = note.deliveries.len() + DELIVERIES_MAX;
                if !note.has_failed() {
                    clients.deliver(&mut note, number).await;
                }
                while !note.has_failed() && note.answered().is_none() && note.deliveries.len() < most {
                    clients.deliver(&mut note, number).await;
                }
                delivered.push((note, was_answered));
            }
            delivered
        })
    };
    let mut delivered = Vec::new();
    for task in notes.chunks(share).map(send).collect::<Vec<_>>() {
        delivered.extend(task.await.expect("a client that does not panic"));
    }
    delivered
}

impl Reads {
    /// The notes about an account's swipes.
    pub(super) fn swipes_of(&self, account: usize) -> impl Iterator<Item = &Note> {
        let is_of =
            move |note: &&Note| matches!(note.about, About::Swipe { account: of, .. } if of == account);
        self.notes.iter().map(|(note, _)| note).filter(is_of)
    }
}
