//! Bodies, and a small state to decide them on.

use bursar_core::command::{Authorize, Found, Route};
use bursar_core::control::Scope;
use bursar_core::hold_days::HoldDays;
use bursar_core::program::Policies;
use bursar_core::text::{FreeText, Token};
use bursar_core::{
    Account, AccountId, Action, Answer, Card, CardId, CardStatus, Cardholder, CardholderId, CardholderStatus,
    Command, Currency, MessageId, Outcome, Owner, OwnerId, OwnerKind, OwnerStatus, Program, ProgramId, State,
    Work, decide_batch,
};
use bursar_processors::marqeta::{JitRequest, Reject, decode};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const V1: &str = include_str!("fixtures/authorization.v1.json");
pub(crate) const V2: &str = include_str!("fixtures/authorization.v2.json");
pub(crate) const REFUND: &str = include_str!("fixtures/refund.v2.json");

/// The body with the field at this JSON pointer replaced by this JSON text, or added.
pub(crate) fn with(body: &str, pointer: &str, json: &str) -> String {
    const PLACE: &str = "@place@";
    let mut value: Value = serde_json::from_str(body).expect("the body is JSON");
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = value.pointer_mut(parent).expect("the parent is there");
    parent[field] = Value::from(PLACE);
    value.to_string().replace(&format!("\"{PLACE}\""), json)
}

/// The body without the field at this JSON pointer.
pub(crate) fn without(body: &str, pointer: &str) -> String {
    let mut value: Value = serde_json::from_str(body).expect("the body is JSON");
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.expect("the parent is an object").remove(field);
    value.to_string()
}

/// The v2 body in this currency and with this amount, a JSON text. The amount goes in last: to
/// replace a field reads the other numbers as floats.
pub(crate) fn asking(amount: &str, currency: &str) -> String {
    let code = format!("\"{currency}\"");
    let body = with(V2, "/currency_code", &code);
    let body = with(&body, "/gpa_order/currency_code", &code);
    with(&body, "/gpa_order/jit_funding/amount", amount)
}

pub(crate) fn read(body: &str) -> JitRequest {
    decode(body.as_bytes()).expect("the body can be read")
}

pub(crate) fn rejected(body: &str) -> Reject {
    decode(body.as_bytes()).expect_err("the body cannot be read")
}

pub(crate) fn command(body: &str) -> Command {
    let id = MessageId::new(Uuid::from_u128(1));
    read(body).into_command(id, Found::default()).0
}

/// What the command asks for, if it asks for funding.
pub(crate) fn authorize(body: &str) -> Authorize {
    match command(body).action {
        Action::Authorize(authorize) => *authorize,
        other => panic!("not an authorization: {other:?}"),
    }
}

/// A company with 100 major units, two users, and a card of the first.
pub(crate) struct Books {
    pub(crate) state: State,
    account: AccountId,
    messages: u128,
}

const PROGRAM: ProgramId = ProgramId::new(Uuid::from_u128(1));
const ADA: u128 = 11;
const BEN: u128 = 12;

impl Books {
    pub(crate) fn new(currency: &str) -> Self {
        let currency = Currency::parse(currency).expect("the currency is known");
        let owner = OwnerId::new(Uuid::from_u128(10));
        let account = AccountId::new(Uuid::from_u128(20));
        let mut state = State::default();
        let program = Program {
            id: PROGRAM,
            name: FreeText::new("Test"),
            time_zone: bursar_core::Zone::parse("Etc/UTC").expect("a zone"),
            currencies: vec![currency],
            policies: Policies::default(),
            hold_days: HoldDays::default(),
        };
        state.programs.load(PROGRAM, Ok(program));
        state.owners.load(owner, Ok(company(owner)));
        let posted_minor = 100 * 10_i64.pow(u32::from(currency.exponent()));
        let funded = Account { posted_minor, ..Account::new(account, owner, currency) };
        state.accounts.load(account, Ok(funded));
        for (id, name) in [(ADA, "user-ada"), (BEN, "user-ben")] {
            let cardholder = user(id, owner, name);
            state.cardholders.load(cardholder.id, Ok(cardholder));
        }
        let card = card(owner, account);
        for scope in [Scope::Card(card.id), Scope::Cardholder(card.cardholder), Scope::Owner(owner)] {
            state.load_empty(scope);
        }
        state.cards.load(card.id, Ok(card));
        Self { state, account, messages: 100 }
    }

