//! Why an authorization was decided as it was: `/v1/authorizations/{id}/explanation`.

use axum::Json;
use axum::extract::State;
use bursar_core::check::CheckResult;
use bursar_core::explain::{self, Change, Explanation, StatusOf, explain};
use bursar_core::{Check, ControlId, Currency, DeclineReason, Message, MessageId};
use serde::Serialize;
use utoipa::ToSchema;

use super::authorizations::find;
use super::schema;
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
    let record = find(&app, id).await?;
    let view = ExplanationView::new(&record.message);
    view.map(Json).ok_or(Problem::declined(DeclineReason::AuthorizationUnknown))
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
        })
    }
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
