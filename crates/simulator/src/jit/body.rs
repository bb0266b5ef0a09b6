//! The body of a request, in either of the processor's layouts.

use std::hash::{DefaultHasher, Hasher};

use bursar_core::Money;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Ask, Decimal, JitRequest};
use crate::merchants::Usage;
use crate::plan::BodyLayout;

impl JitRequest {
    /// The body, in the processor's layout.
    ///
    /// # Errors
    /// The serializer's own; a request built of a plan has none.
    pub fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        let time = self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let day = self.at.strftime("%Y-%m-%dT00:00:00Z").to_string();
        serde_json::to_vec(&Transaction {
            kind: match self.preceding {
                None => self.ask.words().1,
                Some(_) => "authorization.incremental",
            },
            state: "PENDING",
            token: &self.token,
            user_token: &self.acting_token,
            acting_user_token: &self.acting_token,
            business_token: self.business_token.as_deref(),
            card_token: &self.card_token,
            card_product_token: "bursar-card-product",
            preceding_related_transaction_token: self.preceding.as_ref().map(|first| &*first.token),
            gpa: self.gpa(),
            gpa_order: (self.ask != Ask::Refund).then(|| self.order()),
            gpa_order_unload: (self.ask == Ask::Refund).then(|| self.order()),
            created_time: &time,
            user_transaction_time: &time,
            settlement_date: &day,
            request_amount: &self.amount,
            amount: &self.amount,
            currency_code: self.currency_code(),
            network: "VISA",
            subnetwork: "VISANET",
            acquirer_fee_amount: 0,
            cash_back_amount: self.cash_back(),
            acquirer: self.acquirer(),
            fraud: fraud(),
            user: json!({"metadata": {}}),
            card: json!({"last_four": "0000", "metadata": {}}),
            issuer_received_time: &time,
            issuer_payment_node: "bursar-simulator",
            card_acceptor: self.card_acceptor(),
            pos: (self.layout == BodyLayout::V2).then(|| self.pos()),
            transaction_metadata: (self.layout == BodyLayout::V2).then(|| self.metadata()),
            is_recurring: (self.layout == BodyLayout::V1).then(|| self.usage().is_recurring),
        })
    }

    fn cash_back(&self) -> Option<Decimal> {
        Some(Decimal::of(Money { minor: self.cash_minor()?, currency: self.currency }))
    }

    const fn usage(&self) -> Usage {
        Usage::of(self.merchant, self.ask)
    }

    fn order(&self) -> Order<'_> {
        Order {
            token: &self.jit_token,
            amount: &self.amount,
            transaction_token: &self.jit_token,
            state: "PENDING",
            funding: Funding { amount: &self.amount, source: funding_source() },
            funding_source_token: "**********pgfs",
            jit_funding: JitFunding {
                token: &self.jit_token,
                method: self.method(),
                user_token: &self.acting_token,
                acting_user_token: &self.acting_token,
                business_token: self.business_token.as_deref(),
                amount: &self.amount,
                original_jit_funding_token: self.preceding.as_ref().map(|first| &*first.jit_token),
            },
            user_token: &self.acting_token,
            currency_code: self.currency_code(),
        }
    }

    fn currency_code(&self) -> &'static str {
        match (self.is_currency_numeric, self.currency.code()) {
            (true, "USD") => "840",
            (true, "EUR") => "978",
            (true, "JPY") => "392",
            (true, "KWD") => "414",
            (true, "GBP") => "826",
            (_, code) => code,
        }
    }

    /// What the processor itself holds for the account: nothing, since it asks us each time.
    fn gpa(&self) -> Value {
        let code = self.currency.code();
        let balance = json!({
            "currency_code": code,
            "ledger_balance": 0,
            "available_balance": 0,
            "credit_balance": 0,
            "pending_credits": 0,
        });
        let mut gpa = balance.clone();
        gpa["balances"] = json!({code: balance});
        gpa
    }

    fn acquirer(&self) -> Value {
        json!({
            "institution_id_code": "428001",
            "institution_country": self.merchant.country,
            "retrieval_reference_number": self.reference_number(12),
            "system_trace_audit_number": self.reference_number(6),
        })
    }

    /// Digits that belong to this token.
    fn reference_number(&self, digits: usize) -> String {
        let mut hasher = DefaultHasher::new();
        hasher.write(self.token.as_bytes());
        let number = hasher.finish() % 10_u64.pow(digits as u32);
        format!("{number:0digits$}")
    }

    fn card_acceptor(&self) -> Value {
        let (merchant, usage) = (self.merchant, self.usage());
        let flag = |is: bool| if is { "1" } else { "0" };
        match self.layout {
            BodyLayout::V2 => merchant.card_acceptor(),
            BodyLayout::V1 => json!({
                "mid": merchant.id,
                "mcc": merchant.mcc,
                "name": merchant.name,
                "address": merchant.street,
                "city": merchant.city,
                "state": merchant.state,
                "zip": merchant.postal_code,
                "country": merchant.country,
                "poi": {
                    "tid": "80222786",
                    "partial_approval_capable": flag(self.takes_less),
                    "cardholder_presence": flag(usage.is_present),
                    "card_presence": flag(usage.is_present),
                    "channel": usage.payment_channel,
                    "processing_type": usage.entry_mode(),
                    "pin_present": "false",
                },
            }),
        }
    }

    fn pos(&self) -> Value {
        let usage = self.usage();
        json!({
            "pan_entry_mode": usage.entry_mode(),
            "pin_entry_mode": "TRUE",
            "pin_present": false,
            "terminal_id": "80222786",
            "terminal_attendance": "ATTENDED",
            "terminal_location": "ON_PREMISE",
            "card_holder_presence": usage.is_present,
            "card_presence": usage.is_present,
            "card_data_input_capability": "CHIP_CONTACTLESS",
            "country_code": "840",
            "zip": format!("{:<9}", self.merchant.postal_code),
            "partial_approval_capable": self.takes_less,
            "purchase_amount_only": false,
            "is_recurring": usage.is_recurring,
            "is_installment": false,
        })
    }

    fn metadata(&self) -> Value {
        json!({
            "payment_channel": self.usage().payment_channel,
            "transaction_category": "RETAIL_SALE",
            "moto_indicator": null,
        })
    }
}

