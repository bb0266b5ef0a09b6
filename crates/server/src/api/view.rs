//! An authorization, as `/v1` shows it.

use bursar_core::check::{CheckName, CheckResult};
use bursar_core::message::{ActionKind, Authorization, Source, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{
    AccountId, Answer, CardId, CardholderId, Channel, Check, ControlId, Currency, DeclineReason, Merchant,
    Message, MessageId, Money, OwnerId,
};
use bursar_store::{AuthorizationRecord, STAGES, StageTimes};
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::hold_group::HoldView;
use super::schema;

/// An amount as a decimal with all places of its currency.
pub(super) fn decimal(minor: i64, currency: Currency) -> String {
    Money { minor, currency }.to_string()
}

/// An authorization or increment: what was asked, how it was decided, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuthorizationView {
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    #[schema(value_type = schema::AuthorizationKind)]
    kind: ActionKind,
    #[schema(value_type = schema::TransactionKind)]
    transaction: TransactionKind,
    /// The authorization that began its hold group; itself for the first.
    #[schema(value_type = Option<schema::MessageId>)]
    group: Option<MessageId>,
    /// The door by which it came.
    #[schema(value_type = schema::MessageSource)]
    source: Source,
    /// The sender's id of the message: a transaction token, an idempotency key.
    #[schema(value_type = schema::Token)]
    token: Token,
    /// Null for a swipe with an unknown card.
    #[schema(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// The owner's number of it.
    owner_sequence: Option<i64>,
    #[schema(value_type = schema::Time)]
    decided_at: Timestamp,
    /// `approved` or `declined`.
    status: &'static str,
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_reason: Option<DeclineReason>,
    #[schema(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// As presented.
    #[schema(value_type = schema::Token)]
    card_token: Token,
    /// Whose card it is.
    #[schema(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    #[schema(value_type = Option<schema::AccountId>)]
    account: Option<AccountId>,
    /// What was asked; null if that was no amount.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    /// What was approved: held, or moved at once. Less than was asked in a partial approval.
    #[schema(value_type = Option<schema::Decimal>)]
    approved_amount: Option<String>,
    /// Of both amounts; null if the code was none.
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// What the account had available after the decision.
    #[schema(value_type = Option<schema::Decimal>)]
    available_after: Option<String>,
    /// Of what is available.
    #[schema(value_type = Option<schema::Currency>)]
    account_currency: Option<Currency>,
    #[schema(value_type = MerchantView)]
    merchant: Merchant,
    /// Every check, in order; the first that failed names the reason.
    checks: Vec<CheckView>,
    /// Microseconds of every stage, and `total`; null until they are written, a moment after the
    /// answer.
    #[schema(value_type = Option<BTreeMap<String, u64>>)]
    stages: Option<Stages>,
}

/// Where a purchase was made, as far as the message told. Free text is masked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes core's `Merchant`")]
pub(super) struct MerchantView {
    /// The acquirer's id of the merchant.
    id: Option<String>,
    /// Merchant category code.
    mcc: Option<String>,
    name: Option<String>,
    city: Option<String>,
    /// As the processor sends it.
    country: Option<String>,
    /// The processor's groups of merchant categories; not there if none.
    groups: Option<Vec<String>>,
    /// How the card was used, as far as the message told; not there if it did not.
    #[schema(value_type = Option<Vec<schema::Channel>>)]
    channels: Option<Vec<Channel>>,
}

/// One check and what it looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckView {
    #[schema(value_type = schema::CheckName)]
    check: CheckName,
    #[schema(value_type = schema::CheckResult)]
    result: CheckResult,
    /// The spending control that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ControlId>)]
    control: Option<ControlId>,
    /// True if the control is only tried out: its failure declines nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    /// The state that it found, or the window of a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// What was asked for: an amount, or uses of a count limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Decimal>)]
    wanted: Option<String>,
    /// What was there: an amount, or uses of a count limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Decimal>)]
    available: Option<String>,
}