    /// The same in a program that allows everything.
    pub(crate) fn allowing_all(currency: &str) -> Self {
        let mut books = Self::new(currency);
        let program = books.state.programs.get(PROGRAM).expect("readable").expect("loaded").clone();
        let policies = Policies { partial_approvals: true, original_credits: true };
        books.state.programs.load(PROGRAM, Ok(Program { policies, ..program }));
        books
    }

    /// Looks the tokens up, decides and returns what came of it.
    pub(crate) fn decide(&mut self, body: &str) -> Outcome {
        self.messages += 1;
        let id = MessageId::new(Uuid::from_u128(self.messages));
        let request = read(body);
        let user = |token: Option<&Token>| match token?.as_str() {
            "user-ada" => Some(CardholderId::new(Uuid::from_u128(ADA))),
            "user-ben" => Some(CardholderId::new(Uuid::from_u128(BEN))),
            _ => None,
        };
        let found = Found {
            route: request.card_token().and_then(|token| self.route(token)),
            acting: user(request.acting_token()),
            paying: user(request.paying_token()),
        };
        let (command, encode) = request.into_command(id, found);
        let work = Work::new(command, encode);
        let at = "2026-11-20T15:14:06Z".parse().expect("a time");
        let mut outcomes = decide_batch(&mut self.state, [&work], at);
        outcomes.pop().expect("one outcome a command")
    }

    /// The answer of a decision, first or repeated.
    pub(crate) fn answer(&mut self, body: &str) -> Answer {
        match self.decide(body) {
            Outcome::Decided(_, answer) | Outcome::Repeated(answer) => answer,
            other => panic!("no answer: {other:?}"),
        }
    }

    pub(crate) fn account(&self) -> Account {
        let account = self.state.accounts.get(self.account).expect("readable");
        account.expect("loaded").clone()
    }

    fn route(&self, token: &Token) -> Option<Route> {
        let card = CardId::new(Uuid::from_u128(30));
        let card = self.state.cards.get(card).expect("readable")?;
        (card.token == *token).then_some(Route {
            card: card.id,
            owner: card.owner,
            cardholder: card.cardholder,
            account: card.account,
        })
    }
}

fn company(id: OwnerId) -> Owner {
    Owner {
        id,
        program: PROGRAM,
        kind: OwnerKind::Company,
        name: FreeText::new("Field Work Ltd"),
        token: None,
        status: OwnerStatus::Active,
        status_at: None,
        sequence: 0,
        last_at: "2026-11-01T00:00:00Z".parse().expect("a time"),
    }
}

fn user(id: u128, owner: OwnerId, token: &str) -> Cardholder {
    Cardholder {
        id: CardholderId::new(Uuid::from_u128(id)),
        owner,
        token: Token::new(token).expect("a token"),
        reference: FreeText::new("a user"),
        status: CardholderStatus::Active,
        status_at: None,
    }
}

fn card(owner: OwnerId, account: AccountId) -> Card {
    Card {
        id: CardId::new(Uuid::from_u128(30)),
        owner,
        cardholder: CardholderId::new(Uuid::from_u128(ADA)),
        account,
        token: Token::new("card-ada-1").expect("a token"),
        last_four: None,
        status: CardStatus::Active,
        status_at: None,
    }
}

/// `jit_funding` of an answer.
pub(crate) fn jit_funding(answer: &Answer) -> Value {
    let body: Value = serde_json::from_slice(&answer.body).expect("the answer is JSON");
    body["jit_funding"].clone()
}
