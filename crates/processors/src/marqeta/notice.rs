//! Notices: the items of a webhook, by their kinds.

use std::borrow::Cow;

use bursar_core::text::{Token, mask_card_numbers};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::decode::Reject;
use super::event::Event;
use super::report::TransactionReport;
use super::transition::{Subject, Transition};
use super::webhook::read_item;
use crate::json::Object;

/// An item that says something. It waits in this form, which has nothing but what is listed here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// What became of a transaction.
    Transaction(Box<TransactionReport>),
    /// Another status of a card, user or business.
    Transition(Transition),
    /// What happened to a transaction or a card beside that.
    Event(Event),
}

/// How the items of a kind are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Transactions,
    Transitions(Subject),
    /// Under this name, whatever array it came in.
    Events(&'static str),
}

/// The arrays of a webhook. Some have another name in older programs.
const KINDS: &[(&str, Kind)] = &[
    ("transactions", Kind::Transactions),
    ("cards", Kind::Transitions(Subject::Card)),
    ("cardtransitions", Kind::Transitions(Subject::Card)),
    ("users", Kind::Transitions(Subject::User)),
    ("usertransitions", Kind::Transitions(Subject::User)),
    ("businesses", Kind::Transitions(Subject::Business)),
    ("businesstransitions", Kind::Transitions(Subject::Business)),
    ("chargebacktransitions", Kind::Events("chargeback")),
    ("casetransitions", Kind::Events("case")),
    ("disputetransitions", Kind::Events("dispute")),
    ("digitalwallettokentransitions", Kind::Events("digitalwallettoken")),
];

impl Notice {
    /// Reads an item of this kind.
    ///
    /// # Errors
    /// The kind is none that is known, or the item cannot be read.
    pub fn read(kind: &str, item: &str) -> Result<Self, Reject> {
        let known = KINDS.iter().find(|(name, _)| *name == kind);
        let Some(&(_, kind)) = known else {
            return Err(Reject::new("", "is of a kind that nobody knows here"));
        };
        match kind {
            Kind::Transactions => {
                let report = read_item(object(item)?)?;
                Ok(Self::Transaction(Box::new(report)))
            }
            Kind::Transitions(of) => Transition::read(of, object(item)?).map(Self::Transition),
            Kind::Events(name) => {
                let name = Token::new(name).map_err(|error| Reject::new("", error.to_string()))?;
                Event::read(&name, object(item)?).map(Self::Event)
            }
        }
    }

    /// What makes two deliveries the same notice: kind, token and state.
    #[must_use]
    pub fn key(&self) -> [&str; 3] {
        match self {
            Self::Transaction(report) => ["transaction", report.token().as_str(), report.state().as_str()],
            Self::Transition(transition) => {
                let (of, _) = transition.subject();
                [of.as_str(), transition.token().as_str(), transition.state().as_str()]
            }
            Self::Event(event) => {
                let state = event.state().map_or("", Token::as_str);
                [event.kind.as_str(), event.token().as_str(), state]
            }
        }
    }
}

/// An item that has its own token, if it can be told.
pub(super) fn find_token(item: &RawValue) -> Option<Token> {
    let named = serde_json::from_str::<Object<super::wire::Named<'_>>>(item.get());
    let Object(named) = named.ok()?;
    Token::new(&named.token?.0).ok()
}

/// Fields that nobody may store, encrypted or not: they are cut out wherever they stand.
const NEVER_KEPT: [&str; 12] = [
    "pan",
    "card_number",
    "account_number",
    "barcode",
    "cvv",
    "cvv2",
    "cvv_number",
    "security_code",
    "pin",
    "track_data",
    "track1_data",
    "track2_data",
];

/// The item without them. Where it has none it stays as it came, to the byte.
pub(super) fn without_card_data(item: &RawValue) -> String {
    let text = item.get();
    let is_named = |field: &&str| text.contains(&format!("\"{field}\""));
    // What is escaped may be any of them.
    let may_have = text.contains("\\u") || NEVER_KEPT.iter().any(is_named);
    match (mask_card_numbers(text), may_have) {
        (Cow::Borrowed(text), false) => text.to_owned(),
        (masked, _) => match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                cut(&mut value);
                value.to_string()
            }
            // Of what no reader takes nothing is cut, only masked.
            Err(_) => masked.into_owned(),
        },
    }
}

fn cut(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !NEVER_KEPT.contains(&name.as_str()));
            fields.values_mut().for_each(cut);
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::String(text) => {
            if let Cow::Owned(masked) = mask_card_numbers(text) {
                *text = masked;
            }
        }
        _ => {}
    }
}

fn object<'a, T: Deserialize<'a>>(item: &'a str) -> Result<T, Reject> {
    let read = serde_json::from_str::<Object<T>>(item);
    read.map(|Object(item)| item).map_err(|error| {
        let message = error.to_string();
        // The first half of it quotes the value, the end tells a place in the item.
        let expected = message.rsplit_once(", expected ").map_or("another shape", |(_, rest)| rest);
        let expected = expected.split_once(" at line ").map_or(expected, |(expected, _)| expected);
        Reject::new("", format!("has the wrong type: expected {expected}"))
    })
}
