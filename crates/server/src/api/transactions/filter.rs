//! Which transactions are wanted.

use bursar_core::{AccountId, CardId, CardholderId, Currency, Mcc, Money, OwnerId};
use bursar_store::PurchaseFilter;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::{Status, TransactionView};
use crate::api::schema;
use crate::problem::{Code, Problem};

/// How many categories may be named at once.
const MCCS_MAX: usize = 100;

/// A merchant's name is no longer.
const MERCHANT_MAX: usize = 255;

macro_rules! queries {
    ($($(#[$attribute:meta])* $field:ident: $type:ty,)+) => {
        /// Which transactions: those for which all is so that is asked.
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(in crate::api) struct TransactionFilter { $($(#[$attribute])* $field: $type,)+ }

        /// Which transactions, and which part of the list.
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(in crate::api) struct TransactionQuery {
            $($(#[$attribute])* $field: $type,)+
            /// At most so many items; 100 if not given.
            #[param(minimum = 1, maximum = 1000)]
            pub(super) limit: Option<u32>,
            /// The `next` of the page before.
            pub(super) after: Option<String>,
        }

        impl TransactionQuery {
            pub(super) fn wanted(&self) -> Result<Wanted, Problem> {
                TransactionFilter { $($field: self.$field.clone(),)+ }.wanted()
            }
        }
    };
}

queries! {
    /// Of this company or person.
    #[param(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// With this card.
    #[param(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// With a card of this cardholder.
    #[param(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    /// Of this account.
    #[param(value_type = Option<schema::AccountId>)]
    account: Option<AccountId>,
    /// The acquirer's id of the merchant, or a part of its name, whatever the case.
    #[param(max_length = 255)]
    merchant: Option<String>,
    /// Merchant category codes, separated by commas: one of them.
    #[param(example = "5812,5814")]
    mcc: Option<String>,
    /// Where it stands.
    #[param(inline)]
    status: Option<Status>,
    /// Its `amount` is at least this; `currency` has to be there.
    #[param(value_type = Option<schema::Decimal>)]
    amount_min: Option<String>,
    /// Its `amount` is at most this; `currency` has to be there.
    #[param(value_type = Option<schema::Decimal>)]
    amount_max: Option<String>,
    /// Of its `amount`.
    #[param(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// Begun then or later.
    #[param(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// Begun before.
    #[param(value_type = Option<schema::Time>)]
    to: Option<Timestamp>,
}

/// What is wanted: what the ledger looks for, and what only the books of a purchase tell.
pub(in crate::api) struct Wanted {
    pub(super) of_ledger: PurchaseFilter,
    status: Option<Status>,
    currency: Option<Currency>,
    min_minor: Option<i64>,
    max_minor: Option<i64>,
}

impl TransactionFilter {
    pub(super) fn wanted(self) -> Result<Wanted, Problem> {
        let currency = self.currency;
        let merchant = self.merchant.filter(|text| !text.is_empty());
        if merchant.as_ref().is_some_and(|text| text.chars().count() > MERCHANT_MAX) {
            return Err(invalid("merchant", format!("this has more than {MERCHANT_MAX} characters")));
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(invalid("to", "this is before `from`"));
        }
        let min_minor = amount("amount_min", self.amount_min.as_deref(), currency)?;
        let max_minor = amount("amount_max", self.amount_max.as_deref(), currency)?;
        if let (Some(min), Some(max)) = (min_minor, max_minor)
            && min > max
        {
            return Err(invalid("amount_max", "this is less than `amount_min`"));
        }
        Ok(Wanted {
            of_ledger: PurchaseFilter {
                owner: self.owner,
                card: self.card,
                cardholder: self.cardholder,
                account: self.account,
                merchant,
                mccs: mccs(self.mcc.as_deref())?,
                from: storable("from", self.from)?,
                to: storable("to", self.to)?,
            },
            status: self.status,
            currency,
            min_minor,
            max_minor,
        })
    }
}

fn invalid(field: &'static str, why: impl ToString) -> Problem {
    Problem::of_field(Code::InvalidQuery, field, why)
}

fn amount(
    field: &'static str,
    text: Option<&str>,
    currency: Option<Currency>,
) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let currency = currency.ok_or_else(|| invalid("currency", "is missing beside the amount"))?;
    Money::parse(text, currency).map(|money| Some(money.minor)).map_err(|error| invalid(field, error))
}

fn mccs(text: Option<&str>) -> Result<Vec<Mcc>, Problem> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let parse = |code: &str| Mcc::parse(code.trim()).map_err(|error| invalid("mcc", error));
    let mccs: Vec<Mcc> = text.split(',').take(MCCS_MAX + 1).map(parse).collect::<Result<_, _>>()?;
    match mccs.len() {
        ..=MCCS_MAX => Ok(mccs),
        _ => Err(invalid("mcc", format!("these are more than {MCCS_MAX}"))),
    }
}

/// No store has times before or after.
fn storable(field: &'static str, time: Option<Timestamp>) -> Result<Option<Timestamp>, Problem> {
    let is_storable = |time: &Timestamp| (1..=9_999).contains(&time.to_zoned(jiff::tz::TimeZone::UTC).year());
    match time {
        Some(time) if !is_storable(&time) => Err(invalid(field, "the year is not between 1 and 9999")),
        time => Ok(time),
    }
}

impl Wanted {
    /// Whether purchases have to be opened to tell which of them are wanted.
    pub(super) fn is_of_books(&self) -> bool {
        self.status.is_some() || self.currency.is_some()
    }

    pub(super) fn wants(&self, view: &TransactionView) -> bool {
        let amount_minor = view.amount_minor;
        self.status.is_none_or(|status| view.status == status)
            && self.currency.is_none_or(|currency| view.currency == Some(currency))
            && self.min_minor.is_none_or(|min| amount_minor.is_some_and(|minor| minor >= min))
            && self.max_minor.is_none_or(|max| amount_minor.is_some_and(|minor| minor <= max))
    }
}
