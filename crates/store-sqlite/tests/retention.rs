//! What is forgotten is forgotten a little at a time: swipes wait for the one writer meanwhile.

use bursar_store::contract::NOON;
use bursar_store::{DeadLetters, Endpoints, Outbox};
use bursar_testkit::SqlitePlace;
use rusqlite::Connection;

/// More than one change forgets: three hundred of each kind.
const FILL: &str = "
    with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 300)
    insert into outbox (event, message, kind, payload, published_at)
        select randomblob(16), randomblob(16), 'load', '{}', 0 from numbers;
    with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 300)
    insert into notifications (id, endpoint, event, kind, state, created_at, body)
        select randomblob(16), zeroblob(16), randomblob(16), 'load', 'failed', 0, x'' from numbers;
    with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 300)
    insert into dead_letters (id, message, queue, kind, attempts, reason, error_first, error_last, death, deaths_before,
            deaths, died_at, state, resolved_at, body)
        select randomblob(16), randomblob(16), 'webhooks', 'load', 4, '', '', '', randomblob(16), x'', 1, 0, 'replayed',
            0, x'' from numbers;";

#[tokio::test]
async fn one_change_forgets_so_much_and_no_more_whatever_it_is_asked_for() {
    let place = SqlitePlace::new();
    drop(place.open_ledger());
    let file = Connection::open(place.file()).expect("the ledger's file");
    file.execute_batch(FILL).expect("three hundred of each");
    drop(file);
    let ledger = place.open_ledger();
    let [mut events, mut notifications, mut letters] = [const { Vec::new() }; 3];
    for _ in 0..3 {
        events.push(ledger.forget_published(NOON, 1_000).await.expect("writable"));
        notifications.push(ledger.forget_notifications(NOON, 1_000).await.expect("writable"));
        letters.push(ledger.forget_dead_letters(NOON, 1_000).await.expect("writable"));
    }
    assert_eq!(events, [250, 49, 0], "all but the last");
    assert_eq!(notifications, [250, 50, 0]);
    assert_eq!(letters, [250, 50, 0]);
}
