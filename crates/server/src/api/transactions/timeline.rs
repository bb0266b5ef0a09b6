//! A purchase message by message.

use bursar_core::hold_group::{Effect, GroupBooks, GroupMessage, story};
use bursar_core::message::{ActionKind, Role, Source, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{Currency, DeclineReason, Details, Message, MessageId};
use bursar_store::Purchase;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{TransactionView, group_messages};
use crate::api::schema;
use crate::api::view::decimal;

/// A purchase with all that became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TransactionDetail {
    #[serde(flatten)]
    transaction: TransactionView,
    /// Its messages, as they happened by the processor's clock; what is said of one transaction stands together.
    timeline: Vec<EntryView>,
    /// What was told about its transactions and is kept without effect.
    not_booked: Vec<KeptView>,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
struct EntryView {
    #[serde(flatten)]
    message: KeptView,
    /// When it happened, by the processor's clock.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// What was held after it; null where no account is known, as in the two that follow.
    #[schema(value_type = Option<schema::Decimal>)]
    held: Option<String>,
    /// What was posted after it: credits less debits.
    #[schema(value_type = Option<schema::Decimal>)]
    posted: Option<String>,
    /// What credit was pending after it.
    #[schema(value_type = Option<schema::Decimal>)]
    pending_credit: Option<String>,
}

/// What a message said.
#[derive(Debug, Serialize, ToSchema)]
struct KeptView {
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    /// What it did, in plain words: `authorized`, `increment`, `cleared`, `released`, `refunded`, `expired`,
    /// `refused by the processor`, `recorded` and others.
    did: &'static str,
    /// What it is about: held, posted or released by it, or else asked.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    said_by: Speaker,
    /// What it reported or asked, in the processor's words, if it is kept without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Token>)]
    method: Option<Token>,
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_reason: Option<DeclineReason>,
    /// The door by which it came.
    #[schema(value_type = schema::MessageSource)]
    source: Source,
    /// The sender's id of it: a transaction token, an idempotency key.
    #[schema(value_type = schema::Token)]
    token: Token,
    /// When it was decided or booked here.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// What it told beside: `conversion`, `acquirer_fee`, `fees`, `stand_in`, `response`, `approval_code`, `hold_days`, `network`
    /// and `network_reference_id`, each as far as it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    details: Option<Box<Details>>,
}

/// Who said it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    /// It was decided here.
    Bursar,
    /// The processor reported it.
    Processor,
    /// Somebody, or a program, with the key of this API.
    Operator,
}

impl Speaker {
    const fn of(message: &Message) -> Self {
        match (message.key.source, message.kind) {
            (Source::MarqetaReport, _) | (_, ActionKind::Claim | ActionKind::Record | ActionKind::Review) => {
                Self::Processor
            }
            (_, ActionKind::Authorize | ActionKind::Increment) => Self::Bursar,
            _ => Self::Operator,
        }
    }
}

impl TransactionDetail {
    /// Whether nothing is expected to become of it any more.
    pub(super) fn is_final(&self) -> bool {
        self.transaction.status.is_final()
    }

    /// `None` where [`TransactionView::new`] is.
    pub(in crate::api) fn new(purchase: &Purchase) -> Option<Self> {
        let transaction = TransactionView::new(purchase)?;
        let members = group_messages(purchase.messages.iter());
        let story = story(&members).ok()?;
        let currency = purchase.group.as_ref().map(|group| group.currency);
        let mut timeline = Vec::with_capacity(story.len());
        let mut before: Vec<(&GroupMessage, &Message)> = Vec::with_capacity(story.len());
        let mut books = GroupBooks::EMPTY;
        for (member, after) in story {
            let message = purchase.messages.iter().find(|message| message.id == member.id)?;
            let did = did(member, message, &before);
            let moved = moved(member.effect, &books, &after);
            timeline.push(EntryView::new(message, did, moved, &after, currency));
            before.push((member, message));
            books = after;
        }
        let kept = |message: &Message| KeptView::new(message, "recorded", None);
        Some(Self { transaction, timeline, not_booked: purchase.kept.iter().map(kept).collect() })
    }
}