#[derive(Serialize)]
struct Transaction<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    state: &'static str,
    token: &'a str,
    user_token: &'a str,
    acting_user_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_token: Option<&'a str>,
    card_token: &'a str,
    card_product_token: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preceding_related_transaction_token: Option<&'a str>,
    gpa: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpa_order: Option<Order<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpa_order_unload: Option<Order<'a>>,
    created_time: &'a str,
    user_transaction_time: &'a str,
    settlement_date: &'a str,
    request_amount: &'a Decimal,
    amount: &'a Decimal,
    currency_code: &'static str,
    network: &'static str,
    subnetwork: &'static str,
    acquirer_fee_amount: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash_back_amount: Option<Decimal>,
    acquirer: Value,
    fraud: Value,
    user: Value,
    card: Value,
    issuer_received_time: &'a str,
    issuer_payment_node: &'static str,
    card_acceptor: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_recurring: Option<bool>,
}

#[derive(Serialize)]
struct Order<'a> {
    token: &'a str,
    amount: &'a Decimal,
    transaction_token: &'a str,
    state: &'static str,
    funding: Funding<'a>,
    funding_source_token: &'static str,
    jit_funding: JitFunding<'a>,
    user_token: &'a str,
    currency_code: &'static str,
}

#[derive(Serialize)]
struct Funding<'a> {
    amount: &'a Decimal,
    source: Value,
}

#[derive(Serialize)]
struct JitFunding<'a> {
    token: &'a str,
    method: &'static str,
    user_token: &'a str,
    acting_user_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_token: Option<&'a str>,
    amount: &'a Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_jit_funding_token: Option<&'a str>,
}

pub(crate) fn funding_source() -> Value {
    json!({
        "type": "programgateway",
        "token": "**********pgfs",
        "active": true,
        "name": "bursar",
        "is_default_account": false,
        "created_time": "2025-01-01T00:00:00Z",
        "last_modified_time": "2025-01-01T00:00:00Z",
    })
}

fn fraud() -> Value {
    json!({
        "network": {"account_risk_score": 7, "transaction_risk_score": 12},
        "issuer_processor": {
            "score": "8",
            "risk_level": "LOW",
            "rule_violations": [],
            "recommended_action": "APPROVE",
        },
    })
}
