//! Builds the world over `/v1`: a program, its companies and persons, their cards and money.

use std::sync::Arc;

use bursar_core::{AccountId, CardId, CardholderId, ControlId, Currency, Money, OwnerId, ProgramId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::action::perform;
use crate::client::{CallError, Client};
use crate::history::{
    Account, Action, Card, Cardholder, Control, History, Object, Outcome, Owner, Scope, Status, What,
};
use crate::layout::{CURRENCIES, CardLayout, ControlLayout, Layout, OwnerLayout, Place, TIME_ZONE};
use crate::settings::{Settings, SettingsError};

/// What the simulator knows of the world it built. Indices are those of the layout.
#[derive(Debug, Clone)]
pub struct World {
    /// Sets the tokens of this run apart from those of earlier ones on the same data.
    pub run: u64,
    /// Who is in it.
    pub layout: Layout,
    /// The processor's token of each company; persons have none.
    pub business_tokens: Vec<Option<Arc<str>>>,
    /// What was done to build it; the rest of the run is added to it.
    pub history: History,
}

/// Why the world could not be built.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// No such world.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server did not do its part.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A currency that no money can be kept in.
    #[error(transparent)]
    Currency(#[from] bursar_core::money::CurrencyError),
    /// Money was not loaded, or a status not changed.
    #[error("{what}: {outcome}")]
    Action {
        /// What was asked.
        what: String,
        /// What became of it.
        outcome: String,
    },
    /// An owner was created without an account.
    #[error("{0} has no account")]
    NoAccount(OwnerId),
}

#[derive(Deserialize)]
struct Created<I> {
    id: I,
}

#[derive(Deserialize)]
struct CreatedOwner {
    id: OwnerId,
    #[serde(default)]
    cardholder: Option<CardholderId>,
    accounts: Vec<Created<AccountId>>,
}

/// How often a request to build the world is repeated while its outcome is unknown.
const TRIES: u32 = 8;

impl World {
    /// Builds the world of the settings. Everything has a token of this run, so it can be built again
    /// on the same data.
    ///
    /// # Errors
    /// See [`CreateError`]. What was created until then stays.
    pub async fn create(client: &Client, settings: &Settings) -> Result<Self, CreateError> {
        settings.check()?;
        let (run, _) = Uuid::new_v4().as_u64_pair();
        let layout = Layout::of(settings);
        let mut builder = Builder { client, run, business_tokens: Vec::new(), history: History::default() };
        builder.create_owners(&layout).await?;
        builder.create_cardholders(&layout).await?;
        builder.create_cards(&layout).await?;
        builder.create_controls(&layout).await?;
        builder.load_accounts(&layout).await?;
        builder.change_statuses(&layout).await?;
        Ok(Self { run, layout, business_tokens: builder.business_tokens, history: builder.history })
    }

    /// The key of the run's action number `number`.
    #[must_use]
    pub fn action_key(&self, number: usize) -> String {
        action_key(self.run, number)
    }
}

/// How the names of its programs begin.
pub const PROGRAM_NAME: &str = "Simulated program";

struct Builder<'a> {
    client: &'a Client,
    run: u64,
    business_tokens: Vec<Option<Arc<str>>>,
    history: History,
}

