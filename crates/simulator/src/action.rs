//! Sends an action over `/v1` and reads what became of it.

use bursar_core::Money;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{CallError, Client};
use crate::control::Rule;
use crate::history::{Action, Object, Outcome, Part, What};

/// What a granted action answers: the object where one was changed, the account where money moved.
#[derive(Deserialize)]
struct Granted {
    id: Option<Box<str>>,
    owner_sequence: i64,
    at: Timestamp,
    account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    available: Box<str>,
}

/// Sends the action under its key, up to `tries` times while the outcome is unknown. An action
/// that stays unknown may be performed again: it has one effect.
pub(crate) async fn perform(client: &Client, action: &Action, tries: u32) -> Outcome {
    let (path, body) = request(&action.what);
    match client.post::<Granted>(&path, &action.key, &body, tries).await {
        Ok(Granted { id: Some(other), .. }) if action.what.changed().is_some_and(|id| *id != *other) => {
            Outcome::Unresolved(format!("{other} was changed instead"))
        }
        Ok(granted) => Outcome::Done {
            sequence: granted.owner_sequence,
            at: granted.at,
            available: granted.account.map(|account| account.available),
        },
        Err(CallError::Refused { status, code, .. }) => Outcome::Refused { status, code },
        Err(error) => Outcome::Unresolved(error.to_string()),
    }
}

impl What {
    /// The id of the object that it changes, if it is no money.
    fn changed(&self) -> Option<String> {
        match self {
            Self::Move(object, _) => Some(object.to_string()),
            Self::SetLimit(control, ..) | Self::SwitchControl(control, _) => Some(control.to_string()),
            Self::Load(..) | Self::Unload(..) | Self::Release { .. } => None,
        }
    }
}

fn request(what: &What) -> (String, Value) {
    let money = |amount: &Money| json!({"amount": amount.to_string(), "currency": amount.currency});
    match what {
        What::Load(account, amount) => (format!("/v1/accounts/{account}/loads"), money(amount)),
        What::Unload(account, amount) => (format!("/v1/accounts/{account}/unloads"), money(amount)),
        What::Release { authorization, part, .. } => {
            let path = format!("/v1/authorizations/{authorization}");
            match part {
                Part::All => (format!("{path}/reversals"), json!({})),
                Part::Amount(amount) => (format!("{path}/reversals"), money(amount)),
                Part::Expired => (format!("{path}/expiries"), json!({})),
            }
        }
        What::Move(object, to) => {
            let kind = match object {
                Object::Card(_) => "cards",
                Object::Cardholder(_) => "cardholders",
                Object::Company(_) => "companies",
                Object::Person(_) => "persons",
            };
            let path = format!("/v1/{kind}/{object}/transitions");
            (path, json!({"status": to.as_str()}))
        }
        What::SetLimit(control, limit, currency) => {
            let (name, rule) = Rule::Limit(*limit).body(*currency);
            (format!("/v1/controls/{control}/changes"), json!({name: rule}))
        }
        What::SwitchControl(control, to) => {
            (format!("/v1/controls/{control}/changes"), json!({"status": to.as_str()}))
        }
    }
}

#[cfg(test)]
mod tests {
    use bursar_core::{AccountId, CardId, Currency};
    use uuid::Uuid;

    use super::*;
    use crate::history::Status;

    #[test]
    fn money_travels_as_text_beside_its_currency() {
        let account = AccountId::new(Uuid::from_u128(1));
        let currency = Currency::parse("KWD").expect("a currency");
        let (path, body) = request(&What::Load(account, Money { minor: 1_050, currency }));
        assert_eq!(path, format!("/v1/accounts/{account}/loads"));
        assert_eq!(body, json!({"amount": "1.050", "currency": "KWD"}));
    }

    #[test]
    fn a_status_is_changed_where_the_object_lives() {
        let card = CardId::new(Uuid::from_u128(1));
        let (path, body) = request(&What::Move(Object::Card(card), Status::Suspended));
        assert_eq!(path, format!("/v1/cards/{card}/transitions"));
        assert_eq!(body, json!({"status": "suspended"}));
    }
}
