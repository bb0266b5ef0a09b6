//! What one read tells is of one moment, whatever is committed while it is made.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_core::{MessageId, Window};
use bursar_store::contract::given::{self, usd};
use bursar_store::{AuthorizationFilter, Page, Reader, Slice};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{Deed, Meddler, PostgresPlace};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::block_in_place;

/// Nobody waits longer than this for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger over a link on which this happens just before a statement with the text is first prepared; and
/// what comes of it.
async fn interrupted<T: Send + 'static>(
    place: &PostgresPlace,
    text: &'static str,
    event: impl Future<Output = T> + Send + 'static,
) -> (PostgresLedger, oneshot::Receiver<T>) {
    let (done, happened) = oneshot::channel();
    let (runtime, event) = (Handle::current(), Mutex::new(Some((Box::pin(event), done))));
    let meddle = move |message: &bursar_testkit::Message| {
        let is_it = message.asks(text);
        if let Some((event, done)) = is_it.then(|| event.lock().expect("no panic").take()).flatten() {
            let _ = done.send(block_in_place(|| runtime.block_on(event)));
        }
        Deed::Pass
    };
    let meddler = Meddler::to(place.server(), meddle).await;
    let options = Options { url: place.url_by(meddler.address()), ..place.options() };
    (PostgresLedger::open(options).await.expect("opens"), happened)
}

/// A control without what it has counted would look as if nothing were spent.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn controls_are_told_with_what_was_taken_from_them() {
    let place = PostgresPlace::new();
    let other = place.open_ledger();
    let account = given::account(other.as_ref(), usd("100.00")).await;
    given::sent(other.as_ref(), &given::authorization(&account, usd("9.00"))).await;
    let scope = Scope::Card(account.card);
    let before = other.find_spending(scope).await.expect("readable");
    let event = async move {
        given::control(other.as_ref(), &account, scope, given::limit(Window::Lifetime, usd("50.00"))).await
    };
    let (ledger, made) = interrupted(&place, "from controls", event).await;
    let spending = ledger.find_spending(scope).await.expect("readable");
    let control = made.await.expect("it was made meanwhile");
    assert_eq!(spending, before);
    let after = ledger.find_spending(scope).await.expect("readable").expect("a card");
    assert_eq!(after.controls.iter().map(|(control, _)| control.id).collect::<Vec<_>>(), [control.id]);
    assert_ne!(after.controls[0].1, bursar_core::window::Counter::default(), "9.00 are taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_authorization_is_told_with_its_group_of_the_same_moment() {
    let place = PostgresPlace::new();
    let other = place.open_ledger();
    let account = given::account(other.as_ref(), usd("100.00")).await;
    let id = given::sent(other.as_ref(), &given::authorization(&account, usd("9.00"))).await.id();
    let before = other.find_authorization(id).await.expect("readable");
    let event = async move {
        given::sent(other.as_ref(), &given::reversal(&account, GroupRef::Message(id))).await;
    };
    let (ledger, reversed) = interrupted(&place, "named (root) as materialized", event).await;
    let told = ledger.find_authorization(id).await.expect("readable");
    reversed.await.expect("it was reversed meanwhile");
    assert_eq!(told, before);
    let after = ledger.find_authorization(id).await.expect("readable").expect("an authorization");
    assert_eq!(after.group.map(|group| group.messages.len()), Some(2));
}

const OLDEST_FIRST: AuthorizationFilter =
    AuthorizationFilter { owner: None, card: None, newest_first: false };

/// One more than a slice looks at is committed between the look and the place where the next one begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_does_not_go_on_behind_what_it_has_not_looked_at() {
    let place = PostgresPlace::new();
    let other = place.open_ledger();
    let account = given::account(other.as_ref(), usd("100.00")).await;
    place.execute(&format!(
        "insert into messages (id, token, source, scope, state, fingerprint, kind, at, answer_code, answer)
         select gen_random_uuid(), n::text, 'api', 0, '', '', 'load', now(), 200, ''
         from generate_series(1, {} - (select count(*) from messages)) as n",
        Slice::SCANNED_MAX - 1
    ));
    let event =
        async move { given::sent(other.as_ref(), &given::authorization(&account, usd("1.00"))).await };
    let (ledger, swiped) = interrupted(&place, "offset", event).await;
    let page = |after| Page { after, limit: 10 };
    let first = ledger.list_authorizations(OLDEST_FIRST, page(None)).await.expect("readable");
    let swipe = swiped.await.expect("it was committed meanwhile");
    let more = ledger.list_authorizations(OLDEST_FIRST, page(first.next)).await.expect("readable");
    let found: Vec<MessageId> = first.items.iter().chain(&more.items).map(|item| item.message.id).collect();
    assert_eq!(found, [swipe.id()], "the first slice goes on at {:?}", first.next);
}

/// Its position is older; nobody who reads waits for it.
#[tokio::test]
async fn what_is_acknowledged_is_listed_though_an_older_message_is_not_committed_yet() {
    let place = PostgresPlace::new();
    let long = PATIENCE * 2;
    let options = Options { lane_timeout: long, lock_timeout: long, ..place.options() };
    let ledger = Arc::new(PostgresLedger::open(options).await.expect("opens"));
    let [slow, quick] = [
        given::account(ledger.as_ref(), usd("10.00")).await,
        given::account(ledger.as_ref(), usd("10.00")).await,
    ];
    place.execute(
        "create function wait() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock(1) where new.token = 'slow'; return null; end $$;
         create constraint trigger wait after insert on messages deferrable initially deferred
         for each row execute function wait()",
    );
    let held = place.hold("select pg_advisory_xact_lock(1)");
    let waiting = tokio::spawn({
        let (ledger, call) = (Arc::clone(&ledger), given::authorization(&slow, usd("1.00")).message("slow"));
        async move { given::sent(ledger.as_ref(), &call).await.id() }
    });
    let commits = async {
        let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                     and database = (select oid from pg_database where datname = current_database())";
        while place.number(waits) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, commits).await.expect("its commit waits");
    let quick = given::sent(ledger.as_ref(), &given::authorization(&quick, usd("1.00"))).await.id();
    let listed = async || {
        let slice = ledger.list_authorizations(OLDEST_FIRST, Page { after: None, limit: 10 }).await;
        slice.expect("readable").items.iter().map(|item| item.message.id).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [quick]);
    held.batch_execute("commit").await.expect("unlocked");
    let slow = waiting.await.expect("no panic");
    assert_eq!(listed().await, [slow, quick]);
}
