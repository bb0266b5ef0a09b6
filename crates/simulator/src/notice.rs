//! The body of a webhook: what the processor reports of transactions.

use bursar_core::Money;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::history::{Notice, Says};
use crate::jit::{Ask, Decimal, funding_source};
use crate::plan::Clearing;

/// The processor's words for what a notice says.
struct Words {
    kind: &'static str,
    method: &'static str,
    state: &'static str,
}

/// One webhook with these transactions, at most ten.
///
/// # Errors
/// The serializer's own; notices of a plan have none.
pub fn body<'a>(notices: impl Iterator<Item = &'a Notice>) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Webhook { transactions: notices.map(Notice::item).collect() })
}

impl Notice {
    /// The processor's type of it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.words().kind
    }

    /// The word under which it is counted.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.says {
            Says::Approved => "confirmations",
            Says::StoodIn => "stand-ins",
            Says::TooLate => "time-outs",
            Says::Advised => "advices",
            Says::Released => "reversals",
            Says::Expired => "expiries",
            Says::Cleared(_) if self.follows.is_none() => "force posts",
            Says::Cleared(_) => "clearings",
            Says::Refunded | Says::RefundCleared => "refunds",
        }
    }

    /// The transaction as the processor tells it.
    pub(crate) fn json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        to_raw_value(&self.item())
    }

    fn words(&self) -> Words {
        let words = |kind, method, state| Words { kind, method, state };
        let (method, kind) = match &self.follows {
            None => self.ask.words(),
            Some(_) => ("pgfs.authorization.incremental", "authorization.incremental"),
        };
        match self.says {
            Says::Approved if self.ask == Ask::Withdrawal => words(kind, method, "COMPLETION"),
            Says::Approved => words(kind, method, "PENDING"),
            Says::TooLate => words(kind, method, "DECLINED"),
            Says::StoodIn => words("authorization.standin", "pgfs.authorization.standin", "PENDING"),
            Says::Advised if self.change_minor < 0 => {
                words("authorization.advice", "pgfs.authorization.reversal", "PENDING")
            }
            Says::Advised => words("authorization.advice", "pgfs.authorization.advice", "PENDING"),
            Says::Released => words("authorization.reversal", "pgfs.authorization.reversal", "CLEARED"),
            Says::Expired => {
                words("authorization.reversal.issuerexpiration", "pgfs.authorization.reversal", "CLEARED")
            }
            Says::Cleared(_) if self.follows.is_none() => {
                words("authorization.clearing", "pgfs.force_capture", "COMPLETION")
            }
            Says::Cleared(_) if self.ask == Ask::CashBack => {
                words("authorization.clearing.cashback", "pgfs.authorization.capture", "COMPLETION")
            }
            Says::Cleared(_) => words("authorization.clearing", "pgfs.authorization.capture", "COMPLETION"),
            Says::Refunded => words("refund", "pgfs.refund", "COMPLETION"),
            Says::RefundCleared => words("refund.authorization.clearing", "pgfs.refund", "COMPLETION"),
        }
    }

    fn item(&self) -> Item<'_> {
        let words = self.words();
        let time = self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (code, memo) = match self.says {
            Says::TooLate => ("1802", "Gateway timed out"),
            _ => ("0000", "Approved or completed successfully"),
        };
        let clearing = match self.says {
            Says::Cleared(clearing) => clearing,
            _ => Clearing::default(),
        };
        let part = |of: fn((u8, u8)) -> u8| clearing.part.map(|part| format!("{:02}", of(part)));
        let order = self.order(&words);
        let is_credit = self.ask == Ask::Refund;
        let is_stood_in = self.says == Says::StoodIn;
        Item {
            kind: words.kind,
            state: words.state,
            token: &self.token,
            user_token: &self.acting_token,
            acting_user_token: &self.acting_token,
            business_token: self.business_token.as_deref(),
            card_token: &self.card_token,
            preceding_related_transaction_token: self.follows.as_deref(),
            gpa_order: (!is_credit).then(|| order.clone()),
            gpa_order_unload: is_credit.then_some(order),
            user_transaction_time: time.clone(),
            created_time: time,
            settlement_date: self.at.strftime("%Y-%m-%dT00:00:00Z").to_string(),
            request_amount: self.decimal(self.amount_minor),
            amount: self.decimal(self.amount_minor),
            cash_back_amount: (self.cash_minor > 0).then(|| self.decimal(self.cash_minor)),
            currency_code: self.currency.code(),
            response: json!({"code": code, "memo": memo}),
            network: "VISA",
            standin_approved_by: is_stood_in.then_some("NETWORK"),
            standin_reason: is_stood_in.then_some("ISSUER_UNAVAILABLE"),
            multi_clearing_sequence_number: part(|(number, _)| number),
            multi_clearing_sequence_count: part(|(_, count)| count),
            is_final_clearing: clearing.is_final,
            card_acceptor: self.merchant.card_acceptor(),
        }
    }

    fn order(&self, words: &Words) -> Order<'_> {
        let changed_minor = match self.says {
            Says::Advised => self.change_minor.saturating_abs(),
            _ => self.amount_minor,
        };
        let amount = self.decimal(changed_minor);
        let gateway_log = (self.says == Says::TooLate).then(|| {
            json!({"order_number": &*self.token, "message": "Timed out.", "duration": 3001, "timed_out": true})
        });
        Order {
            token: &self.jit_token,
            amount: amount.clone(),
            transaction_token: &self.jit_token,
            state: match self.says {
                Says::TooLate => "DECLINED",
                Says::Released | Says::Expired => "REVERSED",
                _ => "PENDING",
            },
            funding: Funding { amount: amount.clone(), source: funding_source(), gateway_log },
            funding_source_token: "**********pgfs",
            jit_funding: JitFunding {
                token: &self.jit_token,
                method: words.method,
                user_token: &self.acting_token,
                acting_user_token: &self.acting_token,
                amount,
                original_jit_funding_token: self.original_jit_token.as_deref(),
            },
            user_token: &self.acting_token,
            currency_code: self.currency.code(),
        }
    }

    /// A JSON number with all places of its currency.
    fn decimal(&self, minor: i64) -> Decimal {
        Decimal::of(Money { minor, currency: self.currency })
    }
}

