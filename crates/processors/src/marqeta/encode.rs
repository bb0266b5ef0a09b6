//! Writes the answer: 200 or 402 with the full `jit_funding` object. Without it, or with a status
//! code of another kind, the processor declines in its own words.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_core::message::{ActionKind, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{Answer, Currency, Decided, DeclineReason, Encode, Money};
use serde::Serialize;
use serde_json::value::RawValue;

use super::method::Treatment;

/// What an answer repeats of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JitEcho {
    pub(super) token: Token,
    pub(super) method: Token,
    pub(super) user_token: Token,
    pub(super) acting_user_token: Option<Token>,
    pub(super) business_token: Option<Token>,
    pub(super) original_jit_funding_token: Option<Token>,
    /// `None` if it could not be read; the answer then says 0.
    pub(super) amount: Option<Money>,
}

/// The answer to a token that was used before with other content. It is not stored: the answer
/// to the first stays what it was (M2).
#[derive(Debug, Clone)]
pub struct Duplicate {
    echo: Arc<JitEcho>,
    /// A report of what was already done is answered 200, whatever it says (reference, section 2).
    is_report: bool,
}

impl Duplicate {
    pub(super) const fn new(echo: Arc<JitEcho>, treatment: Treatment) -> Self {
        Self { echo, is_report: matches!(treatment, Treatment::Record) }
    }

    /// 402 `DUPLICATE_TRANSACTION`; 200 to a report.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.echo.answer(Verdict {
            amount: self.echo.amount,
            decline_reason: (!self.is_report).then_some("DUPLICATE_TRANSACTION"),
            tags: None,
            balances: None,
            memo: "the token was used before with other content",
        })
    }
}

/// The amount that an answer of ours approves, in minor units of the currency; `None` if it
/// approves nothing. The other direction of [`JitEncoder`], for the check of the books (D4).
#[must_use]
pub fn approved_minor(answer: &Answer, currency: Currency) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        jit_funding: Approved<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Approved<'a> {
        #[serde(borrow)]
        amount: &'a RawValue,
    }
    if answer.code != 200 {
        return None;
    }
    let envelope: Envelope<'_> = serde_json::from_slice(&answer.body).ok()?;
    Money::parse(envelope.jit_funding.amount.get(), currency).ok().map(|money| money.minor)
}

/// Writes the answer of one request.
pub(super) struct JitEncoder {
    echo: Arc<JitEcho>,
}

impl JitEncoder {
    pub(super) const fn new(echo: Arc<JitEcho>) -> Self {
        Self { echo }
    }

    /// What was approved, which is what is held or moved (D4); of a decline, what was asked.
    fn amount(&self, decided: &Decided) -> Option<Money> {
        let asked = self.echo.amount?;
        match (decided.declined(), &decided.message.group) {
            (None, Some(member)) => Some(Money { minor: member.effect.approved_minor(), ..asked }),
            _ => Some(asked),
        }
    }
}

/// The balances that an inquiry asks for (reference, 3.3).
fn balances(decided: &Decided) -> Option<Balances> {
    let is_asked = decided.message.authorization.as_ref()?.kind == TransactionKind::BalanceInquiry;
    let account = decided.account.as_ref().filter(|_| is_asked && decided.declined().is_none())?;
    let money = |minor| number(Some(Money { minor, currency: account.currency }));
    let balance = Balance {
        currency_code: account.currency.code(),
        ledger_balance: money(account.posted_minor),
        available_balance: money(account.available_minor()?),
    };
    Some(BTreeMap::from([(account.currency.code(), balance)]))
}

impl Encode for JitEncoder {
    fn encode(&self, decided: &Decided) -> Answer {
        let declined = decided.declined();
        self.echo.answer(Verdict {
            amount: self.amount(decided),
            decline_reason: declined.map(decline_reason),
            tags: Some(format!("decision={}", decided.message.id)),
            balances: balances(decided),
            memo: match (declined, decided.message.kind) {
                (Some(reason), _) => reason.as_str(),
                (None, ActionKind::Record | ActionKind::Review) => "recorded",
                (None, _) => "approved",
            },
        })
    }
}

