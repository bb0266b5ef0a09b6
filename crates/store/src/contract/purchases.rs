//! Purchases: lists of them, and one by any of its messages.

use bursar_core::command::{GroupRef, Says};
use bursar_core::text::FreeText;
use bursar_core::{Mcc, MessageId};

use super::given::{self, Funded, usd};
use crate::ledger::Ledger;
use crate::purchase::{Purchase, PurchaseFilter};
use crate::reader::Page;

/// Everything that the filter wants, two at a time. Positions go down.
async fn listed(ledger: &dyn Ledger, filter: &PurchaseFilter) -> Vec<Purchase> {
    let mut found: Vec<Purchase> = Vec::new();
    let mut after = None;
    loop {
        let slice = ledger.list_purchases(filter, Page { after, limit: 2 }).await.expect("readable");
        assert!(slice.items.len() <= 2);
        for item in slice.items {
            assert!(found.last().is_none_or(|last| item.position < last.position));
            found.push(item);
        }
        match slice.next {
            None => return found,
            next => after = next,
        }
    }
}

async fn roots(ledger: &dyn Ledger, filter: &PurchaseFilter) -> Vec<MessageId> {
    listed(ledger, filter).await.iter().map(|purchase| purchase.root).collect()
}

async fn swipe(ledger: &dyn Ledger, funded: &Funded) -> MessageId {
    given::sent(ledger, &given::authorization(funded, usd("1.00"))).await.id()
}

pub(super) async fn purchases_are_listed_newest_first_with_all_their_messages(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = swipe(ledger, &account).await;
    given::sent(ledger, &given::load(&account, usd("1.00"))).await;
    let unknown = given::unknown_card(&given::new_token("card"), usd("1.00"));
    let unknown = given::sent(ledger, &unknown).await.id();
    let more = given::increment(&account, GroupRef::Message(first), usd("2.00"));
    let more = given::sent(ledger, &more).await.id();
    let declined = given::authorization(&account, usd("500.00"));
    let declined = given::sent(ledger, &declined).await.id();
    let captured = given::capture(&account, GroupRef::Message(first), usd("3.00"));
    let captured = given::sent(ledger, &captured).await.id();
    let expected =
        vec![(declined, vec![declined]), (unknown, vec![unknown]), (first, vec![first, more, captured])];
    let ids = |purchase: &Purchase| {
        let mut ids: Vec<MessageId> = purchase.messages.iter().map(|message| message.id).collect();
        ids.sort();
        (purchase.root, ids)
    };
    let all = listed(ledger, &PurchaseFilter::default()).await;
    assert_eq!(all.iter().map(ids).collect::<Vec<_>>(), expected);
    assert!(all[1].group.is_none() && all[2].group.as_ref().is_some_and(|group| group.messages.len() == 3));
    let of_owner = PurchaseFilter { owner: Some(account.owner), ..PurchaseFilter::default() };
    assert_eq!(roots(ledger, &of_owner).await, [declined, first]);
}

pub(super) async fn each_filter_finds_purchases_and_excludes_others(ledger: &dyn Ledger) {
    let first = given::account(ledger, usd("100.00")).await;
    let colleague = given::another_holder(ledger, &first).await;
    let other = given::account(ledger, usd("100.00")).await;
    let (a, b, c) =
        (swipe(ledger, &first).await, swipe(ledger, &other).await, swipe(ledger, &colleague).await);
    let elsewhere = given::authorization(&first, usd("1.00")).asking(|asked| {
        asked.merchant.mcc = Mcc::parse("5411").ok();
        asked.merchant.id = Some(given::token("shop-7"));
        asked.merchant.name = Some(FreeText::new("Épicerie ÉTOILE"));
    });
    let d = given::sent(ledger, &elsewhere).await.id();
    let any = PurchaseFilter::default;
    let merchant = |text: &str| PurchaseFilter { merchant: Some(text.into()), ..any() };
    let mccs = |codes: &[&str]| {
        let mccs = codes.iter().map(|code| Mcc::parse(code).expect("a category")).collect();
        PurchaseFilter { mccs, ..any() }
    };
    for (filter, expected) in [
        (any(), vec![d, c, b, a]),
        (PurchaseFilter { owner: Some(first.owner), ..any() }, vec![d, c, a]),
        (PurchaseFilter { owner: Some(other.owner), ..any() }, vec![b]),
        (PurchaseFilter { card: Some(colleague.card), ..any() }, vec![c]),
        (PurchaseFilter { cardholder: Some(first.cardholder), ..any() }, vec![d, a]),
        (PurchaseFilter { account: Some(first.account), ..any() }, vec![d, c, a]),
        (PurchaseFilter { owner: Some(other.owner), card: Some(first.card), ..any() }, vec![]),
        (PurchaseFilter { owner: Some(first.owner), card: Some(first.card), ..any() }, vec![d, a]),
        (merchant("shop-7"), vec![d]),
        (merchant("shop"), vec![]),
        (merchant("étoile"), vec![d]),
        (merchant("CAFÉ"), vec![c, b, a]),
        (merchant("%"), vec![]),
        (PurchaseFilter { owner: Some(first.owner), ..merchant("café") }, vec![c, a]),
        (mccs(&["5411"]), vec![d]),
        (mccs(&["5411", "5812"]), vec![d, c, b, a]),
        (mccs(&["5999"]), vec![]),
    ] {
        assert_eq!(roots(ledger, &filter).await, expected, "{filter:?}");
    }
}

