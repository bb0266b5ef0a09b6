//! A message takes effect once and has one answer, for ever (M1 to M3).

use bursar_core::message::Source;
use bursar_core::{DeclineReason, Outcome};

use super::given::{self, Sent, usd};
use crate::ledger::{Ledger, Settled};

pub(super) async fn one_message_sent_twice_holds_money_once(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00")).message("auth-1");
    let first = given::sent(ledger, &swipe).await;
    let second = given::sent(ledger, &swipe.again()).await;
    assert!(first.is_approved() && second.is_repeated());
    assert_eq!(first.answer, second.answer);
    assert_eq!(given::available(ledger, &account).await, usd("70.00"));
}

pub(super) async fn a_decline_stays_a_decline_after_money_came(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("10.00")).await;
    let swipe = given::authorization(&account, usd("30.00"));
    let first = given::sent(ledger, &swipe).await;
    assert_eq!(first.declined(), Some(DeclineReason::InsufficientFunds));
    given::sent(ledger, &given::load(&account, usd("90.00"))).await;
    let second = given::sent(ledger, &swipe.again()).await;
    assert!(second.is_repeated());
    assert_eq!(first.answer, second.answer);
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn the_same_token_with_other_content_is_a_conflict_without_effect(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00")).message("auth-1");
    let first = given::sent(ledger, &swipe).await;
    given::conflicting(ledger, &given::authorization(&account, usd("30.01")).message("auth-1")).await;
    assert_eq!(given::available(ledger, &account).await, usd("70.00"));
    assert_eq!(given::sent(ledger, &swipe.again()).await.answer, first.answer);
}

pub(super) async fn two_copies_in_one_batch_have_one_effect_and_one_answer(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00"));
    let settled = given::batch(ledger, &[swipe.clone(), swipe.again()]).await;
    let answers: Vec<Sent> = settled.into_iter().map(Sent::of).collect();
    assert!(answers[0].is_approved() && answers[1].is_repeated());
    assert_eq!(answers[0].answer, answers[1].answer);
    assert_eq!(given::available(ledger, &account).await, usd("70.00"));
}

pub(super) async fn a_copy_with_other_content_in_one_batch_is_a_conflict(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipes =
        ["30.00", "40.00"].map(|amount| given::authorization(&account, usd(amount)).message("auth-1"));
    let settled = given::batch(ledger, &swipes).await;
    assert!(matches!(settled[0], Settled::Done(Outcome::Decided(..))));
    assert!(matches!(settled[1], Settled::Done(Outcome::Conflict)));
    assert_eq!(given::available(ledger, &account).await, usd("70.00"));
}

pub(super) async fn the_same_token_by_another_door_is_another_message(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00")).message("auth-1");
    let mut by_api = swipe.again();
    by_api.command.key.source = Source::Api;
    assert!(given::sent(ledger, &swipe).await.is_approved());
    assert!(given::sent(ledger, &by_api).await.is_approved());
    assert_eq!(given::available(ledger, &account).await, usd("40.00"));
}

pub(super) async fn an_unknown_card_claims_the_token(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let card_token = given::new_token("card");
    let swipe = given::unknown_card(&card_token, usd("30.00"));
    let first = given::sent(ledger, &swipe).await;
    assert_eq!(first.declined(), Some(DeclineReason::CardUnknown));
    let card = given::new_card(account.owner, account.cardholder, account.account).tokened(&card_token);
    given::sent(ledger, &card).await;
    let route = ledger.find_route(&card_token).await.expect("readable");
    assert!(route.is_some());
    // The card is known by now, and the content is the same: the token was answered.
    let known = swipe.again().asking(|authorize| authorize.route = route);
    let second = given::sent(ledger, &known).await;
    assert_eq!(first.answer, second.answer);
    let key = swipe.key().token.as_str();
    given::conflicting(ledger, &given::authorization(&account, usd("1.00")).message(key)).await;
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}