/// The processor's word for a reason. It decides what the terminal and the merchant are told.
const fn decline_reason(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::InsufficientFunds => "INSUFFICIENT_FUNDS",
        DeclineReason::InvalidAmount => "INVALID_AMOUNT",
        DeclineReason::AmountLimitExceeded => "AMOUNT_LIMIT_EXCEEDED",
        DeclineReason::CountLimitExceeded => "TRANSACTION_COUNT_LIMIT_EXCEEDED",
        DeclineReason::MerchantNotAllowed => "INVALID_MERCHANT",
        // No such card for this user: telling the two apart would help who tries card numbers.
        DeclineReason::CardUnknown | DeclineReason::CardOfAnotherCardholder => "INVALID_CARD",
        DeclineReason::CardNotActive => "CARD_NOT_ACTIVE",
        DeclineReason::CardholderNotActive | DeclineReason::CardholderUnknown => "CARDHOLDER_NOT_ACTIVE",
        // Not CLOSED_ACCOUNT: the owner may be only suspended, and a merchant that hears of a
        // closed account forgets the card on file for good.
        DeclineReason::OwnerNotActive
        | DeclineReason::OwnerUnknown
        | DeclineReason::AccountUnknown
        | DeclineReason::ProgramUnknown
        | DeclineReason::CurrencyMismatch
        | DeclineReason::CurrencyNotKept
        | DeclineReason::HoldGroupEnded
        | DeclineReason::HoldGroupMoved
        | DeclineReason::MoreThanHeld
        | DeclineReason::NothingHeld
        | DeclineReason::DecidedElsewhere
        | DeclineReason::MoreThanCaptured
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::NotPermitted
        | DeclineReason::CountryNotAllowed
        | DeclineReason::ChannelNotAllowed
        | DeclineReason::OutsideSchedule
        | DeclineReason::ControlUnknown
        | DeclineReason::ControlNameTaken
        | DeclineReason::TooManyControls
        | DeclineReason::TokenTaken
        | DeclineReason::TransitionNotAllowed => "TRANSACTION_NOT_PERMITTED",
    }
}

/// What an answer adds to the echo.
struct Verdict {
    amount: Option<Money>,
    decline_reason: Option<&'static str>,
    /// At most 255 characters. Comes back in webhooks, which joins them to the decision.
    tags: Option<String>,
    balances: Option<Balances>,
    /// At most 99 characters.
    memo: &'static str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    jit_funding: JitFunding<'a>,
}

#[derive(Serialize)]
struct JitFunding<'a> {
    token: &'a Token,
    method: &'a Token,
    user_token: &'a Token,
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_user_token: Option<&'a Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_token: Option<&'a Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_jit_funding_token: Option<&'a Token>,
    amount: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
    memo: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    balances: Option<Balances>,
}

/// By the code of the currency.
type Balances = BTreeMap<&'static str, Balance>;

#[derive(Serialize)]
struct Balance {
    currency_code: &'static str,
    /// Posted.
    ledger_balance: Box<RawValue>,
    available_balance: Box<RawValue>,
}

impl JitEcho {
    fn answer(&self, verdict: Verdict) -> Answer {
        let code = if verdict.decline_reason.is_none() { 200 } else { 402 };
        let envelope = Envelope {
            jit_funding: JitFunding {
                token: &self.token,
                method: &self.method,
                user_token: &self.user_token,
                acting_user_token: self.acting_user_token.as_ref(),
                business_token: self.business_token.as_ref(),
                original_jit_funding_token: self.original_jit_funding_token.as_ref(),
                amount: number(verdict.amount),
                decline_reason: verdict.decline_reason,
                tags: verdict.tags,
                memo: verdict.memo,
                balances: verdict.balances,
            },
        };
        // Neither this nor `number` can fail; an empty body would be read as a decline.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        Answer { code, body }
    }
}

/// A JSON number with all places of the currency, made from text: a float would round it.
fn number(amount: Option<Money>) -> Box<RawValue> {
    let text = amount.map_or_else(|| "0".to_owned(), |amount| amount.to_string());
    RawValue::from_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All values of the processor's enum (reference, 3.4).
    const KNOWN: &[&str] = &[
        "INVALID_AMOUNT",
        "INSUFFICIENT_FUNDS",
        "TRANSACTION_NOT_PERMITTED",
        "SUSPECTED_FRAUD",
        "AMOUNT_LIMIT_EXCEEDED",
        "TRANSACTION_COUNT_LIMIT_EXCEEDED",
        "DUPLICATE_TRANSACTION",
        "INVALID_MERCHANT",
        "INVALID_CARD",
        "NO_CREDIT_ACCOUNT",
        "EXPIRED_CARD",
        "NO_CHECKING_ACCOUNT",
        "NO_SAVINGS_ACCOUNT",
        "STOP_PAYMENT",
        "REVOCATION_AUTHORIZATION_ORDER",
        "REVOCATION_ALL_AUTHORIZATION_ORDER",
        "SOFT_DECLINE_AUTHENTICATION_REQUIRED",
        "CLOSED_ACCOUNT",
        "SOFT_DECLINE_PIN_REQUIRED",
        "CARD_NOT_ACTIVE",
        "CARDHOLDER_NOT_ACTIVE",
    ];

    #[test]
    fn every_reason_has_a_word_that_the_processor_knows() {
        for &reason in DeclineReason::ALL {
            assert!(KNOWN.contains(&decline_reason(reason)), "{reason}");
        }
    }

    #[test]
    fn the_memo_fits_its_field() {
        assert!(DeclineReason::ALL.iter().all(|reason| reason.as_str().len() <= 99));
    }
}
