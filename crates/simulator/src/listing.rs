//! What the server shows after the run: the other half of what the judge compares.

mod reports;

use std::collections::HashSet;
use std::time::Duration;

use bursar_core::{AccountId, ControlId, MessageId, OwnerId};
use jiff::Timestamp;
use serde::Deserialize;

use crate::client::{CallError, Client};
use crate::history::{Delivery, History, Scope};
use reports::Told;

/// The server's decisions about the simulator's owners, and what their accounts are left with.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Decisions, in any order.
    pub authorizations: Vec<Authorization>,
    /// What was booked of the processor's reports, and the places that they took, in any order.
    pub reports: Vec<Authorization>,
    /// Purchases that the processor reported something about, in any order.
    pub purchases: Vec<Purchase>,
    /// Accounts as they are now.
    pub accounts: Vec<Account>,
    /// Their entries.
    pub entries: Vec<Entry>,
    /// Owners as they are now.
    pub owners: Vec<Owner>,
    /// What may still be spent in each scope that has a control.
    pub spending: Vec<Spending>,
    /// What the server noted because the processor had not confirmed it.
    pub doubts: Vec<Doubt>,
}

/// That the processor has not confirmed a decision.
#[derive(Debug, Clone, Deserialize)]
pub struct Doubt {
    /// `unconfirmed` or `denied`; the list has others, too.
    pub kind: String,
    /// Whose decision it is.
    pub owner: Option<OwnerId>,
    /// The message's number among those of its owner.
    pub owner_sequence: Option<i64>,
}

impl Doubt {
    fn is_one(&self) -> bool {
        matches!(self.kind.as_str(), "unconfirmed" | "denied")
    }
}

/// One decision or report, as the API shows it. Amounts are decimal texts.
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    /// Its id.
    pub id: MessageId,
    /// `authorization`, `increment`, `report` or `claim`.
    pub kind: String,
    /// The message that began its hold group; nothing if it has none.
    pub group: Option<MessageId>,
    /// The transaction token.
    pub token: String,
    /// Whose money it is about; nobody's for an unknown card.
    pub owner: Option<OwnerId>,
    /// The owner's number of it.
    pub owner_sequence: Option<i64>,
    /// When it was decided, by the server's clock.
    pub decided_at: Timestamp,
    /// `approved` or `declined`.
    pub status: String,
    /// Why it was declined.
    pub decline_reason: Option<String>,
    /// The card that was presented.
    pub card_token: String,
    /// The account that the card draws on.
    pub account: Option<AccountId>,
    /// What was asked; nothing if that was no amount.
    pub amount: Option<String>,
    /// What was approved; nothing if it was declined.
    pub approved_amount: Option<String>,
    /// What kind of transaction it is.
    pub transaction: String,
    /// The currency that was named.
    pub currency: Option<String>,
    /// What the account had available after the decision.
    pub available_after: Option<String>,
    /// Every check that was made.
    pub checks: Vec<Check>,
}

impl Authorization {
    /// Whether the server was asked and decided.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        matches!(self.kind.as_str(), "authorization" | "increment")
    }
}

/// A hold group, as the API shows it. Amounts are decimal texts.
#[derive(Debug, Clone, Deserialize)]
pub struct Purchase {
    /// Where it stands.
    pub status: String,
    /// Held now.
    pub held: String,
    /// Posted by it.
    pub posted: String,
    /// What will come in.
    pub pending_credit: String,
    /// What was said of it.
    pub messages: Vec<Message>,
}

/// One message of a hold group, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The door by which it came.
    pub source: String,
    /// The transaction, or the operator's key.
    pub token: String,
}

/// An entry of an account, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// Of which account.
    #[serde(skip)]
    pub account: Option<AccountId>,
    /// 1 for the first.
    pub number: i64,
    /// Credits are positive.
    pub amount: String,
    /// What was posted after it.
    pub balance_after: String,
    /// The message that moved it.
    pub message: MessageId,
}

/// One check of a decision, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Check {
    /// Which check.
    pub check: String,
    /// How it came out.
    pub result: String,
    /// The spending control that it is about.
    pub control: Option<ControlId>,
    /// Whether that is only tried out.
    #[serde(default)]
    pub shadow: bool,
    /// What was asked for.
    pub wanted: Option<String>,
    /// What was there.
    pub available: Option<String>,
}

/// What may still be spent in a scope.
#[derive(Debug, Clone)]
pub struct Spending {
    /// Whose.
    pub scope: Scope,
    /// What the API shows of it.
    pub shown: Limits,
}

/// What may still be spent, as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Limits {
    /// When.
    pub at: Timestamp,
    /// Each limit that counts.
    pub limits: Vec<Remaining>,
}

/// A limit and what is left of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Remaining {
    /// Which control.
    pub control: ControlId,
    /// Whether it is in force.
    pub status: String,
    /// What is left of the amount.
    pub remaining_amount: Option<String>,
    /// How often still.
    pub remaining_count: Option<i64>,
}

/// An account, as the API shows it. Amounts are decimal texts.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Sum of its entries.
    pub posted: String,
    /// Sum of what is held.
    pub held: String,
    /// What will come in.
    pub pending_credit: String,
    /// What may still be spent.
    pub available: String,
    /// Hold groups that hold something.
    pub open_holds: i64,
    /// Number of its entries.
    pub entries: i64,
}

/// An owner, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// How many messages about it were decided.
    pub sequence: i64,
}