#[derive(Serialize)]
struct Webhook<'a> {
    transactions: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    state: &'static str,
    token: &'a str,
    user_token: &'a str,
    acting_user_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_token: Option<&'a str>,
    card_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preceding_related_transaction_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpa_order: Option<Order<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpa_order_unload: Option<Order<'a>>,
    created_time: String,
    user_transaction_time: String,
    settlement_date: String,
    request_amount: Decimal,
    amount: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash_back_amount: Option<Decimal>,
    currency_code: &'static str,
    response: Value,
    network: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    standin_approved_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standin_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_clearing_sequence_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_clearing_sequence_count: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_final_clearing: Option<bool>,
    card_acceptor: Value,
}

#[derive(Clone, Serialize)]
struct Order<'a> {
    token: &'a str,
    amount: Decimal,
    transaction_token: &'a str,
    state: &'static str,
    funding: Funding,
    funding_source_token: &'static str,
    jit_funding: JitFunding<'a>,
    user_token: &'a str,
    currency_code: &'static str,
}

#[derive(Clone, Serialize)]
struct Funding {
    amount: Decimal,
    source: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_log: Option<Value>,
}

#[derive(Clone, Serialize)]
struct JitFunding<'a> {
    token: &'a str,
    method: &'static str,
    user_token: &'a str,
    acting_user_token: &'a str,
    amount: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_jit_funding_token: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use bursar_core::Currency;
    use jiff::Timestamp;

    use super::*;
    use crate::history::Told;
    use crate::merchants::MERCHANTS;

    fn notice(says: Says) -> Notice {
        Notice {
            token: "t-2".into(),
            says,
            ask: Ask::Purchase,
            follows: Some("t-1".into()),
            jit_token: "j-2".into(),
            original_jit_token: Some("j-1".into()),
            card_token: "card".into(),
            acting_token: "user".into(),
            business_token: None,
            merchant: &MERCHANTS[0],
            currency: Currency::parse("KWD").expect("a currency"),
            amount_minor: 1_050,
            change_minor: 0,
            cash_minor: 0,
            at: Timestamp::UNIX_EPOCH,
            is_silent: false,
            sent: 0,
            told: Told::Unknown,
        }
    }

    fn text(notice: &Notice) -> String {
        String::from_utf8(body([notice].into_iter()).expect("a body")).expect("text")
    }

    fn item(notice: &Notice) -> Value {
        let mut body: Value = serde_json::from_str(&text(notice)).expect("JSON");
        body["transactions"][0].take()
    }

    #[test]
    fn a_clearing_names_its_purchase_and_its_place() {
        let clearing = Clearing { percent: None, part: Some((2, 3)), is_final: None };
        let clearing = notice(Says::Cleared(clearing));
        let item = item(&clearing);
        assert_eq!(item["type"], "authorization.clearing");
        assert_eq!(item["preceding_related_transaction_token"], "t-1");
        assert_eq!(item["multi_clearing_sequence_number"], "02");
        assert!(text(&clearing).contains("\"amount\":1.050,"), "{}", text(&clearing));
    }

    #[test]
    fn an_advice_tells_what_results_and_by_how_much_it_changed() {
        let item = item(&Notice { change_minor: -50, ..notice(Says::Advised) });
        assert_eq!(item["amount"], 1.05);
        let jit = &item["gpa_order"]["jit_funding"];
        assert_eq!((&jit["method"], &jit["amount"]), (&json!("pgfs.authorization.reversal"), &json!(0.05)));
    }

    #[test]
    fn a_time_out_is_told_with_what_the_processor_saw() {
        let item = item(&Notice { follows: None, ..notice(Says::TooLate) });
        assert_eq!((&item["type"], &item["state"]), (&json!("authorization"), &json!("DECLINED")));
        assert_eq!(item["gpa_order"]["funding"]["gateway_log"]["timed_out"], true);
    }

    #[test]
    fn what_is_given_back_has_an_order_of_its_own() {
        let item = item(&Notice { ask: Ask::Refund, follows: None, ..notice(Says::Refunded) });
        assert!(item["gpa_order"].is_null() && item["gpa_order_unload"].is_object());
    }
}
