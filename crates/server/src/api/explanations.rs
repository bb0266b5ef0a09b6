//! Why an authorization was decided as it was: `/v1/authorizations/{id}/explanation`.

use axum::Json;
use axum::extract::State;
use bursar_core::check::CheckResult;
use bursar_core::details::Response;
use bursar_core::explain::{self, Change, Explanation, StatusOf, explain};
use bursar_core::message::{ActionKind, Role};
use bursar_core::{Check, ControlId, Currency, DeclineReason, Message, MessageId};
use bursar_store::Purchase;
use serde::Serialize;
use utoipa::ToSchema;

use super::authorizations::find;
use super::schema;
use super::transactions;
use super::view::{CheckView, account_currency, check_views, decimal};
use crate::app::App;
use crate::auth::Operator;
use crate::extract::Id;
use crate::problem::Problem;

/// Why an authorization was decided as it was, and the smallest changes that would have approved it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplanationView {
    #[schema(value_type = schema::MessageId)]
    authorization: MessageId,
    /// `approved` or `declined`.
    status: &'static str,
    /// Ours; null where only the processor declined.
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_reason: Option<DeclineReason>,
    /// What happened, in a sentence.
    summary: String,
    /// The checks that refused, in order; the first names the reason.
    refused_by: Vec<CheckView>,
    /// The checks of controls that are only tried out, and would have refused.
    would_refuse: Vec<CheckView>,
    /// Each would have approved it: all its changes together, and no smaller ones of their kind. Each
    /// was decided again to be sure. Empty if it was approved, or no change of amount, limit, balance
    /// or status would have helped.
    nearest_approvals: Vec<ApprovalView>,
    /// What the processor answered the network, where it declined, or said what became of it.
    processor_response: Option<ResponseView>,
}

/// What the processor answered the network.
#[derive(Debug, Serialize, ToSchema)]
struct ResponseView {
    /// The processor's code.
    code: String,
    /// What it means, in the processor's words.
    memo: Option<String>,
    /// What else it said: the processor's own control that declined, for instance.
    additional_information: Option<String>,
}

impl From<&Response> for ResponseView {
    fn from(of: &Response) -> Self {
        let text = |text: &bursar_core::text::FreeText| text.as_str().to_owned();
        Self {
            code: of.code.as_str().to_owned(),
            memo: of.memo.as_ref().map(text),
            additional_information: of.additional_information.as_ref().map(text),
        }
    }
}

/// Changes that together would have approved it.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalView {
    changes: Vec<ChangeView>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
enum ChangeView {
    /// Asking for less.
    Amount {
        #[schema(value_type = schema::Decimal)]
        from: String,
        /// The most that would have been approved.
        #[schema(value_type = schema::Decimal)]
        to: String,
    },
    /// More money on the account.
    Balance {
        /// The least that was missing.
        #[schema(value_type = schema::Decimal)]
        raise_by: String,
    },
    /// A higher limit of an amount.
    AmountLimit {
        #[schema(value_type = schema::ControlId)]
        control: ControlId,
        /// The least that was missing.
        #[schema(value_type = schema::Decimal)]
        raise_by: String,
    },
    /// A higher limit of a count.
    CountLimit {
        #[schema(value_type = schema::ControlId)]
        control: ControlId,
        /// The least that was missing.
        raise_by: i64,
    },
    /// Another status.
    Status {
        /// `card`, `cardholder` (who used it), `payer` (who pays, where that is somebody else), `owner`, or the
        /// id of the control that refused.
        of: String,
        from: &'static str,
        to: &'static str,
    },
}

impl ChangeView {
    fn new(change: &Change, currency: Currency) -> Self {
        let decimal = |minor: &i64| decimal(*minor, currency);
        match change {
            Change::Amount { from_minor, to_minor } => {
                Self::Amount { from: decimal(from_minor), to: decimal(to_minor) }
            }
            Change::Balance { raise_minor } => Self::Balance { raise_by: decimal(raise_minor) },
            Change::AmountLimit { control, raise_minor } => {
                Self::AmountLimit { control: *control, raise_by: decimal(raise_minor) }
            }
            Change::CountLimit { control, raise } => Self::CountLimit { control: *control, raise_by: *raise },
            Change::Status { of, from, to } => {
                let of = match of {
                    StatusOf::Card => "card".to_owned(),
                    StatusOf::Cardholder => "cardholder".to_owned(),
                    StatusOf::Payer => "payer".to_owned(),
                    StatusOf::Owner => "owner".to_owned(),
                    StatusOf::Control(control) => control.to_string(),
                };
                Self::Status { of, from, to }
            }
        }
    }
}

/// Why an authorization or increment was decided as it was, with the nearest approval of a declined
/// one: the smallest change of amount, limit, balance or status that would have approved it.
#[utoipa::path(get, path = "/v1/authorizations/{id}/explanation", tag = "authorizations",
    params(("id" = schema::MessageId, Path)),
    responses((status = 200, body = ExplanationView, description = "The explanation")))]
