//! A purchase in a line.

use bursar_core::hold_group::{GroupMessage, Total, is_overruled, total};
use bursar_core::message::{ActionKind, Authorization, Role, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{
    AccountId, CardId, CardholderId, Currency, Details, GroupStatus, Merchant, Message, MessageId, OwnerId,
};
use bursar_store::Purchase;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::schema;
use crate::api::view::{MerchantView, decimal};

/// Where a purchase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Money is held.
    Open,
    /// It was captured, or the credit has cleared.
    Closed,
    /// All that it held was released, or the credit will not come.
    Reversed,
    /// It was held long enough.
    Expired,
    /// Money was posted at once.
    Posted,
    /// Credit was approved and has not cleared.
    Pending,
    /// It was declined, by us or by the processor.
    Declined,
    /// Nothing was to move: a card was verified, or a balance asked for.
    Empty,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Reversed => "reversed",
            Self::Expired => "expired",
            Self::Posted => "posted",
            Self::Pending => "pending",
            Self::Declined => "declined",
            Self::Empty => "empty",
        }
    }

    /// Whether nothing is expected to become of it any more: what still comes says so.
    pub(super) const fn is_final(self) -> bool {
        !matches!(self, Self::Open | Self::Pending)
    }

    fn of(group: GroupStatus, messages: &[Message]) -> Self {
        let is_declined = |of: &Message| of.declined.is_some() || of.key.role() == Role::Refusal;
        match group {
            GroupStatus::Empty if messages.iter().any(is_declined) => Self::Declined,
            GroupStatus::Empty => Self::Empty,
            GroupStatus::Open => Self::Open,
            GroupStatus::Posted => Self::Posted,
            GroupStatus::Pending => Self::Pending,
            GroupStatus::Reversed => Self::Reversed,
            GroupStatus::Expired => Self::Expired,
            GroupStatus::Closed => Self::Closed,
        }
    }
}

/// What is unusual about a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flag {
    /// The processor or the network decided in our place.
    StandIn,
    /// Something was captured without a hold, or beyond it.
    Forced,
    /// The processor's word about a decision was another than ours.
    Overruled,
}

impl Flag {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::StandIn => "stand_in",
            Self::Forced => "forced",
            Self::Overruled => "overruled",
        }
    }
}

/// A purchase: an authorization and everything that became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionView {
    /// The message that began it.
    #[schema(value_type = schema::MessageId)]
    pub(crate) id: MessageId,
    #[schema(value_type = schema::TransactionKind)]
    pub(crate) kind: TransactionKind,
    pub(crate) status: Status,
    /// When it was first heard of here.
    #[schema(value_type = schema::Time)]
    pub(crate) began_at: Timestamp,
    /// Null for a swipe with an unknown card.
    #[schema(value_type = Option<schema::OwnerId>)]
    pub(crate) owner: Option<OwnerId>,
    #[schema(value_type = Option<schema::CardholderId>)]
    pub(crate) cardholder: Option<CardholderId>,
    #[schema(value_type = Option<schema::CardId>)]
    pub(crate) card: Option<CardId>,
    /// As presented.
    #[schema(value_type = schema::Token)]
    pub(crate) card_token: Token,
    #[schema(value_type = Option<schema::AccountId>)]
    pub(crate) account: Option<AccountId>,
    #[schema(value_type = MerchantView)]
    pub(crate) merchant: Merchant,
    /// What it comes to: what it took and still holds, or of a credit what it gave and is still to give; where
    /// nothing of it moved, what was asked. Null if that was no amount.
    #[schema(value_type = Option<schema::Decimal>)]
    pub(crate) amount: Option<String>,
    /// Of the amount; null if the code was none.
    #[schema(value_type = Option<schema::Currency>)]
    pub(crate) currency: Option<Currency>,
    #[serde(flatten)]
    pub(crate) books: Option<BooksView>,
    /// What the merchant charged, where that was in another currency.
    #[schema(value_type = Option<schema::Decimal>)]
    pub(crate) merchant_amount: Option<String>,
    /// The alphabetic code, or what the processor sent if there is none.
    pub(crate) merchant_currency: Option<String>,
    pub(crate) flags: Vec<Flag>,
    #[serde(skip)]
    pub(crate) amount_minor: Option<i64>,
}

