//! Calls that release or capture what a hold group holds, or give it back.

use bursar_core::command::{Capture, Expire, GroupRef, Refund, Reverse};
use bursar_core::message::Source;
use bursar_core::{Action, MessageId, Money};

use super::Funded;
use super::call::{Call, amount};

/// Release of all that the group holds.
#[must_use]
pub fn reversal(funded: &Funded, group: GroupRef) -> Call {
    let reverse = Reverse { owner: Some(funded.owner), group, amount: None };
    Call::new(Source::Api, Action::Reverse(reverse))
}

/// Release of so much of it.
#[must_use]
pub fn partial_reversal(funded: &Funded, group: GroupRef, money: Money) -> Call {
    let amount = Some(amount(money));
    let reverse = Reverse { owner: Some(funded.owner), group, amount };
    Call::new(Source::Api, Action::Reverse(reverse))
}

/// The end of a group that was held long enough.
#[must_use]
pub fn expiry(funded: &Funded, group: GroupRef) -> Call {
    let expire = Expire { owner: Some(funded.owner), group, last: None };
    Call::new(Source::Api, Action::Expire(expire))
}

/// The same for who looked at it when this was its last message.
#[must_use]
pub fn expiry_after(funded: &Funded, last: MessageId) -> Call {
    let expire = Expire { owner: Some(funded.owner), group: GroupRef::Message(last), last: Some(last) };
    Call::new(Source::Sweeper, Action::Expire(expire))
}

/// So much of it was captured, and more may follow.
#[must_use]
pub fn capture(funded: &Funded, group: GroupRef, money: Money) -> Call {
    let capture = Capture { owner: Some(funded.owner), group, amount: amount(money), is_final: false };
    Call::new(Source::Api, Action::Capture(capture))
}

/// So much of it was captured, and no more follows.
#[must_use]
pub fn final_capture(funded: &Funded, group: GroupRef, money: Money) -> Call {
    let capture = Capture { owner: Some(funded.owner), group, amount: amount(money), is_final: true };
    Call::new(Source::Api, Action::Capture(capture))
}

/// So much of what was captured is given back.
#[must_use]
pub fn refund(funded: &Funded, group: GroupRef, money: Money) -> Call {
    let refund = Refund { owner: Some(funded.owner), group, amount: amount(money) };
    Call::new(Source::Api, Action::Refund(refund))
}