impl EntryView {
    fn new(
        message: &Message,
        did: &'static str,
        moved: Option<i64>,
        after: &GroupBooks,
        currency: Option<Currency>,
    ) -> Self {
        let sum = |minor| currency.map(|currency| decimal(minor, currency));
        Self {
            at: message.group.as_ref().map_or(message.at, |group| group.processor_time),
            message: KeptView::new(message, did, moved.zip(currency)),
            held: sum(after.held_minor),
            posted: sum(after.posted_minor),
            pending_credit: sum(after.pending_credit_minor),
        }
    }
}

impl KeptView {
    fn new(message: &Message, did: &'static str, moved: Option<(i64, Currency)>) -> Self {
        let (authorization, recorded) = (message.authorization.as_ref(), message.recorded.as_ref());
        let asked = authorization.and_then(|of| of.amount_minor.zip(of.currency));
        let named = recorded.and_then(|of| of.amount_minor.zip(of.currency));
        let amount = moved.or(asked).or(named);
        Self {
            id: message.id,
            did,
            amount: amount.map(|(minor, currency)| decimal(minor, currency)),
            currency: amount.map(|(_, currency)| currency),
            said_by: Speaker::of(message),
            method: recorded.map(|of| of.method.clone()),
            decline_reason: message.declined,
            source: message.key.source,
            token: message.key.token.clone(),
            recorded_at: message.at,
            details: authorization.and_then(|of| of.details.clone()),
        }
    }
}

/// What the message names, or what was left where it releases all of that; nothing of one without effect.
fn moved(effect: Effect, before: &GroupBooks, after: &GroupBooks) -> Option<i64> {
    match effect {
        Effect::ReverseAll | Effect::Expire => before.held_minor.checked_sub(after.held_minor),
        effect => effect.parts().1,
    }
}

/// What it did, where those before it are known.
fn did(member: &GroupMessage, message: &Message, before: &[(&GroupMessage, &Message)]) -> &'static str {
    if message.key.role() == Role::Refusal {
        return "refused by the processor";
    }
    if message.kind == ActionKind::Claim {
        return "recorded";
    }
    if message.declined.is_some() {
        return "declined";
    }
    if message.key.role() == Role::Report
        && let Some(word) = confirms(member, before)
    {
        return word;
    }
    let is_held = |(earlier, _): &(&GroupMessage, &Message)| matches!(earlier.effect, Effect::Hold(1..));
    match (member.effect, member.kind) {
        (Effect::None, TransactionKind::BalanceInquiry) => "balance asked",
        (Effect::None, _) if member.is_doubt() => "never confirmed",
        (Effect::None, _) if message.key.role() == Role::Report => "recorded",
        (Effect::None | Effect::Hold(0), _) => "verified",
        (Effect::Hold(_), _) if message.kind == ActionKind::Increment => "increment",
        (Effect::Hold(_), _) if before.iter().any(is_held) => "increment",
        (Effect::Hold(_), _) => "authorized",
        (Effect::Replace(_) | Effect::ReplaceCredit(_), _) => "adjusted",
        (Effect::Debit(_), _) => "posted",
        (Effect::Release(_) | Effect::ReverseAll | Effect::ReleaseCredit(_), _) => "released",
        (Effect::Expire, _) => "expired",
        (Effect::Capture(_) | Effect::FinalCapture(_), _) => "cleared",
        (Effect::PendingCredit(_), TransactionKind::Refund) => "refund authorized",
        (Effect::PendingCredit(_), _) => "credit authorized",
        (Effect::Credit(_), _) if message.kind == ActionKind::Refund => "refunded",
        (Effect::Credit(_) | Effect::ClearCredit(_), TransactionKind::Refund) => "refunded",
        (Effect::Credit(_) | Effect::ClearCredit(_), _) => "credited",
        (Effect::UndoDebit(_), _) => "debit undone",
        (Effect::UndoCredit(_), _) => "credit undone",
    }
}

/// What a report is to our decision about the same transaction, if there is one.
fn confirms(report: &GroupMessage, before: &[(&GroupMessage, &Message)]) -> Option<&'static str> {
    let is_decision = |(earlier, message): &&(&GroupMessage, &Message)| {
        message.kind != ActionKind::Claim
            && earlier.key.role() == Role::Decision
            && earlier.key.is_of_transaction(&report.key)
    };
    let (decision, _) = before.iter().find(is_decision)?;
    let minor = |effect: Effect| effect.parts().1.unwrap_or(0);
    Some(match (minor(decision.effect), minor(report.effect)) {
        (decided, reported) if decided == reported => "confirmed",
        (0, _) => "approved by the processor",
        _ => "corrected by the processor",
    })
}
