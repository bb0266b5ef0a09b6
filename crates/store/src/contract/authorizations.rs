//! Lists of authorizations.

use bursar_core::MessageId;
use bursar_core::command::{GroupRef, Says};

use super::given::{self, Funded, usd};
use crate::ledger::Ledger;
use crate::reader::{AuthorizationFilter, Page, Totals};

pub(super) async fn authorizations_are_listed_in_both_orders_and_in_pages(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let mut expected = Vec::new();
    for minor in ["1.00", "2.00", "3.00", "4.00", "500.00"] {
        expected.push(given::sent(ledger, &given::authorization(&account, usd(minor))).await.id());
        // What lies between is no authorization.
        given::sent(ledger, &given::load(&account, usd("1.00"))).await;
    }
    let unknown = given::unknown_card(&given::new_token("card"), usd("1.00"));
    expected.push(given::sent(ledger, &unknown).await.id());
    let oldest_first = AuthorizationFilter::default();
    assert_eq!(listed(ledger, oldest_first).await, expected);
    expected.reverse();
    let newest_first = AuthorizationFilter { newest_first: true, ..oldest_first };
    assert_eq!(listed(ledger, newest_first).await, expected);
}

pub(super) async fn authorizations_are_listed_by_owner_and_by_card(ledger: &dyn Ledger) {
    let first = given::account(ledger, usd("100.00")).await;
    let colleague = given::another_holder(ledger, &first).await;
    let other = given::account(ledger, usd("100.00")).await;
    let swipe = async |funded: &Funded| {
        let call = given::authorization(funded, usd("1.00"));
        given::sent(ledger, &call).await.id()
    };
    let (a, b, c, d) =
        (swipe(&first).await, swipe(&other).await, swipe(&colleague).await, swipe(&first).await);
    let of_owner = |owner| AuthorizationFilter { owner: Some(owner), ..AuthorizationFilter::default() };
    let of_card = |card| AuthorizationFilter { card: Some(card), ..AuthorizationFilter::default() };
    assert_eq!(listed(ledger, of_owner(first.owner)).await, [a, c, d]);
    assert_eq!(listed(ledger, of_owner(other.owner)).await, [b]);
    assert_eq!(listed(ledger, of_card(first.card)).await, [a, d]);
    assert_eq!(listed(ledger, of_card(colleague.card)).await, [c]);
    let both = AuthorizationFilter { card: Some(first.card), ..of_owner(other.owner) };
    assert_eq!(listed(ledger, both).await, []);
}

/// Everything that the filter wants, two at a time. Positions go one way.
async fn listed(ledger: &dyn Ledger, filter: AuthorizationFilter) -> Vec<MessageId> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let slice = ledger.list_authorizations(filter, Page { after, limit: 2 }).await.expect("readable");
        assert!(slice.items.len() <= 2);
        for item in slice.items {
            let goes_on = after.is_none_or(|after| (item.position < after) == filter.newest_first);
            assert!(goes_on && after != Some(item.position));
            after = Some(item.position);
            found.push(item.message.id);
        }
        match slice.next {
            None => return found,
            next => after = next,
        }
    }
}

pub(super) async fn only_authorizations_are_found_as_such(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let load = given::sent(ledger, &given::load(&account, usd("1.00"))).await.id();
    let first = given::sent(ledger, &given::authorization(&account, usd("1.00"))).await.id();
    let reversal = given::reversal(&account, GroupRef::Message(first));
    let reversal = given::sent(ledger, &reversal).await.id();
    for other in [load, reversal, MessageId::new(given::id()), MessageId::new(account.program.uuid())] {
        assert_eq!(ledger.find_authorization(other).await, Ok(None));
    }
    let record = ledger.find_authorization(first).await.expect("readable").expect("stored");
    let group = record.group.expect("a group");
    assert_eq!((group.root, group.card, group.account), (first, account.card, account.account));
    assert_eq!(group.messages.len(), 2);
}

pub(super) async fn what_is_told_beside_the_amounts_is_read_back(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let told = |id| async move {
        let record = ledger.find_authorization(id).await.expect("readable").expect("stored");
        record.message.authorization.expect("an authorization").details
    };
    let details = Some(Box::new(given::details()));
    let plain = given::sent(ledger, &given::authorization(&account, usd("1.00"))).await.id();
    assert_eq!(told(plain).await, None);
    let abroad = given::authorization(&account, usd("2.00")).message("t-1");
    let abroad = abroad.asking(|asked| asked.details.clone_from(&details));
    assert_eq!(told(given::sent(ledger, &abroad).await.id()).await, details);
    let clearing = given::report(&account, "t-2", Says::Capture, usd("2.00")).following("t-1");
    let clearing = given::sent(ledger, &clearing.telling(given::details())).await.id();
    assert_eq!(told(clearing).await, details);
}

pub(super) async fn open_holds_are_counted(ledger: &dyn Ledger) {
    let first = given::account(ledger, usd("100.00")).await;
    let second = given::account(ledger, usd("100.00")).await;
    let held = given::sent(ledger, &given::authorization(&first, usd("1.00"))).await.id();
    given::sent(ledger, &given::authorization(&second, usd("1.00"))).await;
    given::sent(ledger, &given::authorization(&second, usd("0.00"))).await;
    assert_eq!(ledger.totals().await, Ok(Totals { open_holds: 2 }));
    given::sent(ledger, &given::reversal(&first, GroupRef::Message(held))).await;
    assert_eq!(ledger.totals().await, Ok(Totals { open_holds: 1 }));
}
