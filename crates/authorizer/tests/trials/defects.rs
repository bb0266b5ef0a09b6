//! Defects that a ledger can have, one of each class, seeded between it and its database: the verdict finds
//! each of them. Else it could not fail.

use std::sync::Arc;

use bursar_testkit::meddler::every;
use bursar_testkit::trial::{Door, Judged, Trial};
use bursar_testkit::{Deed, FaultyLedger, Meddler, Message, Pooler, PostgresPlace};

use crate::lanes::ledger;

const DELIVERIES: u64 = 1000;

/// A trial of these ledgers themselves, by what their port promises.
async fn judged(place: &PostgresPlace, doors: Vec<Arc<dyn Door>>) -> Judged {
    let trial = Trial::begin(place.open_ledger(), doors).await;
    trial.deliveries(DELIVERIES).await;
    trial.end().await
}

/// Of two instances with a defect that shows in what they send.
async fn judged_with(defect: impl Fn(&Message) -> Deed + Send + Sync + 'static) -> Judged {
    let (place, defect) = (PostgresPlace::new(), Arc::new(defect));
    let mut doors: Vec<Arc<dyn Door>> = Vec::new();
    for _ in 0..2 {
        let defect = Arc::clone(&defect);
        let meddler = Meddler::to(place.server(), move |message| defect(message)).await;
        doors.push(ledger(&place, place.url_by(meddler.address())).await);
    }
    judged(&place, doors).await
}

/// Another text in the place of this one, wherever it is sent.
fn with(text: &'static str, by: &'static str) -> impl Fn(&Message) -> Deed {
    move |message| message.replace(text, by).map_or(Deed::Pass, Deed::Instead)
}

/// The crash after some of the replies is what shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_before_the_commit_breaks_d1() {
    let is_lost = |message: &Message| match message.is_query("commit") {
        true => message.replace("commit", "rollback").map(Deed::Instead),
        false => None,
    };
    judged_with(every(20, is_lost)).await.assert_broke("D1");
}

/// The statement without its lock, if it has one.
fn unlocked(message: &Message) -> Option<Message> {
    let locks = [" for update of owners nowait", " for update"];
    locks.iter().find_map(|lock| message.replace(lock, ""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_that_is_checked_without_the_lock_breaks_l3() {
    let unlock = |message: &Message| unlocked(message).map_or(Deed::Pass, Deed::Instead);
    judged_with(unlock).await.assert_broke("L3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_that_are_taken_to_be_as_they_are_remembered_break_l3() {
    let unseen = with(" using (id, sequence, last_at, controls_version)", " using (id)");
    judged_with(unseen).await.assert_broke("L3");
}

/// What `for update` under repeatable read does where the row that is locked is not written: waiting for
/// the lock does not refresh what is read. Here the statement that reads balances waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_are_older_than_the_lock_break_l3() {
    let late = |message: &Message| {
        let locked = "with locked as materialized (select 1 from owners order by id for update)";
        let changed = message
            // Nothing is decided on what is remembered.
            .replace("count(*) = cardinality($2) as as_known", "false as as_known")
            .or_else(|| message.replace("order by id for update ", "order by id "))
            .or_else(|| {
                let (select, from) = ("select id, owner, currency,", " from accounts where id");
                message
                    .replace(select, &format!("{locked} {select}"))?
                    .replace(from, &format!(", (select count(*) from locked) as waited{from}"))
            });
        changed.map_or(Deed::Pass, Deed::Instead)
    };
    judged_with(late).await.assert_broke("L3");
}

/// Each decision writes its owner's row, so the server refuses one whose snapshot is older than the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_repeatable_read_the_server_refuses_what_would_break_something() {
    let judged = judged_with(with("isolation level read committed", "isolation level repeatable read")).await;
    judged.assert_passed();
    assert!(judged.told.failed > 0, "{:?}", judged.told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_error_that_is_taken_for_a_failure_breaks_d3() {
    let place = PostgresPlace::new();
    let is_cut = |message: &Message| message.is_query("commit").then_some(Deed::LoseAnswer);
    let meddler = Meddler::to(place.server(), every(10, is_cut)).await;
    let faulty = FaultyLedger::new(ledger(&place, place.url_by(meddler.address())).await);
    faulty.deny_unknown();
    judged(&place, vec![faulty]).await.assert_broke("D3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_that_is_not_stored_breaks_d1() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    place.execute(
        "create function forget() returns trigger language plpgsql as $$ begin return null; end $$;
         create trigger forget before insert on messages for each row
         when (new.declined is not null) execute function forget()",
    );
    judged(&place, vec![ledger]).await.assert_broke("D1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_transaction_that_is_left_in_the_pool_breaks_d3() {
    let place = PostgresPlace::new();
    let pooler = Pooler::to(place.server(), 20).await;
    let ledger = ledger(&place, place.url_by(pooler.address())).await;
    judged(&place, vec![ledger]).await.assert_broke("D3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standing_data_that_is_taken_to_be_as_it_is_remembered_breaks_v3() {
    let place = PostgresPlace::new();
    let doors: Vec<Arc<dyn Door>> = vec![place.open_ledger(), place.open_ledger()];
    place.execute("drop trigger cards_stand on cards");
    judged(&place, doors).await.assert_broke("V3");
}
