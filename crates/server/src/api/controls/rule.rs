//! What a control says, as `/v1` reads and shows it: one of `velocity`, `merchant` and `schedule`.

use bursar_core::control::{Counted, Day, Hours, List, MccSet, MerchantRule, Places, Rule, Velocity};
use bursar_core::text::Token;
use bursar_core::{Channel, Country, Currency, Money, Window};
use bursar_processors::json::Object;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::amount::AmountText;
use crate::api::schema;
use crate::api::view::decimal;
use crate::problem::{Code, Problem};

/// How many entries a list may have.
const ENTRIES_MAX: usize = 1_000;

/// A limit of amount, count or both over a window.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VelocityBody {
    #[schema(value_type = schema::Window)]
    window: Window,
    /// The most that may be spent, above zero. Only what is spent in its currency counts.
    amount: Option<AmountText>,
    /// Of the amount.
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// How often at most; of no use for one transaction.
    count: Option<u32>,
    /// What counts; all but credits if not given.
    #[serde(default = "all_spending")]
    #[schema(value_type = Option<Vec<schema::Counted>>)]
    counts: Vec<Counted>,
}

/// Everything that is spent.
pub(super) fn all_spending() -> Vec<Counted> {
    vec![Counted::Purchases, Counted::Withdrawals, Counted::CashBack]
}

/// Where the card may be used, or may not: with exactly one of the lists.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MerchantBody {
    /// Whether the places are the only ones, or the excluded ones. What a message does not tell is on
    /// no list.
    #[schema(value_type = schema::List)]
    list: List,
    #[schema(value_type = Option<Vec<schema::MccSet>>)]
    mccs: Option<Vec<String>>,
    /// The acquirer's ids of merchants.
    #[schema(value_type = Option<Vec<schema::Token>>)]
    merchants: Option<Vec<Token>>,
    /// True: the merchant of the first purchase.
    first_merchant: Option<bool>,
    #[schema(value_type = Option<Vec<schema::Country>>)]
    countries: Option<Vec<Country>>,
    #[schema(value_type = Option<Vec<schema::Channel>>)]
    channels: Option<Vec<Channel>>,
}

/// Hours of some days, in the program's time zone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursBody {
    /// On which days they begin.
    #[schema(value_type = Vec<schema::Day>)]
    days: Vec<Day>,
    #[schema(value_type = schema::ClockTime)]
    from: String,
    /// The end, itself excluded. Not after `from`: on the next day.
    #[schema(value_type = schema::ClockTime)]
    to: String,
}

fn invalid(field: impl Into<String>, why: impl ToString) -> Problem {
    Problem::of_field(Code::InvalidField, field, why)
}

/// There is no rule, or more than one.
pub(super) fn missing() -> Problem {
    invalid("body", "exactly one of velocity, merchant and schedule says what the control restricts")
}

/// The rule that a body has; `None` if it has none.
pub(super) fn read(
    velocity: Option<Object<VelocityBody>>,
    merchant: Option<Object<MerchantBody>>,
    schedule: Option<Vec<Object<HoursBody>>>,
) -> Result<Option<Rule>, Problem> {
    match (velocity, merchant, schedule) {
        (None, None, None) => Ok(None),
        (Some(Object(velocity)), None, None) => velocity.read().map(Rule::Velocity).map(Some),
        (None, Some(Object(merchant)), None) => merchant.read().map(Rule::Merchant).map(Some),
        (None, None, Some(schedule)) => read_schedule(schedule).map(Rule::Schedule).map(Some),
        _ => Err(missing()),
    }
}

impl VelocityBody {
    fn read(self) -> Result<Velocity, Problem> {
        let amount = match (&self.amount, self.currency) {
            (None, None) => None,
            (Some(amount), Some(currency)) => Some(read_limit("velocity.amount", amount, currency)?),
            (Some(_), None) => return Err(invalid("velocity.currency", "is missing beside the amount")),
            (None, Some(_)) => return Err(invalid("velocity.amount", "is missing beside the currency")),
        };
        if amount.is_none() && self.count.is_none() {
            return Err(invalid("velocity", "needs an amount with its currency, a count, or both"));
        }
        if self.window == Window::Transaction && self.count.is_some() {
            return Err(invalid("velocity.count", "one transaction is one use; leave it out"));
        }
        let mut counts = distinct("velocity.counts", self.counts)?;
        counts.sort_unstable();
        Ok(Velocity { window: self.window, amount, count: self.count, counts })
    }
}

/// An amount above zero.
pub(super) fn read_limit(field: &str, text: &AmountText, currency: Currency) -> Result<Money, Problem> {
    let money = text.parse(currency).map_err(|error| Problem::of_field(Code::InvalidAmount, field, error))?;
    match money.minor {
        1.. => Ok(money),
        _ => Err(invalid(field, "must be above zero; a card that may spend nothing is suspended")),
    }
}

impl MerchantBody {
    fn read(self) -> Result<MerchantRule, Problem> {
        let first = self.first_merchant.filter(|first| *first).map(|_| Places::FirstMerchant(None));
        let mccs = self.mccs.map(read_mccs).transpose()?.map(Places::Mccs);
        let merchants = self.merchants.map(|list| distinct("merchant.merchants", list)).transpose()?;
        let countries = self.countries.map(read_countries).transpose()?.map(Places::Countries);
        let channels = self.channels.map(|list| distinct("merchant.channels", list)).transpose()?;
        let lists =
            [first, mccs, merchants.map(Places::Merchants), countries, channels.map(Places::Channels)];
        let mut lists = lists.into_iter().flatten();
        match (lists.next(), lists.next()) {
            (Some(Places::FirstMerchant(_)), None) if self.list == List::Deny => {
                Err(invalid("merchant.list", "only \"allow\" locks a card onto its first merchant"))
            }
            (Some(of), None) => Ok(MerchantRule { list: self.list, of }),
            _ => {
                let why = "needs exactly one of mccs, merchants, first_merchant, countries and channels";
                Err(invalid("merchant", why))
            }
        }
    }
}

