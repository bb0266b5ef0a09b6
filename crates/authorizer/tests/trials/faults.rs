//! A ledger that is right, whatever its link does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bursar_testkit::trial::{Door, Trial};
use bursar_testkit::{
    Deed, Fault, FaultyLedger, Meddler, Message, Place, PostgresPlace, Proxy, SqlitePlace,
    assert_books_are_right,
};

use crate::lanes::{Lanes, ledger};

/// Deliveries of a trial without a fault.
const DELIVERIES: u64 = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_store_all_is_as_it_was_told() {
    let place = SqlitePlace::new();
    let faulty = FaultyLedger::new(place.open());
    let trial = Trial::begin(faulty.clone(), vec![Lanes::over(faulty.clone())]).await;
    for _ in 0..10 {
        trial.deliveries(DELIVERIES / 10).await;
        faulty.lose_commits(1);
    }
    trial.end().await.assert_passed();
    assert_books_are_right(place.books());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_instances_all_is_as_it_was_told() {
    let place = PostgresPlace::new();
    let doors: Vec<Arc<dyn Door>> = vec![Lanes::over(place.open_ledger()), Lanes::over(place.open_ledger())];
    let trial = Trial::begin(place.open_ledger(), doors).await;
    trial.deliveries(DELIVERIES).await;
    trial.end().await.assert_passed();
    assert_books_are_right(place.books());
}

/// How often the link is cut between COMMIT and its reply.
const CUTS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_commits_whose_reply_is_cut_off_leave_no_contradiction_and_nothing_unresolved() {
    let place = PostgresPlace::new();
    let cuts = Arc::new(AtomicU64::new(0));
    let meddler = Meddler::to(place.server(), cutting_commits(Arc::clone(&cuts))).await;
    let ledger = ledger(&place, place.url_by(meddler.address())).await;
    let trial = Trial::begin(place.open_ledger(), vec![Lanes::over(ledger)]).await;
    while cuts.load(Ordering::Relaxed) < CUTS {
        trial.deliveries(50).await;
    }
    trial.end().await.assert_passed();
    assert_books_are_right(place.books());
}

/// Every third commit: of four, three after the server did it, and one before it sees it.
fn cutting_commits(cuts: Arc<AtomicU64>) -> impl Fn(&Message) -> Deed {
    let commits = AtomicU64::new(0);
    move |message| {
        if !message.is_query("commit") {
            return Deed::Pass;
        }
        match commits.fetch_add(1, Ordering::Relaxed) % 12 {
            2 => Deed::LoseRequest,
            5 | 8 | 11 => {
                cuts.fetch_add(1, Ordering::Relaxed);
                Deed::LoseAnswer
            }
            _ => Deed::Pass,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_link_of_one_of_two_instances_does_all_is_as_it_was_told() {
    let place = PostgresPlace::new();
    let link = Proxy::to(place.server()).await;
    let behind = ledger(&place, place.url_by(link.address())).await;
    let beside = place.open_ledger();
    let trial = Trial::begin(beside.clone(), vec![Lanes::over(behind), Lanes::over(beside)]).await;
    for _ in 0..2 {
        let faults = [
            (100, Fault::None),
            (100, Fault::Delay(Duration::from_millis(20))),
            (100, Fault::Throttle(100_000)),
            (100, Fault::CutAfter(50_000)),
            (50, Fault::HalfOpen),
            (100, Fault::None),
            (50, Fault::Cut),
        ];
        trial.suffer(&link, &faults).await;
    }
    trial.deliveries(100).await;
    trial.end().await.assert_passed();
    assert_books_are_right(place.books());
}
