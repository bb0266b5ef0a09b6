//! The usual controls of a card, each in one call.

use axum::extract::State;
use bursar_core::command::ControlSpec;
use bursar_core::control::{List, MerchantRule, Places, Rule, Scope, Velocity};
use bursar_core::text::FreeText;
use bursar_core::{CardId, ControlStatus, Currency, Money, Window};
use serde::Deserialize;
use utoipa::ToSchema;

use super::put;
use super::rule::{all_spending, read_limit};
use super::view::ControlsView;
use crate::api::amount::{AmountText, with_currency};
use crate::api::schema;
use crate::api::settle::{Stored, granted, settle};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::Id;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem};

const DAILY: &str = "daily limit";
const TRANSACTION: &str = "transaction limit";
const ONE_TIME: &str = "one time";
const LOCK: &str = "merchant lock";
const LOCK_LIMIT: &str = "merchant limit";
const MONTHLY: &str = "monthly limit";

/// The names of the controls that the calls here change: no other control of a card has one.
pub(super) const RESERVED: &[&str] = &[DAILY, TRANSACTION, ONE_TIME, LOCK, LOCK_LIMIT, MONTHLY];

/// The limits of a card. One that is left out or null is switched off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Limits {
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// The most that may be spent in a day of the program's time zone.
    daily: Option<AmountText>,
    /// The most that one purchase may be, with all its increments.
    transaction: Option<AmountText>,
}

/// A card made for one purpose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewPreset {
    #[schema(inline)]
    preset: Preset,
    /// The most that may be spent: at once, in all or in a month, as the preset goes. A subscription
    /// needs it.
    amount: Option<AmountText>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
}

/// What a card is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Preset {
    /// For one purchase; one that was made before counts. If it is reversed as a whole, for another.
    OneTime,
    /// For the merchant of its first purchase.
    MerchantLocked,
    /// For the merchant of its first purchase, up to an amount each month.
    Subscription,
}

/// Sets the daily limit and the transaction limit of a card. One that is left out is switched off.
#[utoipa::path(post, path = "/v1/cards/{id}/limits", tag = "controls", params(("id" = schema::CardId, Path)),
    request_body = Limits, responses((status = 200, body = ControlsView, description = "The card's controls")))]
pub(in crate::api) async fn set_limits(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<CardId>,
    Body(limits): Body<Limits>,
) -> Result<Stored, Problem> {
    let limit = |name: &str, field: &str, window: Window, text: Option<&AmountText>| {
        let amount = text.map(|text| read_limit(field, text, limits.currency)).transpose()?;
        Ok::<_, Problem>(ControlSpec {
            name: FreeText::new(name),
            rule: amount.map(|amount| most(window, Some(amount), None)),
            status: if amount.is_some() { ControlStatus::Active } else { ControlStatus::Off },
        })
    };
    let specs = vec![
        limit(DAILY, "daily", Window::Day, limits.daily.as_ref())?,
        limit(TRANSACTION, "transaction", Window::Transaction, limits.transaction.as_ref())?,
    ];
    put_all(&app, key, id, specs).await
}

/// Makes a card one for a purpose, by controls that can be changed like any other. The same preset
/// again locks onto another merchant; its limits count on. Other presets of the card stay.
#[utoipa::path(post, path = "/v1/cards/{id}/presets", tag = "controls", params(("id" = schema::CardId, Path)),
    request_body = NewPreset, responses((status = 200, body = ControlsView, description = "The card's controls")))]
pub(in crate::api) async fn apply_preset(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<CardId>,
    Body(new): Body<NewPreset>,
) -> Result<Stored, Problem> {
    let amount = with_currency(new.amount.as_ref(), new.currency)?;
    let amount = amount.map(|(amount, currency)| read_limit("amount", amount, currency)).transpose()?;
    let spec = |name: &str, rule: Rule| ControlSpec {
        name: FreeText::new(name),
        rule: Some(rule),
        status: ControlStatus::Active,
    };
    let lock = Rule::Merchant(MerchantRule { list: List::Allow, of: Places::FirstMerchant(None) });
    let specs = match (new.preset, amount) {
        (Preset::OneTime, amount) => vec![spec(ONE_TIME, most(Window::Lifetime, amount, Some(1)))],
        (Preset::MerchantLocked, None) => vec![spec(LOCK, lock)],
        (Preset::MerchantLocked, amount) => {
            vec![spec(LOCK, lock), spec(LOCK_LIMIT, most(Window::Lifetime, amount, None))]
        }
        (Preset::Subscription, None) => {
            let why = "a subscription needs the most that a month may cost";
            return Err(Problem::of_field(Code::InvalidField, "amount", why));
        }
        (Preset::Subscription, amount) => {
            vec![spec(LOCK, lock), spec(MONTHLY, most(Window::Month, amount, None))]
        }
    };
    put_all(&app, key, id, specs).await
}

fn most(window: Window, amount: Option<Money>, count: Option<u32>) -> Rule {
    Rule::Velocity(Velocity { window, amount, count, counts: all_spending() })
}

async fn put_all(
    app: &App,
    key: IdempotencyKey,
    card: CardId,
    specs: Vec<ControlSpec>,
) -> Result<Stored, Problem> {
    let action = put(app, Scope::Card(card), true, specs).await?;
    settle(app, key, action, granted(ControlsView::of)).await
}