/// Microseconds a stage, by the stages' words.
#[derive(Debug)]
struct Stages(StageTimes);

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(STAGES.len() + 1))?;
        for &stage in STAGES {
            map.serialize_entry(stage.as_str(), &self.0.us(stage))?;
        }
        map.serialize_entry("total", &self.0.total_us())?;
        map.end()
    }
}

impl AuthorizationView {
    /// `None` if the message is neither an authorization nor an increment.
    pub(super) fn new(message: &Message, stage_times: Option<StageTimes>) -> Option<Self> {
        let authorization = message.authorization.as_ref()?;
        let account_currency = account_currency(authorization);
        let amount = authorization.amount_minor.zip(authorization.currency);
        let available = authorization.available_minor.zip(account_currency);
        Some(Self {
            id: message.id,
            kind: message.kind,
            transaction: authorization.kind,
            group: message.group.as_ref().map(|group| group.root),
            source: message.key.source,
            token: message.key.token.clone(),
            owner: message.owner,
            owner_sequence: message.owner_sequence,
            decided_at: message.at,
            status: if message.is_approved() { "approved" } else { "declined" },
            decline_reason: message.declined,
            card: authorization.card,
            card_token: authorization.card_token.clone(),
            cardholder: authorization.cardholder,
            account: authorization.account,
            amount: amount.map(|(minor, currency)| decimal(minor, currency)),
            approved_amount: approved_minor(message)
                .zip(authorization.currency)
                .map(|(minor, currency)| decimal(minor, currency)),
            currency: authorization.currency,
            available_after: available.map(|(minor, currency)| decimal(minor, currency)),
            account_currency,
            merchant: authorization.merchant.clone(),
            checks: check_views(authorization.checks.iter(), authorization),
            stages: stage_times.map(Stages),
        })
    }
}

/// What was approved, if it was.
fn approved_minor(message: &Message) -> Option<i64> {
    message.group.as_ref().filter(|_| message.is_approved()).map(|group| group.effect.approved_minor())
}

/// The account's currency: the check of the currency found it.
pub(super) fn account_currency(authorization: &Authorization) -> Option<Currency> {
    let check = authorization.checks.iter().find(|check| check.check == CheckName::Currency)?;
    Currency::parse(check.found.as_deref()?).ok()
}

pub(super) fn check_views<'a>(
    checks: impl Iterator<Item = &'a Check>,
    authorization: &Authorization,
) -> Vec<CheckView> {
    let account_currency = account_currency(authorization);
    let number = |check: &Check, minor: Option<i64>, currency: Option<Currency>| match check.check {
        CheckName::CountLimit => minor.map(|uses| uses.to_string()),
        _ => minor.zip(currency).map(|(minor, currency)| decimal(minor, currency)),
    };
    let view = |check: &Check| CheckView {
        check: check.check,
        result: check.result,
        control: check.control,
        shadow: check.is_shadow,
        found: check.found.as_deref().map(str::to_owned),
        wanted: number(check, check.wanted_minor, authorization.currency),
        available: number(check, check.available_minor, account_currency),
    };
    checks.map(view).collect()
}

/// An authorization with its hold group and the answer that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuthorizationDetail {
    #[serde(flatten)]
    authorization: AuthorizationView,
    /// Null where no account is known.
    hold: Option<HoldView>,
    answer: AnswerView,
}

/// What was answered.
#[derive(Debug, Serialize, ToSchema)]
struct AnswerView {
    /// The HTTP status.
    code: u16,
    /// The body, as it was sent.
    #[schema(value_type = Object)]
    body: Option<Box<RawValue>>,
}

impl AuthorizationDetail {
    /// `None` if the record is about no card.
    pub(super) fn new(record: &AuthorizationRecord) -> Option<Self> {
        let authorization = AuthorizationView::new(&record.message, record.stage_times)?;
        Some(Self {
            hold: record.group.as_ref().and_then(HoldView::new),
            answer: AnswerView::new(&record.answer),
            authorization,
        })
    }
}

impl AnswerView {
    fn new(answer: &Answer) -> Self {
        let text = String::from_utf8(answer.body.clone()).unwrap_or_default();
        Self { code: answer.code, body: RawValue::from_string(text).ok() }
    }
}