pub(super) async fn purchases_are_found_by_the_time_that_they_began(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let other = given::account(ledger, usd("100.00")).await;
    let mut begun = Vec::new();
    for of in [&account, &other, &account] {
        let sent = given::sent(ledger, &given::authorization(of, usd("1.00"))).await;
        begun.push((sent.id(), sent.decided.expect("decided now").message.at));
    }
    let all: Vec<MessageId> = begun.iter().rev().map(|(id, _)| *id).collect();
    let (first, last) = (begun[0].1, begun[2].1);
    for owner in [None, Some(account.owner)] {
        let expected: Vec<MessageId> = match owner {
            None => all.clone(),
            Some(_) => vec![all[0], all[2]],
        };
        let then = |from, to| PurchaseFilter { owner, from, to, ..PurchaseFilter::default() };
        let hour = jiff::SignedDuration::from_hours(2);
        for (filter, expected) in [
            (then(Some(first), None), expected.clone()),
            (then(Some(first), Some(last + hour)), expected.clone()),
            (then(None, Some(first)), vec![]),
            (then(Some(last + hour), None), vec![]),
            (then(Some(first - hour), Some(first)), vec![]),
        ] {
            assert_eq!(roots(ledger, &filter).await, expected, "{filter:?}");
        }
    }
}

pub(super) async fn a_cursor_of_another_owner_s_list_goes_on_behind_its_place(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let other = given::account(ledger, usd("100.00")).await;
    let first = swipe(ledger, &account).await;
    swipe(ledger, &other).await;
    swipe(ledger, &account).await;
    let any = PurchaseFilter::default();
    let others = listed(ledger, &PurchaseFilter { owner: Some(other.owner), ..any.clone() }).await;
    let page = Page { after: Some(others[0].position), limit: 2 };
    for owner in [None, Some(account.owner)] {
        let filter = PurchaseFilter { owner, ..any.clone() };
        let slice = ledger.list_purchases(&filter, page).await.expect("readable");
        assert_eq!(slice.items.iter().map(|item| item.root).collect::<Vec<_>>(), [first]);
    }
}

pub(super) async fn a_purchase_is_found_by_any_of_its_messages_with_what_was_kept(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::authorization(&account, usd("30.00")).message("t-1");
    let first = given::sent(ledger, &first).await.id();
    let clearing = given::report(&account, "t-2", Says::Capture, usd("30.00")).following("t-1");
    let clearing = given::sent(ledger, &clearing).await.id();
    let unbooked = given::report(&account, "t-1", Says::Hold, given::jpy("30"));
    let unbooked = given::sent(ledger, &unbooked).await;
    assert!(unbooked.declined().is_some());
    let alone = swipe(ledger, &account).await;
    let found = ledger.find_purchase(first).await.expect("readable").expect("a purchase");
    assert_eq!((found.root, found.messages.len()), (first, 2));
    assert_eq!(found.kept.iter().map(|kept| kept.id).collect::<Vec<_>>(), [unbooked.id()]);
    assert_eq!(ledger.find_purchase(clearing).await, Ok(Some(found)));
    let load = given::sent(ledger, &given::load(&account, usd("1.00"))).await.id();
    assert_eq!(ledger.find_purchase(load).await, Ok(None));
    assert_eq!(ledger.find_purchase(MessageId::new(given::id())).await, Ok(None));
    let by_any = ledger.find_purchase(alone).await.expect("readable").expect("a purchase");
    assert_eq!((by_any.messages.len(), by_any.kept.len()), (1, 0));
    // Many at once, each once, without what was not booked.
    let unknown = MessageId::new(given::id());
    let mut found = ledger.find_purchases(&[alone, clearing, first, load, unknown]).await.expect("readable");
    found.sort_by_key(|purchase| purchase.position);
    let found: Vec<_> = found.iter().map(|of| (of.root, of.messages.len(), of.kept.len())).collect();
    assert_eq!(found, [(first, 2, 0), (alone, 1, 0)]);
    assert_eq!(ledger.find_purchases(&[]).await, Ok(Vec::new()));
}
