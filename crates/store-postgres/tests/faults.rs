//! What is lost, cut or damaged between a ledger and its database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bursar_core::check::DeclineReason;
use bursar_core::{Fault, Outcome};
use bursar_store::contract::given::{self, Call, Funded, Sent, usd};
use bursar_store::contract::{Place, assert_books_are_right};
use bursar_store::{Batch, Ledger, Reader, Settled, StoreError};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{Deed, Gate, Meddler, Message, PostgresPlace};
use tokio_postgres::{Client, NoTls};

fn batch(call: &Call) -> Batch {
    Batch { members: vec![call.member()], ..Batch::default() }
}

async fn given_account(place: &PostgresPlace) -> (Arc<PostgresLedger>, Funded) {
    let ledger = place.open_ledger();
    let funded = given::account(ledger.as_ref(), usd("100.00")).await;
    (ledger, funded)
}

/// A ledger whose lanes wait longer than any test.
async fn patient(place: &PostgresPlace) -> (Arc<PostgresLedger>, Funded) {
    let long = Duration::from_secs(600);
    let options = Options { lane_timeout: long, lock_timeout: long, ..place.options() };
    let ledger = Arc::new(PostgresLedger::open(options).await.expect("a database of its own"));
    let funded = given::account(ledger.as_ref(), usd("100.00")).await;
    (ledger, funded)
}

/// A connection of an operator's.
async fn by_hand(place: &PostgresPlace) -> Client {
    let (client, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
    tokio::spawn(connection);
    client
}

/// Ends all connections but the one that asks for it.
const END_ALL: &str = "select pg_terminate_backend(pid) from pg_stat_activity
                       where datname = current_database() and pid <> pg_backend_pid()";

/// The answer of a ledger whose connections were ended: it may hear of it only when it uses one, and it has
/// two.
async fn connected_again(ledger: &PostgresLedger, call: &Call) -> Sent {
    for _ in 0..10 {
        match ledger.transact(batch(call)).await {
            Ok(mut transacted) => return Sent::of(transacted.settled.remove(0)),
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable(_) | StoreError::Unknown(_)), "{error}")
            }
        }
    }
    panic!("it does not connect again");
}

/// Nobody waits longer than this for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends every backend that waits for this, once there is one.
async fn end_who_waits_for(operator: &Client, event: &str) {
    let end = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'bursar' and wait_event = '{event}'"
    );
    let ended = async {
        while operator.query(&end, &[]).await.expect("an answer").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("nobody waits for {event}"));
}

#[tokio::test]
async fn a_server_that_dropped_its_connections_is_connected_to_again() {
    let place = PostgresPlace::new();
    let (ledger, funded) = given_account(&place).await;
    by_hand(&place).await.query(END_ALL, &[]).await.expect("ended");
    assert!(connected_again(&ledger, &given::authorization(&funded, usd("1.00"))).await.is_approved());
    assert_books_are_right(place.books());
}

