//! What the server shows after the run: the other half of what the judge compares.

use std::collections::HashSet;

use bursar_core::{AccountId, ControlId, MessageId, OwnerId};
use jiff::Timestamp;
use serde::Deserialize;

use crate::client::{CallError, Client};
use crate::history::{Delivery, History, Scope};

/// The server's decisions about the simulator's owners, and what their accounts are left with.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Decisions, in any order.
    pub authorizations: Vec<Authorization>,
    /// Accounts as they are now.
    pub accounts: Vec<Account>,
    /// Owners as they are now.
    pub owners: Vec<Owner>,
    /// What may still be spent in each scope that has a control.
    pub spending: Vec<Spending>,
}

/// One decision, as the API shows it. Amounts are decimal texts.
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    /// Its id.
    pub id: MessageId,
    /// `authorization` or `increment`.
    pub kind: String,
    /// The decision that began its hold group.
    pub group: MessageId,
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
        let mut accounts = Vec::new();
        for account in &history.accounts {
            accounts.push(client.get(&format!("/v1/accounts/{}", account.id)).await?);
        }
        for id in ownerless(history) {
            authorizations.extend(find(client, id).await?);
        }
        let spending = spending(client, history).await?;
        Ok(Self { authorizations, accounts, spending, owners: owners(client, history).await? })
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

async fn find(client: &Client, id: MessageId) -> Result<Option<Authorization>, CallError> {
    match client.get(&format!("/v1/authorizations/{id}")).await {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
