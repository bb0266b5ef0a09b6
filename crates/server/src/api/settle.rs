//! One command, one stored answer.

use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_authorizer::{Reply, Request, Timeline};
use bursar_core::decide::Change;
use bursar_core::{
    Account, Action, Answer, Card, Cardholder, Command, Control, Decided, Encode, MessageId, Owner, Program,
    Work,
};
use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, PROBLEM_JSON, Problem};

/// An operator's command that could not be started by then is answered 503.
const DEADLINE: Duration = Duration::from_secs(10);

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The bytes that were stored with the message: these, now and for every repeat.
#[derive(Debug)]
pub(super) struct Stored {
    answer: Answer,
    is_repeat: bool,
}

impl Stored {
    pub(super) fn of(reply: Reply) -> Result<Self, Problem> {
        let (answer, is_repeat) = match reply {
            Reply::Decided { answer, .. } => (answer, false),
            Reply::Repeated(answer) => (answer, true),
            Reply::Conflict => {
                return Err(Problem::new(
                    Code::IdempotencyKeyReused,
                    "this Idempotency-Key was used for another request; a new request needs a new key",
                ));
            }
            Reply::Unavailable(why) => return Err(why.into()),
        };
        Ok(Self { answer, is_repeat })
    }
}

impl IntoResponse for Stored {
    fn into_response(self) -> Response {
        let Answer { code, body } = self.answer;
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let media_type = match status.is_success() {
            true => HeaderValue::from_static("application/json"),
            false => PROBLEM_JSON,
        };
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        if self.is_repeat {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The command behind a request of `/v1`, on its way.
pub(super) fn request(
    key: IdempotencyKey,
    action: Action,
    encode: Box<dyn Encode>,
    deadline: Instant,
    timeline: Timeline,
) -> Request {
    let command = Command { id: MessageId::new(Uuid::now_v7()), key: key.message_key(), action };
    Request { work: Work::new(command, encode), deadline: Some(deadline), timeline }
}

/// Has an operator's command decided and made durable.
pub(super) async fn settle(
    app: &App,
    key: IdempotencyKey,
    action: Action,
    encode: Box<dyn Encode>,
) -> Result<Stored, Problem> {
    let deadline = Instant::now() + DEADLINE;
    let request = request(key, action, encode, deadline, Timeline::begin());
    Stored::of(app.authorizer().settle(request).await.reply)
}

/// 201 with the view of what was granted, or the problem of what was refused.
pub(super) fn created<V, F>(view: F) -> Box<dyn Encode>
where
    V: Serialize + 'static,
    F: Fn(&Decided) -> Option<V> + Send + Sync + 'static,
{
    Box::new(Written { code: 201, view })
}

/// 200 with the view of what was granted, or the problem of what was refused.
pub(super) fn granted<V, F>(view: F) -> Box<dyn Encode>
where
    V: Serialize + 'static,
    F: Fn(&Decided) -> Option<V> + Send + Sync + 'static,
{
    Box::new(Written { code: 200, view })
}

struct Written<F> {
    code: u16,
    view: F,
}

impl<V, F> Encode for Written<F>
where
    V: Serialize + 'static,
    F: Fn(&Decided) -> Option<V> + Send + Sync + 'static,
{
    fn encode(&self, decided: &Decided) -> Answer {
        match decided.declined() {
            Some(reason) => Problem::declined(reason).answer(),
            None => written(self.code, (self.view)(decided)),
        }
    }
}

/// The view as an answer. A granted command always changed what its view shows; were it not so,
/// that is a defect, and said so.
pub(super) fn written<V: Serialize>(code: u16, view: Option<V>) -> Answer {
    match view.map(|view| serde_json::to_vec(&view)) {
        Some(Ok(body)) => Answer { code, body },
        Some(Err(_)) | None => Problem::internal().answer(),
    }
}

/// The program, as the decision leaves it.
pub(super) fn program(decided: &Decided) -> Option<&Program> {
    decided.changes.iter().find_map(|change| match change {
        Change::Program(program) => Some(program),
        _ => None,
    })
}

/// The owner, as the decision leaves it.
pub(super) fn owner(decided: &Decided) -> Option<&Owner> {
    decided.changes.iter().find_map(|change| match change {
        Change::Owner(owner) => Some(owner),
        _ => None,
    })
}

/// The accounts that were opened.
pub(super) fn accounts(decided: &Decided) -> impl Iterator<Item = &Account> {
    decided.changes.iter().filter_map(|change| match change {
        Change::Account(account) => Some(account),
        _ => None,
    })
}

/// The cardholder, as the decision leaves it.
pub(super) fn cardholder(decided: &Decided) -> Option<&Cardholder> {
    decided.changes.iter().find_map(|change| match change {
        Change::Cardholder(cardholder) => Some(cardholder),
        _ => None,
    })
}

/// The card, as the decision leaves it.
pub(super) fn card(decided: &Decided) -> Option<&Card> {
    decided.changes.iter().find_map(|change| match change {
        Change::Card(card) => Some(card),
        _ => None,
    })
}

/// The controls of the scope, as the decision leaves them.
pub(super) fn controls(decided: &Decided) -> Option<&[Control]> {
    decided.changes.iter().find_map(|change| match change {
        Change::Controls(row) => Some(row.controls.as_slice()),
        _ => None,
    })
}