/// What it did to its account; left out where there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BooksView {
    /// Held now.
    #[schema(value_type = schema::Decimal)]
    pub(super) held: String,
    /// Posted by it: credits and refunds less debits and captures.
    #[schema(value_type = schema::Decimal)]
    pub(super) posted: String,
    /// Refunded or credited by it: a part of what is posted.
    #[schema(value_type = schema::Decimal)]
    pub(super) given_back: String,
    /// Approved credit that has not cleared.
    #[schema(value_type = schema::Decimal)]
    pub(super) pending_credit: String,
    /// Of these four.
    #[schema(value_type = schema::Currency)]
    pub(super) account_currency: Currency,
}

impl TransactionView {
    /// `None` if what it adds up to is beyond 64 bits, or it was begun by no message about a card: neither is stored.
    pub(crate) fn new(purchase: &Purchase) -> Option<Self> {
        let messages = &purchase.messages;
        let first = messages.iter().find(|message| message.id == purchase.root)?;
        let of = first.authorization.as_ref()?;
        let total = total(&group_messages(messages.iter())).ok()?;
        let (amount_minor, currency) = amount(&total, of, purchase);
        let converted = latest_details(messages, |details| details.conversion.as_ref());
        let books = purchase.group.as_ref().map(|group| BooksView::new(&total, group.currency));
        let merchant_currency = converted.map(|of| {
            let code = of.original_currency.as_str();
            Currency::parse(code).map_or_else(|_| code.to_owned(), |currency| currency.code().to_owned())
        });
        Some(Self {
            id: first.id,
            kind: of.kind,
            status: Status::of(total.books.status, messages),
            began_at: first.at,
            owner: first.owner,
            cardholder: of.cardholder,
            card: of.card,
            card_token: of.card_token.clone(),
            account: of.account,
            merchant: of.merchant.clone(),
            amount: amount_minor.zip(currency).map(|(minor, currency)| decimal(minor, currency)),
            currency,
            books,
            merchant_amount: converted.map(|of| of.original_amount.as_str().to_owned()),
            merchant_currency,
            flags: flags(&total, messages),
            amount_minor,
        })
    }
}

impl BooksView {
    fn new(total: &Total, currency: Currency) -> Self {
        let decimal = |minor| decimal(minor, currency);
        Self {
            held: decimal(total.books.held_minor),
            posted: decimal(total.books.posted_minor),
            given_back: decimal(total.given_minor),
            pending_credit: decimal(total.books.pending_credit_minor),
            account_currency: currency,
        }
    }
}

/// What the messages say about their group.
pub(super) fn group_messages<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<GroupMessage> {
    messages.filter_map(|message| message.group_message()).map(|(_, message)| message).collect()
}

fn amount(total: &Total, of: &Authorization, purchase: &Purchase) -> (Option<i64>, Option<Currency>) {
    let spent = total.taken_minor.checked_add(total.books.held_minor);
    let credited = total.given_minor.checked_add(total.books.pending_credit_minor);
    let booked = purchase.group.as_ref().map(|group| group.currency);
    match (spent, credited, booked) {
        (Some(spent @ 1..), _, Some(currency)) => (Some(spent), Some(currency)),
        (_, Some(credited @ 1..), Some(currency)) => (Some(credited), Some(currency)),
        _ => (of.amount_minor, of.currency),
    }
}

/// What the latest message that tells it says: a clearing knows better than its authorization.
fn latest_details<'a, T>(
    messages: &'a [Message],
    part: impl Fn(&'a Details) -> Option<&'a T>,
) -> Option<&'a T> {
    let told = |message: &'a Message| {
        let details = message.authorization.as_ref()?.details.as_deref()?;
        Some((message.at, message.id, part(details)?))
    };
    messages.iter().filter_map(told).max_by_key(|&(at, id, _)| (at, id)).map(|(.., told)| told)
}

fn flags(total: &Total, messages: &[Message]) -> Vec<Flag> {
    let decided = group_messages(messages.iter().filter(|message| message.kind != ActionKind::Claim));
    let flags = [
        (latest_details(messages, |details| details.stand_in.as_ref()).is_some(), Flag::StandIn),
        (total.is_forced, Flag::Forced),
        (is_overruled(&decided), Flag::Overruled),
    ];
    flags.into_iter().filter_map(|(is_so, flag)| is_so.then_some(flag)).collect()
}
