//! Hold groups, as `/v1` shows them.

use bursar_core::hold_group::GroupMessage;
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Decided, GroupStatus, HoldGroup, MessageId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::AccountView;
use super::schema;
use super::view::decimal;

/// A hold group: an authorization and every later message about it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoldView {
    #[schema(value_type = schema::GroupStatus)]
    status: GroupStatus,
    /// Held now, in the account's currency.
    #[schema(value_type = schema::Decimal)]
    held: String,
    /// Posted by it: credits and refunds less debits and captures.
    #[schema(value_type = schema::Decimal)]
    posted: String,
    /// Approved credit that has not cleared.
    #[schema(value_type = schema::Decimal)]
    pending_credit: String,
    /// In the order of the processor's clock.
    messages: Vec<HoldMessageView>,
}

/// One message of a hold group.
#[derive(Debug, Serialize, ToSchema)]
struct HoldMessageView {
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    /// The door by which it came: of a processor's transaction, what is reported outranks what was decided.
    #[schema(value_type = schema::MessageSource)]
    source: Source,
    /// The sender's id of it: a transaction token, an idempotency key.
    #[schema(value_type = schema::Token)]
    token: Token,
    #[schema(value_type = schema::Time)]
    processor_time: Timestamp,
    /// `none`, `hold`, `replace`, `debit`, `credit`, `pending_credit`, `replace_credit`, `release`, `release_credit`,
    /// `reverse_all`, `expire`, `capture`, `final_capture`, `clear_credit`, `undo_debit` or `undo_credit`.
    effect: &'static str,
    /// What it holds, moves or releases; null for what releases all that is left. A final capture
    /// releases beside it what is left.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
}

impl HoldView {
    /// `None` if what is held is beyond 64 bits, which no approval can lead to.
    pub(super) fn new(group: &HoldGroup) -> Option<Self> {
        let (books, currency) = (group.books().ok()?, group.currency);
        let mut messages: Vec<&GroupMessage> = group.messages.iter().collect();
        messages.sort_by_key(|message| (message.processor_time, message.id));
        let view = |message: &GroupMessage| {
            let (effect, amount_minor) = message.effect.parts();
            HoldMessageView {
                id: message.id,
                source: message.key.source,
                token: message.key.token.clone(),
                processor_time: message.processor_time,
                effect,
                amount: amount_minor.map(|minor| decimal(minor, currency)),
            }
        };
        Some(Self {
            status: books.status,
            held: decimal(books.held_minor, currency),
            posted: decimal(books.posted_minor, currency),
            pending_credit: decimal(books.pending_credit_minor, currency),
            messages: messages.into_iter().map(view).collect(),
        })
    }
}

/// What a release, a capture or a refund leaves of a hold group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoldChangeView {
    #[schema(value_type = schema::MessageId)]
    message: MessageId,
    /// The authorization that began the hold group.
    #[schema(value_type = schema::MessageId)]
    authorization: MessageId,
    /// The hold group's: `open` as long as something is held, else `reversed`, `expired` or `closed`.
    #[schema(value_type = schema::GroupStatus)]
    status: GroupStatus,
    /// What the hold group still holds.
    #[schema(value_type = schema::Decimal)]
    held: String,
    /// What the hold group has posted: refunds less captures.
    #[schema(value_type = schema::Decimal)]
    posted: String,
    /// The owner's number of it.
    owner_sequence: i64,
    /// When it was decided.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// The account after it.
    account: AccountView,
}

impl HoldChangeView {
    pub(super) fn of(decided: &Decided) -> Option<Self> {
        let (message, hold) = (&decided.message, decided.hold?);
        let account = decided.account.as_ref()?;
        Some(Self {
            message: message.id,
            authorization: message.group.as_ref()?.root,
            status: hold.status,
            held: decimal(hold.held_minor, account.currency),
            posted: decimal(hold.posted_minor, account.currency),
            owner_sequence: message.owner_sequence?,
            at: message.at,
            account: AccountView::from(account),
        })
    }
}
