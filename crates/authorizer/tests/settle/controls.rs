//! Spending controls under many callers at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bursar_core::control::{Rule, Scope};
use bursar_core::{Control, DeclineReason, Money, Window};
use bursar_store::Reader;
use bursar_testkit::given::{self, Call, Funded, jpy, usd};
use bursar_testkit::{NOON, Store, on_both_stores};
use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::support::{Desk, declined};

const CLIENTS: usize = 32;
const TURNS: usize = 40;

async fn control(desk: &Desk, account: &Funded, scope: Scope, rule: Rule) -> Control {
    let control = given::control(desk.ledger.as_ref(), account, scope, rule).await;
    desk.ledger.forget();
    control
}

/// Has clients swipe the cards in turn, from noon to past midnight, and returns how much was approved
/// and how often, by the day of the decision.
async fn swipe_across_midnight(desk: &Arc<Desk>, cards: Vec<Funded>) -> BTreeMap<String, (i64, u32)> {
    let turns = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (desk, turns, card) = (desk.clone(), turns.clone(), cards[client % cards.len()].clone());
        clients.spawn(async move {
            let mut approved = Vec::new();
            for turn in 0..TURNS {
                if turns.fetch_add(1, Ordering::SeqCst) == CLIENTS * TURNS / 2 {
                    desk.set_clock(NOON + SignedDuration::from_hours(12));
                }
                let minor = ((client * 7 + turn * 13) % 50 + 1) as i64;
                let call = given::authorization(&card, Money { minor, currency: card.currency });
                match declined(&desk.reply(&call).await) {
                    None => approved.push((call.command.id, minor)),
                    Some(DeclineReason::AmountLimitExceeded | DeclineReason::CountLimitExceeded) => {}
                    Some(reason) => panic!("{reason}"),
                }
            }
            approved
        });
    }
    let mut days: BTreeMap<String, (i64, u32)> = BTreeMap::new();
    for (id, minor) in clients.join_all().await.into_iter().flatten() {
        let record = desk.ledger.find_authorization(id).await.expect("readable").expect("stored");
        let day = days.entry(record.message.at.strftime("%F").to_string()).or_default();
        *day = (day.0 + minor, day.1 + 1);
    }
    days
}

/// The check of the books, when the desk is closed, recomputes every counter (V2).
async fn close(desk: Arc<Desk>) {
    Arc::into_inner(desk).expect("every client is done").close().await;
}

on_both_stores!(
    thirty_two_clients_on_one_card_stay_within_its_limit_on_both_sides_of_midnight,
    worker_threads = 4
);
async fn thirty_two_clients_on_one_card_stay_within_its_limit_on_both_sides_of_midnight(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("1000.00").await;
    control(&desk, &account, Scope::Card(account.card), given::limit(Window::Day, usd("5.00"))).await;
    control(&desk, &account, Scope::Card(account.card), given::uses(Window::Day, 40)).await;
    let days = swipe_across_midnight(&desk, vec![account]).await;
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days.values().all(|(minor, count)| (450..=500).contains(minor) && *count <= 40), "{days:?}");
    close(desk).await;
}

on_both_stores!(
    two_cards_on_two_accounts_of_one_owner_share_its_limit_on_both_sides_of_midnight,
    worker_threads = 4
);
async fn two_cards_on_two_accounts_of_one_owner_share_its_limit_on_both_sides_of_midnight(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let both = given::two_accounts(desk.ledger.as_ref(), [usd("1000.00"), jpy("100000")]).await;
    let owner = Scope::Owner(both[0].owner);
    control(&desk, &both[0], owner, given::uses(Window::Day, 30)).await;
    control(&desk, &both[0], owner, given::limit(Window::Day, usd("2.00"))).await;
    let days = swipe_across_midnight(&desk, both.to_vec()).await;
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days.values().all(|(_, count)| *count == 30), "every use was used, and no other: {days:?}");
    close(desk).await;
}

on_both_stores!(a_limit_that_was_cut_holds_for_all_that_starts_later, worker_threads = 4);
/// V3: once a cut is acknowledged, no request that starts later is approved above it.
async fn a_limit_that_was_cut_holds_for_all_that_starts_later(store: Store) {
    // A round is several batches of every client, and there each of them is two round trips.
    let cuts = match store {
        Store::Sqlite => 1_000,
        Store::Postgres => 100,
    };
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("1000000.00").await;
    let rule = |dollars| Some(given::limit(Window::Transaction, usd(dollars)));
    let limit = rule("1.00").expect("a rule");
    let limit = control(&desk, &account, Scope::Card(account.card), limit).await;
    let rounds = Arc::new(Rounds::default());
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        clients.spawn(swipe_until_the_end(desk.clone(), account.clone(), rounds.clone(), cuts));
    }
    for _ in 0..cuts {
        let change = |dollars| given::control_change(&limit, rule(dollars), None);
        assert_eq!(declined(&desk.reply(&change("0.10")).await), None);
        let seen = rounds.swipes.load(Ordering::SeqCst);
        rounds.epoch.fetch_add(1, Ordering::SeqCst);
        while rounds.swipes.load(Ordering::SeqCst) == seen {
            tokio::task::yield_now().await;
        }
        rounds.epoch.fetch_add(1, Ordering::SeqCst);
        assert_eq!(declined(&desk.reply(&change("1.00")).await), None);
    }
    let approved: usize = clients.join_all().await.into_iter().sum();
    assert!(approved > 0, "while the limit was high, something was approved");
    close(desk).await;
}

#[derive(Default)]
struct Rounds {
    /// Odd from the acknowledgement of a cut until the next raise is asked for.
    epoch: AtomicUsize,
    /// How many swipes began and ended under one acknowledged cut.
    swipes: AtomicUsize,
}

/// How often the client was approved.
async fn swipe_until_the_end(desk: Arc<Desk>, card: Funded, rounds: Arc<Rounds>, cuts: usize) -> usize {
    let mut approved = 0;
    loop {
        let before = rounds.epoch.load(Ordering::SeqCst);
        if before >= 2 * cuts {
            return approved;
        }
        let call: Call = given::authorization(&card, usd("0.50"));
        let is_approved = declined(&desk.reply(&call).await).is_none();
        approved += usize::from(is_approved);
        if before % 2 == 1 && rounds.epoch.load(Ordering::SeqCst) == before {
            assert!(!is_approved, "{call:?} began after a cut was acknowledged");
            rounds.swipes.fetch_add(1, Ordering::SeqCst);
        }
    }
}
