//! Calls that release what a hold group holds.

use bursar_core::command::{Expire, GroupRef, Reverse};
use bursar_core::message::Source;
use bursar_core::{Action, Money};

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
    let expire = Expire { owner: Some(funded.owner), group };
    Call::new(Source::Api, Action::Expire(expire))
}