pub(super) async fn explain_authorization(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<MessageId>,
) -> Result<Json<ExplanationView>, Problem> {
    let message = find(&app, id).await?.message;
    let unknown = Problem::declined(DeclineReason::AuthorizationUnknown);
    let Some(mut view) = ExplanationView::new(&message) else { return Err(unknown) };
    match (message.key.role(), &message.group) {
        (Role::Alone, _) => {}
        (_, Some(_)) => view.hear(&message, &transactions::find(&app, id).await?),
        (Role::Report | Role::Refusal, None) => view.tell_unbooked(&message),
        (Role::Decision, None) => {}
    }
    Ok(Json(view))
}

impl ExplanationView {
    fn new(message: &Message) -> Option<Self> {
        let explanation = explain(message)?;
        let authorization = message.authorization.as_ref()?;
        let currency = account_currency(authorization);
        let refused = |check: &&Check| check.failure().is_some();
        let tried = |check: &&Check| check.is_shadow && check.result == CheckResult::Failed;
        let would_refuse = check_views(authorization.checks.iter().filter(tried), authorization);
        let view = |approval: &explain::Approval| {
            let change = |change| currency.map(|currency| ChangeView::new(change, currency));
            Some(ApprovalView { changes: approval.iter().map(change).collect::<Option<_>>()? })
        };
        let (summary, nearest_approvals) = match &explanation {
            Explanation::Approved => (approved(&would_refuse).to_owned(), Vec::new()),
            Explanation::Nearest(approvals) => {
                (summary(message.declined), approvals.iter().filter_map(view).collect())
            }
            Explanation::Beyond(_) => {
                let beyond = "No change of amount, limit, balance or status would have approved it.";
                (format!("{} {beyond}", summary(message.declined)), Vec::new())
            }
        };
        Some(Self {
            authorization: message.id,
            status: if message.is_approved() { "approved" } else { "declined" },
            decline_reason: message.declined,
            summary,
            refused_by: check_views(authorization.checks.iter().filter(refused), authorization),
            would_refuse,
            nearest_approvals,
            processor_response: None,
        })
    }

    /// A report that fits no account: nothing of it was booked, and nothing could have been decided.
    fn tell_unbooked(&mut self, message: &Message) {
        let why = message.declined.map_or("", Problem::sentence);
        self.summary = format!("What the processor reported is kept and was not booked: {why}.");
        self.nearest_approvals.clear();
        self.processor_response = response(message).map(ResponseView::from);
    }

    /// Adds what the processor says of the same transaction: a refusal is final, whatever we decided, and what was
    /// decided without us has no checks.
    fn hear(&mut self, message: &Message, purchase: &Purchase) {
        let is_of = |of: &&Message| of.id == message.id || of.key.is_of_transaction(&message.key);
        let about = || purchase.messages.iter().chain(&purchase.kept).filter(is_of);
        let refusal = about().find(|of| of.key.role() == Role::Refusal);
        let report = refusal.or_else(|| about().find(|of| of.key.role() == Role::Report));
        let response = report.and_then(response);
        let is_decision = |of: &Message| of.key.role() == Role::Decision && of.kind != ActionKind::Claim;
        let decision = about().find(|of| is_decision(of));
        match (refusal, decision) {
            (Some(_), None) => {
                self.status = "declined";
                self.summary = format!("The processor declined it without asking us{}.", told(response));
                self.decline_reason = None;
                self.nearest_approvals.clear();
            }
            (Some(_), Some(decision)) => {
                let ours = if decision.is_approved() { "approved" } else { "declined" };
                self.status = "declined";
                self.summary = format!("It was {ours} here. The processor declined it{}.", told(response));
            }
            (None, Some(_)) if is_decision(message) => {}
            (None, _) => {
                self.status = if report.is_some_and(Message::is_approved) { "approved" } else { "declined" };
                self.summary =
                    "The processor reported it: it was not decided here, and nothing was checked.".to_owned();
                self.decline_reason = message.declined.filter(|_| self.status == "declined");
                self.nearest_approvals.clear();
            }
        }
        self.processor_response = response.map(ResponseView::from);
    }
}

fn response(message: &Message) -> Option<&Response> {
    message.authorization.as_ref()?.details.as_ref()?.response.as_ref()
}

/// The processor's words, after a colon.
fn told(response: Option<&Response>) -> String {
    let Some(response) = response else { return String::new() };
    let texts = [response.memo.as_ref(), response.additional_information.as_ref()];
    let texts: Vec<&str> = texts.into_iter().flatten().map(|text| text.as_str()).collect();
    format!(": {} {}", response.code, texts.join(", ")).trim_end().to_owned()
}

const fn approved(would_refuse: &[CheckView]) -> &'static str {
    match would_refuse {
        [] => "It was approved: every check passed.",
        _ => "It was approved. A spending control that is only tried out would have declined it.",
    }
}

fn summary(declined: Option<DeclineReason>) -> String {
    declined.map_or(String::new(), |reason| format!("It was declined: {}.", Problem::sentence(reason)))
}