impl Builder<'_> {
    async fn create_owners(&mut self, layout: &Layout) -> Result<(), CreateError> {
        let body = json!({
            "name": format!("{PROGRAM_NAME} {:016x}", self.run),
            "time_zone": TIME_ZONE,
            "currencies": CURRENCIES,
            "partial_approvals": true,
        });
        let program: Created<ProgramId> = self.create("/v1/programs", "program", &body).await?;
        for (index, owner) in layout.owners.iter().enumerate() {
            self.create_owner(program.id, index, owner).await?;
        }
        Ok(())
    }

    async fn create_owner(
        &mut self,
        program: ProgramId,
        index: usize,
        owner: &OwnerLayout,
    ) -> Result<(), CreateError> {
        let currency = Currency::parse(owner.currency)?;
        let token = self.token(if owner.is_person { "user-p" } else { "business" }, index);
        let (path, label) = match owner.is_person {
            true => ("/v1/persons", "reference"),
            false => ("/v1/companies", "name"),
        };
        let mut body = json!({"program": program, "token": &*token, "currencies": [currency]});
        body[label] = json!(owner.name);
        let created: CreatedOwner = self.create(path, &token, &body).await?;
        let account = created.accounts.first().ok_or(CreateError::NoAccount(created.id))?;
        self.history.owners.push(Owner { id: created.id, is_person: owner.is_person, creations: 1 });
        self.history.accounts.push(Account { id: account.id, owner: created.id, currency });
        if let Some(id) = created.cardholder {
            let owner = created.id;
            let token = Arc::clone(&token);
            self.history.cardholders.push(Cardholder { id, owner, token });
        }
        self.business_tokens.push((!owner.is_person).then_some(token));
        Ok(())
    }

    /// Business users come before the cardholders that persons are, which exist already.
    async fn create_cardholders(&mut self, layout: &Layout) -> Result<(), CreateError> {
        let selves = std::mem::take(&mut self.history.cardholders);
        let is_business = |owner: usize| !layout.owners[owner].is_person;
        let business_users = layout.cardholders.iter().filter(|user| is_business(user.owner));
        for (index, user) in business_users.enumerate() {
            let token = self.token("user-b", index);
            let owner = self.history.owners[user.owner].id;
            let body = json!({
                "company": owner,
                "reference": format!("user-{:03}", index + 1),
                "token": &*token,
                "status": "active",
            });
            let Created { id } = self.create("/v1/cardholders", &token, &body).await?;
            self.history.owners[user.owner].creations += 1;
            self.history.cardholders.push(Cardholder { id, owner, token });
        }
        self.history.cardholders.extend(selves);
        Ok(())
    }

    /// A card is created unactivated or active; what else it shall be, it becomes later.
    async fn create_cards(&mut self, layout: &Layout) -> Result<(), CreateError> {
        for (index, card) in layout.cards.iter().enumerate() {
            let place = layout.owner_of_card(index);
            let token = self.token("card", index);
            let status = match card.status {
                Status::Unactivated => Status::Unactivated,
                Status::Active | Status::Suspended | Status::Terminated => Status::Active,
            };
            let cardholder = self.history.cardholders[card.cardholder].id;
            let account = self.history.accounts[place].id;
            let body = json!({
                "cardholder": cardholder,
                "account": account,
                "token": &*token,
                "last_four": format!("{:04}", index % 10_000),
                "status": status.as_str(),
            });
            let Created { id }: Created<CardId> = self.create("/v1/cards", &token, &body).await?;
            self.history.owners[place].creations += 1;
            self.history.cards.push(Card {
                id,
                owner: self.history.owners[place].id,
                cardholder,
                account,
                token,
                status,
            });
        }
        Ok(())
    }

    async fn create_controls(&mut self, layout: &Layout) -> Result<(), CreateError> {
        for (index, ControlLayout { place, name, rule, status, .. }) in layout.controls.iter().enumerate() {
            let history = &self.history;
            let (field, owner, scope) = match *place {
                Place::Card(card) => {
                    ("card", layout.owner_of_card(card), Scope::Card(history.cards[card].id))
                }
                Place::Cardholder(holder) => {
                    let id = history.cardholders[holder].id;
                    ("cardholder", layout.cardholders[holder].owner, Scope::Cardholder(id))
                }
                Place::Owner(owner) => ("owner", owner, Scope::Owner(history.owners[owner].id)),
            };
            let currency = history.accounts[owner].currency;
            let (kind, said) = rule.body(currency);
            let body = json!({
                field: scope.to_string(),
                "name": name,
                "status": status.as_str(),
                kind: said,
            });
            let token = self.token("control", index);
            let Created { id }: Created<ControlId> = self.create("/v1/controls", &token, &body).await?;
            let owner = &mut self.history.owners[owner];
            owner.creations += 1;
            let (rule, status, owner) = (*rule, *status, owner.id);
            self.history.controls.push(Control { id, owner, scope, name, rule, currency, status });
        }
        Ok(())
    }

    async fn load_accounts(&mut self, layout: &Layout) -> Result<(), CreateError> {
        for (place, owner) in layout.owners.iter().enumerate() {
            let account = &self.history.accounts[place];
            let amount = Money { minor: owner.opening_minor, currency: account.currency };
            self.act(place, What::Load(account.id, amount)).await?;
        }
        Ok(())
    }

    async fn change_statuses(&mut self, layout: &Layout) -> Result<(), CreateError> {
        for (index, CardLayout { status, .. }) in layout.cards.iter().enumerate() {
            if self.history.cards[index].status != *status {
                let card = Object::Card(self.history.cards[index].id);
                self.act(layout.owner_of_card(index), What::Move(card, *status)).await?;
            }
        }
        for (index, user) in layout.cardholders.iter().enumerate() {
            if user.is_suspended {
                let user_id = Object::Cardholder(self.history.cardholders[index].id);
                self.act(user.owner, What::Move(user_id, Status::Suspended)).await?;
            }
        }
        for (place, owner) in layout.owners.iter().enumerate() {
            let id = self.history.owners[place].id;
            let object = match owner.is_person {
                true => Object::Person(id),
                false => Object::Company(id),
            };
            if owner.is_suspended {
                self.act(place, What::Move(object, Status::Suspended)).await?;
            }
        }
        Ok(())
    }

    async fn act(&mut self, place: usize, what: What) -> Result<(), CreateError> {
        let mut action = Action {
            key: action_key(self.run, self.history.actions.len()),
            owner: self.history.owners[place].id,
            what,
            sent: 0,
            acknowledged: Some(0),
            outcome: Outcome::Unresolved("not sent".to_owned()),
        };
        action.outcome = perform(self.client, &action, TRIES).await;
        if !matches!(action.outcome, Outcome::Done { .. }) {
            return Err(CreateError::Action {
                what: action.what.to_string(),
                outcome: format!("{:?}", action.outcome),
            });
        }
        self.history.actions.push(action);
        Ok(())
    }

    async fn create<T: DeserializeOwned>(&self, path: &str, key: &str, body: &Value) -> Result<T, CallError> {
        let key = format!("sim-{:016x}-create-{key}", self.run);
        self.client.post(path, &key, body, TRIES).await
    }

    /// At most 36 characters, as processors take them.
    fn token(&self, kind: &str, index: usize) -> Arc<str> {
        format!("{kind}-{:016x}-{index}", self.run).into()
    }
}

fn action_key(run: u64, number: usize) -> String {
    format!("sim-{run:016x}-action-{number}")
}
