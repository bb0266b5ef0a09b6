//! Who may spend: each check on what the ledger has stored.

use bursar_core::command::Actor;
use bursar_core::{CardStatus, CardholderStatus, CheckName, DeclineReason, OwnerStatus};

use super::given::{self, usd};
use crate::ledger::Ledger;

pub(super) async fn an_unknown_card_is_declined(ledger: &dyn Ledger) {
    let swipe = given::unknown_card(&given::new_token("card"), usd("1.00"));
    let sent = given::sent(ledger, &swipe).await;
    assert_eq!(sent.declined(), Some(DeclineReason::CardUnknown));
    let record = ledger.find_authorization(sent.id()).await.expect("readable").expect("stored");
    assert_eq!((record.message.owner, record.group), (None, None));
    assert_eq!(record.answer, sent.answer);
}

pub(super) async fn a_card_of_another_cardholder_is_declined(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let colleague = given::another_holder(ledger, &account).await;
    let own = given::authorization(&account, usd("1.00")).acting(&account);
    assert!(given::sent(ledger, &own).await.is_approved());
    let unknown = given::authorization(&account, usd("1.00")).asking(|authorize| {
        authorize.acting = Some(Actor { token: given::new_token("user"), cardholder: None });
    });
    for swipe in [given::authorization(&account, usd("1.00")).acting(&colleague), unknown] {
        let declined = given::sent(ledger, &swipe).await.declined();
        assert_eq!(declined, Some(DeclineReason::CardOfAnotherCardholder));
    }
    assert_eq!(given::available(ledger, &account).await, usd("99.00"));
}

pub(super) async fn only_an_active_card_is_funded(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for (to, declined) in [
        (CardStatus::Suspended, Some(DeclineReason::CardNotActive)),
        (CardStatus::Active, None),
        (CardStatus::Terminated, Some(DeclineReason::CardNotActive)),
    ] {
        given::sent(ledger, &given::card_move(&account, to)).await;
        let swipe = given::authorization(&account, usd("1.00"));
        assert_eq!(given::sent(ledger, &swipe).await.declined(), declined, "{to}");
    }
}

pub(super) async fn only_a_cardholder_who_may_spend_is_funded(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let payer = given::another_holder(ledger, &account).await;
    for (to, declined) in [
        (CardholderStatus::Suspended, Some(DeclineReason::CardholderNotActive)),
        (CardholderStatus::Limited, None),
        (CardholderStatus::Active, None),
        (CardholderStatus::Unverified, Some(DeclineReason::CardholderNotActive)),
        (CardholderStatus::Closed, Some(DeclineReason::CardholderNotActive)),
    ] {
        given::sent(ledger, &given::cardholder_move(&payer, to)).await;
        let own = given::authorization(&payer, usd("1.00"));
        assert_eq!(given::sent(ledger, &own).await.declined(), declined, "acting {to}");
        let paid_for = given::authorization(&account, usd("1.00"))
            .acting(&account)
            .asking(|authorize| authorize.paying = Some(payer.actor()));
        assert_eq!(given::sent(ledger, &paid_for).await.declined(), declined, "paying {to}");
    }
}

pub(super) async fn only_an_active_owner_is_funded(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for (to, declined) in [
        (OwnerStatus::Suspended, Some(DeclineReason::OwnerNotActive)),
        (OwnerStatus::Active, None),
        (OwnerStatus::Closed, Some(DeclineReason::OwnerNotActive)),
    ] {
        given::sent(ledger, &given::owner_move(&account, to)).await;
        for call in [
            given::authorization(&account, usd("1.00")),
            given::load(&account, usd("1.00")),
            given::unload(&account, usd("1.00")),
        ] {
            assert_eq!(given::sent(ledger, &call).await.declined(), declined, "{to}");
        }
    }
}

pub(super) async fn a_person_spends_from_the_own_wallet(ledger: &dyn Ledger) {
    let wallet = given::wallet(ledger, usd("20.00")).await;
    let swipe = given::authorization(&wallet, usd("20.00")).acting(&wallet);
    assert!(given::sent(ledger, &swipe).await.is_approved());
    assert_eq!(given::available(ledger, &wallet).await, usd("0.00"));
}

pub(super) async fn everything_that_was_checked_is_read_back(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("10.00")).await;
    let swipe = given::authorization(&account, usd("30.00")).acting(&account);
    let sent = given::sent(ledger, &swipe).await;
    let record = ledger.find_authorization(sent.id()).await.expect("readable").expect("stored");
    let decided = sent.decided.expect("decided now");
    assert_eq!(record.message, decided.message);
    let authorization = record.message.authorization.expect("an authorization");
    let names: Vec<CheckName> = authorization.checks.iter().map(|check| check.check).collect();
    let always = CheckName::ALL.iter().copied().filter(|name| !name.is_of_control());
    assert_eq!(names, always.collect::<Vec<_>>());
    let last = authorization.checks.last().expect("the balance");
    assert_eq!((last.wanted_minor, last.available_minor), (Some(3_000), Some(1_000)));
}