/// Another server may take the place of one that is lost, without its last decisions, and come to the same
/// numbers by others.
#[tokio::test]
async fn nothing_is_remembered_of_a_server_whose_connections_are_lost() {
    let place = PostgresPlace::new();
    let (ledger, funded) = given_account(&place).await;
    given::sent(ledger.as_ref(), &given::authorization(&funded, usd("1.00"))).await;
    // As a lane writes, so that no trigger tells.
    let other =
        "set application_name = 'bursar of another server'; update accounts set posted_minor = held_minor";
    place.execute(other);
    by_hand(&place).await.query(END_ALL, &[]).await.expect("ended");
    let swiped = connected_again(&ledger, &given::authorization(&funded, usd("1.00"))).await;
    assert_eq!(swiped.declined(), Some(DeclineReason::InsufficientFunds));
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_commit_leaves_nothing() {
    let place = PostgresPlace::new();
    let (ledger, funded) = patient(&place).await;
    let (operator, holder) = (by_hand(&place).await, by_hand(&place).await);
    let lock = format!("begin; select 1 from owners where id = '{}' for update", funded.owner.uuid());
    holder.batch_execute(&lock).await.expect("locked");
    let call = given::authorization(&funded, usd("1.00"));
    let waiting = tokio::spawn({
        let (ledger, batch) = (Arc::clone(&ledger), batch(&call));
        async move { ledger.transact(batch).await.map(|_| ()) }
    });
    end_who_waits_for(&operator, "transactionid").await;
    let lost = waiting.await.expect("no panic").expect_err("it was ended");
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    holder.batch_execute("rollback").await.expect("unlocked");
    assert_eq!(given::available(ledger.as_ref(), &funded).await, usd("100.00"));
    assert!(given::sent(ledger.as_ref(), &call).await.is_approved(), "nothing of it was there");
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_commit_is_unknown_and_the_same_batch_tells() {
    lost_in("create constraint trigger wait after insert on messages deferrable initially deferred").await;
}

/// What the server says of it is no refusal: somebody between may say it who lost the answers.
#[tokio::test]
async fn a_connection_that_is_lost_in_the_flight_of_the_commit_is_unknown_and_the_same_batch_tells() {
    lost_in("create trigger wait after insert on messages").await;
}

/// What is written waits in this trigger, and there its connection is ended.
async fn lost_in(trigger: &str) {
    let place = PostgresPlace::new();
    let (ledger, funded) = patient(&place).await;
    place.execute(&format!(
        "create function wait() returns trigger language plpgsql as $$
         begin perform pg_sleep(600) where new.token = 'slow'; return null; end $$;
         {trigger} for each row execute function wait()",
    ));
    let operator = by_hand(&place).await;
    let call = given::authorization(&funded, usd("1.00")).message("slow");
    let waiting = tokio::spawn({
        let (ledger, batch) = (Arc::clone(&ledger), batch(&call));
        async move { ledger.transact(batch).await.map(|_| ()) }
    });
    end_who_waits_for(&operator, "PgSleep").await;
    let lost = waiting.await.expect("no panic").expect_err("it was cut");
    assert!(matches!(lost, StoreError::Unknown(_)), "{lost}");
    place.execute("drop trigger wait on messages");
    assert!(given::sent(ledger.as_ref(), &call).await.is_approved());
    assert_eq!(given::available(ledger.as_ref(), &funded).await, usd("99.00"));
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_alone_and_is_never_a_default() {
    for statement in [
        "update cards set status = 'melted' where id = 'CARD'",
        "update cardholders set status = '' where id = 'HOLDER'",
        "update accounts set currency = 'money' where id = 'ACCOUNT'",
        "insert into windows (subject, scope, taken) values ('CARD', 'card', 'x')",
        "insert into controls (id, owner, scope, subject, name, rule, status)
         values ('CARD', 'OWNER', 'card', 'CARD', 'one', '{}', 'active')",
    ] {
        let place = PostgresPlace::new();
        let (ledger, damaged) = given_account(&place).await;
        let other = given::account(ledger.as_ref(), usd("100.00")).await;
        let statement = statement
            .replace("CARD'", &format!("{}'", damaged.card.uuid()))
            .replace("HOLDER", &damaged.cardholder.uuid().to_string())
            .replace("ACCOUNT", &damaged.account.uuid().to_string())
            .replace("OWNER", &damaged.owner.uuid().to_string());
        place.execute(&statement);
        let calls = [given::authorization(&damaged, usd("1.00")), given::authorization(&other, usd("1.00"))];
        let settled = given::batch(ledger.as_ref(), &calls).await;
        let [Settled::Done(failed), Settled::Done(good)] = &settled[..] else { panic!("{settled:?}") };
        assert!(matches!(failed, Outcome::Failed(Fault::Unreadable(_))), "{statement}: {failed:?}");
        assert!(matches!(good, Outcome::Decided(decided, _) if decided.message.is_approved()), "{statement}");
    }
    let place = PostgresPlace::new();
    let (ledger, damaged) = given_account(&place).await;
    place.execute("update cards set status = 'melted'");
    let read = ledger.find_card(damaged.card).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}

/// A ledger behind a gate, with lanes that give up soon.
async fn behind_a_gate(place: &PostgresPlace) -> (Gate, Arc<PostgresLedger>, Funded) {
    let (gate, url) = place.behind_a_gate().await;
    let soon = Duration::from_millis(200);
    let options = Options { url, lanes: 1, lane_timeout: soon, lock_timeout: soon, ..place.options() };
    let ledger = Arc::new(PostgresLedger::open(options).await.expect("opens"));
    let funded = given::account(ledger.as_ref(), usd("100.00")).await;
    given::sent(ledger.as_ref(), &given::authorization(&funded, usd("1.00"))).await;
    (gate, ledger, funded)
}

#[tokio::test]
async fn a_link_that_hangs_before_anything_is_written_is_not_waited_for_and_the_next_connection_decides() {
    let place = PostgresPlace::new();
    let (gate, ledger, _) = behind_a_gate(&place).await;
    // Whose card is not remembered: it is read first.
    let funded = given::account(ledger.as_ref(), usd("100.00")).await;
    let call = given::authorization(&funded, usd("9.00"));
    gate.close();
    let hung = ledger.transact(batch(&call)).await.expect_err("nothing is answered");
    assert!(matches!(hung, StoreError::Unavailable(_)), "{hung}");
    gate.open();
    assert!(given::sent(ledger.as_ref(), &call).await.is_approved());
    assert_eq!(given::available(ledger.as_ref(), &funded).await, usd("91.00"));
}

#[tokio::test]
async fn a_read_over_a_link_that_hangs_is_not_waited_for_and_the_next_one_reads() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    let soon = Duration::from_millis(200);
    let options =
        Options { url, connect_timeout: Duration::from_secs(1), statement_timeout: soon, ..place.options() };
    let ledger = PostgresLedger::open(options).await.expect("opens");
    let funded = given::account(&ledger, usd("100.00")).await;
    // It has a connection for reads.
    assert_eq!(given::available(&ledger, &funded).await, usd("100.00"));
    gate.close();
    let hung = tokio::time::timeout(PATIENCE, ledger.find_account(funded.account)).await;
    assert!(matches!(hung, Ok(Err(StoreError::Unavailable(_)))), "{hung:?}");
    gate.open();
    assert_eq!(given::available(&ledger, &funded).await, usd("100.00"));
}

#[tokio::test]
async fn a_link_that_hangs_in_the_commit_is_unknown_and_the_same_batch_tells() {
    let place = PostgresPlace::new();
    let (gate, ledger, funded) = behind_a_gate(&place).await;
    let call = given::authorization(&funded, usd("9.00"));
    gate.close();
    // The beginning passes, and what is written is not answered.
    gate.pass(1);
    let hung = ledger.transact(batch(&call)).await.expect_err("the commit is not answered");
    assert!(matches!(hung, StoreError::Unknown(_)), "{hung}");
    gate.open();
    let settled = given::batch(ledger.as_ref(), &[call]).await;
    assert!(matches!(settled[..], [Settled::Done(Outcome::Repeated(_))]), "{settled:?}");
    assert_eq!(given::available(ledger.as_ref(), &funded).await, usd("90.00"));
    assert_books_are_right(place.books());
}

/// What follows a BEGIN that failed is a transaction of its own, and commits.
#[tokio::test]
async fn a_beginning_that_is_refused_is_an_unknown_commit() {
    let place = PostgresPlace::new();
    let refusing = Arc::new(AtomicBool::new(false));
    let meddle = {
        let refusing = Arc::clone(&refusing);
        move |message: &Message| match message.replace("begin isolation", "begin in isolation") {
            Some(refused) if refusing.load(Ordering::Relaxed) => Deed::Instead(refused),
            _ => Deed::Pass,
        }
    };
    let meddler = Meddler::to(place.server(), meddle).await;
    let options = Options { url: place.url_by(meddler.address()), ..place.options() };
    let ledger = PostgresLedger::open(options).await.expect("opens");
    let funded = given::account(&ledger, usd("100.00")).await;
    // What follows is decided in one flight.
    given::sent(&ledger, &given::authorization(&funded, usd("1.00"))).await;
    let call = given::authorization(&funded, usd("9.00"));
    refusing.store(true, Ordering::Relaxed);
    let refused = ledger.transact(batch(&call)).await.expect_err("it did not begin");
    assert!(matches!(refused, StoreError::Unknown(_)), "{refused}");
    refusing.store(false, Ordering::Relaxed);
    let settled = given::batch(&ledger, &[call]).await;
    assert!(matches!(settled[..], [Settled::Done(Outcome::Repeated(_))]), "{settled:?}");
    assert_eq!(given::available(&ledger, &funded).await, usd("90.00"));
    assert_books_are_right(place.books());
}

/// A server that stood still finds in its sockets what nobody waits for any more: no money is held for that.
#[tokio::test]
async fn what_reaches_the_server_after_its_time_is_not_written() {
    let place = PostgresPlace::new();
    let (gate, ledger, funded) = behind_a_gate(&place).await;
    // The second is decided in one flight, and what that sends is prepared.
    given::sent(ledger.as_ref(), &given::authorization(&funded, usd("1.00"))).await;
    let call = given::authorization(&funded, usd("9.00"));
    gate.stall(true);
    let hung = ledger.transact(batch(&call)).await.expect_err("nothing is answered");
    assert!(matches!(hung, StoreError::Unknown(_)), "{hung}");
    // The ledger knows the server's clock as well as this.
    let clock = || place.number("select (extract(epoch from clock_timestamp()) * 1000)::bigint");
    let past = clock() + 250;
    while clock() <= past {}
    gate.stall(false);
    // The server comes to it before that connection ends.
    drop(ledger);
    place.until_alone().await;
    assert_eq!(given::available(place.open_ledger().as_ref(), &funded).await, usd("98.00"));
}

/// The lane then sends the members apart, and only that one stays without an answer.
#[tokio::test]
async fn a_key_that_is_taken_by_a_damaged_message_is_the_fault_of_its_member() {
    let place = PostgresPlace::new();
    let (ledger, funded) = given_account(&place).await;
    let damaged = given::authorization(&funded, usd("1.00"));
    given::sent(ledger.as_ref(), &damaged).await;
    place.execute(
        "alter table messages disable trigger all; update messages set fingerprint = 'x'
         where kind = 'authorization'; alter table messages enable trigger all",
    );
    let good = given::authorization(&funded, usd("1.00"));
    let members = vec![damaged.again().member(), good.member()];
    let refused = ledger.transact(Batch { members, ..Batch::default() }).await.expect_err("one is damaged");
    assert!(matches!(refused, StoreError::BadData(_)), "{refused}");
    assert!(given::sent(ledger.as_ref(), &good).await.is_approved());
}
