//! The index of message keys: whatever table a key is in by now, its message is found, and no
//! other can have it.

mod support;

use bursar_core::Outcome;
use bursar_store::contract::given::{self, Call, Funded, Sent, usd};
use bursar_store::{Batch, Ledger, Settled};
use bursar_store_sqlite::{KeyLimits, Options, SqliteLedger};
use bursar_testkit::{Place, SqlitePlace, assert_books_are_right};
use support::{behind_the_back, change};

const TABLES: [&str; 3] = ["keys_young", "keys_grown", "keys_old"];

/// A ledger whose keys move on after few messages.
fn open(place: &SqlitePlace) -> SqliteLedger {
    let key_limits = KeyLimits { young_max: 8, grown_max: 100 };
    let options = Options { key_limits, ..place.options() };
    SqliteLedger::open(place.folder(), options).expect("a folder that nobody else uses")
}

/// Swipes until every table has keys, and every slice had its turn: in batches of every size.
async fn swipes(ledger: &dyn Ledger, account: &Funded) -> Vec<(Call, Sent)> {
    let mut sent = Vec::new();
    for size in (1..=30).cycle().take(301) {
        let calls: Vec<Call> = (0..size).map(|_| given::authorization(account, usd("0.01"))).collect();
        let settled = given::batch(ledger, &calls).await;
        sent.extend(calls.into_iter().zip(settled.into_iter().map(Sent::of)));
    }
    sent
}

fn count(place: &SqlitePlace, table: &str) -> i64 {
    let select = format!("select count(*) from {table}");
    behind_the_back(place).query_row(&select, [], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn a_message_is_found_by_its_key_in_every_table() {
    let place = SqlitePlace::new();
    let ledger = open(&place);
    let account = given::account(&ledger, usd("100.00")).await;
    let sent = swipes(&ledger, &account).await;
    let counts = TABLES.map(|table| count(&place, table));
    // Each has what it may have and a batch or two, and all others have gone on: where the second table ends two batches may
    // move none of it, and what was young comes with them.
    assert!(counts[0] <= 8 + 30 && counts[1] <= 100 + 8 + 60, "{counts:?}");
    assert!(counts.iter().all(|&count| count > 0) && counts[2] > 4_000, "{counts:?}");
    assert_eq!(counts.iter().sum::<i64>(), count(&place, "messages"));
    drop(ledger);
    let ledger = open(&place);
    let before = given::available(&ledger, &account).await;
    for (call, first) in &sent {
        assert_eq!(given::sent(&ledger, &call.again()).await.answer, first.answer);
    }
    let other = sent[0].0.again().asking(|authorize| authorize.amount.minor = Ok(2));
    given::conflicting(&ledger, &other).await;
    assert_eq!(given::available(&ledger, &account).await, before);
    drop(ledger);
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn the_schema_refuses_a_second_message_with_a_key_in_any_table() {
    let place = SqlitePlace::new();
    let ledger = open(&place);
    let account = given::account(&ledger, usd("100.00")).await;
    swipes(&ledger, &account).await;
    drop(ledger);
    let connection = behind_the_back(&place);
    for table in TABLES {
        let twice = format!("insert into keys_young select key, 1 from {table} limit 1");
        let refused = connection.execute(&twice, []).expect_err(table);
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "{table}");
    }
}

#[tokio::test]
async fn a_key_that_leads_to_another_message_fails_its_own_message_alone() {
    let place = SqlitePlace::new();
    let ledger = open(&place);
    let account = given::account(&ledger, usd("100.00")).await;
    let (swipe, other) =
        (given::authorization(&account, usd("1.00")), given::authorization(&account, usd("2.00")));
    for call in [&swipe, &other] {
        assert!(given::sent(&ledger, call).await.is_approved());
    }
    let is_of_swipe = "position = (select position from messages where effect_minor = 100)";
    change(&place, &format!("update keys_young set position = 1 where {is_of_swipe}"));
    let batch = Batch { members: vec![swipe.again().member()], ..Batch::default() };
    let failed = ledger.transact(batch).await.expect_err("no answer of another message");
    assert!(failed.to_string().contains("leads to another message"), "{failed}");
    let settled = given::settled(&ledger, &other.again()).await;
    assert!(matches!(settled, Settled::Done(Outcome::Repeated(_))), "{settled:?}");
}