/// Requests that were given up may still be under way: the reading is repeated until nothing
/// changed meanwhile.
const READINGS_MAX: usize = 10;

impl Listing {
    /// Reads all that the server shows about the simulator's owners.
    ///
    /// # Errors
    /// The server does not answer, or not as the API promises.
    pub async fn read(client: &Client, history: &History) -> Result<Self, CallError> {
        let mut before = owners(client, history).await?;
        for _ in 1..READINGS_MAX {
            let listing = Self::read_once(client, history).await?;
            if listing.owners == before {
                return Ok(listing);
            }
            before = listing.owners;
        }
        Self::read_once(client, history).await
    }

    async fn read_once(client: &Client, history: &History) -> Result<Self, CallError> {
        let mut authorizations = Vec::new();
        for owner in &history.owners {
            let owner = owner.id.to_string();
            let query = [("owner", owner.as_str()), ("order", "oldest")];
            let page: Vec<Authorization> = client.list("/v1/authorizations", &query).await?;
            authorizations.extend(page);
        }
        let (mut accounts, mut entries) = (Vec::new(), Vec::new());
        for account in &history.accounts {
            let path = format!("/v1/accounts/{}", account.id);
            accounts.push(client.get(&path).await?);
            let listed: Vec<Entry> = client.list(&format!("{path}/entries"), &[]).await?;
            entries.extend(listed.into_iter().map(|entry| Entry { account: Some(account.id), ..entry }));
        }
        let Told { purchases, reports } = reports::read(client, history, &authorizations, &entries).await?;
        authorizations.retain(Authorization::is_decision);
        for id in ownerless(history) {
            authorizations.extend(find(client, id).await?);
        }
        let spending = spending(client, history).await?;
        let owners = owners(client, history).await?;
        let mut doubts: Vec<Doubt> = client.list("/v1/discrepancies", &[]).await?;
        doubts.retain(Doubt::is_one);
        Ok(Self { authorizations, reports, purchases, accounts, entries, spending, owners, doubts })
    }
}

async fn spending(client: &Client, history: &History) -> Result<Vec<Spending>, CallError> {
    let mut spending: Vec<Spending> = Vec::new();
    for control in &history.controls {
        let scope = control.scope;
        if spending.iter().any(|other| other.scope == scope) {
            continue;
        }
        let is_person = history.owners.iter().any(|owner| owner.id == control.owner && owner.is_person);
        let kind = match scope {
            Scope::Card(_) => "cards",
            Scope::Cardholder(_) => "cardholders",
            Scope::Owner(_) if is_person => "persons",
            Scope::Owner(_) => "companies",
        };
        let shown = client.get(&format!("/v1/{kind}/{scope}/available")).await?;
        spending.push(Spending { scope, shown });
    }
    Ok(spending)
}

async fn owners(client: &Client, history: &History) -> Result<Vec<Owner>, CallError> {
    let mut owners = Vec::new();
    for owner in &history.owners {
        let kind = if owner.is_person { "persons" } else { "companies" };
        owners.push(client.get(&format!("/v1/{kind}/{}", owner.id)).await?);
    }
    Ok(owners)
}

/// Decisions about unknown cards belong to no owner: they are read one by one.
fn ownerless(history: &History) -> Vec<MessageId> {
    let known: HashSet<&str> = history.cards.iter().map(|card| &*card.token).collect();
    let unknown = history.swipes.iter().filter(|swipe| !known.contains(&*swipe.card_token));
    let decision = |delivery: &Delivery| match delivery {
        Delivery::Answered(answer) => answer.decision,
        Delivery::Unusable(_) | Delivery::Unknown => None,
    };
    unknown.filter_map(|swipe| swipe.deliveries.iter().find_map(decision)).collect()
}

/// How often is looked whether the inbox is empty, and how long in between.
const INBOX_LOOKS: usize = 600;
const INBOX_PAUSE: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Inbox {
    waiting: u64,
}

/// Waits until the server has booked all that it acknowledged. One without an inbox books before it
/// answers.
///
/// # Errors
/// It does not get there, or cannot be read.
pub async fn settled(client: &Client) -> Result<(), String> {
    let mut waiting = 0;
    for _ in 0..INBOX_LOOKS {
        match client.get::<Inbox>("/v1/inbox").await {
            Ok(Inbox { waiting: 0 }) | Err(CallError::Refused { status: 404, .. }) => return Ok(()),
            Ok(inbox) => waiting = inbox.waiting,
            Err(error) => return Err(format!("the inbox could not be read: {error}")),
        }
        tokio::time::sleep(INBOX_PAUSE).await;
    }
    Err(format!("{waiting} notices still wait in the inbox"))
}

/// Waits until the server's sweeper has ended a run, so that what it was told before is booked. Where it does not,
/// or cannot be asked, the verdict says what is missing.
pub(crate) async fn swept(client: &Client) {
    let last_run = async || client.get::<Profile>("/v1/profile").await.ok()?.sweeper.last_run_at;
    let Some(before) = last_run().await else { return };
    for _ in 0..INBOX_LOOKS {
        if last_run().await.is_none_or(|last| last != before) {
            return;
        }
        tokio::time::sleep(INBOX_PAUSE).await;
    }
}

#[derive(Deserialize)]
struct Profile {
    sweeper: Sweeper,
}

#[derive(Deserialize)]
struct Sweeper {
    last_run_at: Option<String>,
}

async fn find(client: &Client, id: MessageId) -> Result<Option<Authorization>, CallError> {
    match client.get(&format!("/v1/authorizations/{id}")).await {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