fn read_mccs(texts: Vec<String>) -> Result<Vec<MccSet>, Problem> {
    let texts = distinct("merchant.mccs", texts)?;
    let read = |(index, text): (usize, String)| {
        MccSet::parse(&text).map_err(|error| invalid(format!("merchant.mccs[{index}]"), error))
    };
    texts.into_iter().enumerate().map(read).collect()
}

fn read_countries(codes: Vec<Country>) -> Result<Vec<Country>, Problem> {
    let codes = distinct("merchant.countries", codes)?;
    match codes.iter().position(|code| !code.is_listed()) {
        None => Ok(codes),
        Some(index) => {
            Err(invalid(format!("merchant.countries[{index}]"), "ISO 3166-1 lists no such country"))
        }
    }
}

fn read_schedule(schedule: Vec<Object<HoursBody>>) -> Result<Vec<Hours>, Problem> {
    if !(1..=ENTRIES_MAX).contains(&schedule.len()) {
        return Err(invalid("schedule", format!("needs 1 to {ENTRIES_MAX} entries")));
    }
    let read = |(index, Object(hours)): (usize, Object<HoursBody>)| {
        let field = |name: &str| format!("schedule[{index}].{name}");
        let days = distinct(&field("days"), hours.days)?;
        let minute = |name: &str, text: &str| {
            read_clock(text).ok_or_else(|| invalid(field(name), "expected hours and minutes, such as 08:30"))
        };
        let (from_minute, to_minute) = (minute("from", &hours.from)?, minute("to", &hours.to)?);
        match (from_minute, to_minute) {
            (1_440, _) => Err(invalid(field("from"), "24:00 is 00:00 of the next day")),
            (_, 0) => Err(invalid(field("to"), "write 24:00 for the end of the day")),
            _ => Ok(Hours { days, from_minute, to_minute }),
        }
    };
    schedule.into_iter().enumerate().map(read).collect()
}

/// `00:00` to `24:00`, in minutes.
fn read_clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= 1_440).then_some(hours * 60 + minutes)
}

/// A list that has entries, none of them twice.
fn distinct<T: PartialEq>(field: &str, list: Vec<T>) -> Result<Vec<T>, Problem> {
    if !(1..=ENTRIES_MAX).contains(&list.len()) {
        return Err(invalid(field, format!("needs 1 to {ENTRIES_MAX} entries")));
    }
    match (1..list.len()).find(|&index| list[..index].contains(&list[index])) {
        None => Ok(list),
        Some(index) => Err(invalid(format!("{field}[{index}]"), "is there twice")),
    }
}

/// What a control says: one of the three.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleView {
    Velocity(VelocityView),
    Merchant(MerchantView),
    Schedule(Vec<HoursView>),
}

/// A limit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VelocityView {
    #[schema(value_type = schema::Window)]
    window: Window,
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    count: Option<u32>,
    #[schema(value_type = Vec<schema::Counted>)]
    counts: Vec<Counted>,
}

/// Where a card may be used, or may not. One of the lists is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MerchantView {
    #[schema(value_type = schema::List)]
    list: List,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    of: PlacesView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum PlacesView {
    Mccs(Vec<MccSet>),
    Merchants(Vec<Token>),
    /// The merchant that the card is locked onto; null until there is one.
    FirstMerchant(Option<Token>),
    Countries(Vec<Country>),
    Channels(Vec<Channel>),
}

/// Hours of some days.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoursView {
    #[schema(value_type = Vec<schema::Day>)]
    days: Vec<Day>,
    #[schema(value_type = schema::ClockTime)]
    from: String,
    #[schema(value_type = schema::ClockTime)]
    to: String,
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> Self {
        match rule {
            Rule::Velocity(velocity) => Self::Velocity(VelocityView {
                window: velocity.window,
                amount: velocity.amount.map(|amount| decimal(amount.minor, amount.currency)),
                currency: velocity.amount.map(|amount| amount.currency),
                count: velocity.count,
                counts: velocity.counts.clone(),
            }),
            Rule::Merchant(rule) => {
                Self::Merchant(MerchantView { list: rule.list, of: PlacesView::from(&rule.of) })
            }
            Rule::Schedule(hours) => Self::Schedule(hours.iter().map(HoursView::from).collect()),
        }
    }
}

impl From<&Places> for PlacesView {
    fn from(places: &Places) -> Self {
        match places.clone() {
            Places::Mccs(sets) => Self::Mccs(sets),
            Places::Merchants(ids) => Self::Merchants(ids),
            Places::FirstMerchant(first) => Self::FirstMerchant(first),
            Places::Countries(countries) => Self::Countries(countries),
            Places::Channels(channels) => Self::Channels(channels),
        }
    }
}

impl From<&Hours> for HoursView {
    fn from(hours: &Hours) -> Self {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Self { days: hours.days.clone(), from: clock(hours.from_minute), to: clock(hours.to_minute) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_times_are_read_to_the_minute() {
        for (text, minute) in [("00:00", 0), ("08:30", 510), ("23:59", 1_439), ("24:00", 1_440)] {
            assert_eq!(read_clock(text), Some(minute));
        }
        for text in ["", "8:30", "08:60", "24:01", "25:00", "-1:00", "08.30", "08:3a", "+8:30"] {
            assert_eq!(read_clock(text), None, "{text}");
        }
    }
}
