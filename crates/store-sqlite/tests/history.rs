//! Random histories on real files: a batch is as good as its commands one at a time, and the books
//! are right afterwards.

use std::sync::Arc;

use bursar_core::{Command, Work};
use bursar_store::contract::given::JsonAnswer;
use bursar_store::{Batch, Ledger, Member};
use bursar_testkit::history::{self, Delivery, any_history_in_batches};
use bursar_testkit::{Place, SqlitePlace, assert_books_are_right};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_leaves_the_same_rows_and_answers_as_its_commands_one_at_a_time(
        (history, batches) in any_history_in_batches(40),
    ) {
        let one_at_a_time = vec![1; history.len()];
        let (alone, rows_alone) = run(&history, &one_at_a_time);
        let (batched, rows_batched) = run(&history, &batches);
        prop_assert_eq!(alone, batched);
        for ((table, alone), (_, batched)) in rows_alone.into_iter().zip(rows_batched) {
            prop_assert_eq!(alone, batched, "{}", table);
        }
    }
}

type Rows = Vec<(String, Vec<Vec<Value>>)>;

/// What became of each delivery, and every row that is left.
fn run(history: &[Delivery], batches: &[usize]) -> (Vec<String>, Rows) {
    let place = SqlitePlace::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let outcomes = runtime.block_on(async {
        let ledger = place.open_ledger();
        transact(ledger.as_ref(), history::world::setup()).await;
        let mut commands =
            (history.iter().enumerate()).map(|(place, delivery)| delivery.command(place, history));
        let mut outcomes = Vec::new();
        for size in batches.iter().copied().chain([history.len()]) {
            outcomes.extend(transact(ledger.as_ref(), commands.by_ref().take(size).collect()).await);
        }
        outcomes
    });
    assert_eq!(outcomes.len(), history.len());
    assert_books_are_right(place.books());
    (outcomes, every_row(&place))
}

async fn transact(ledger: &dyn Ledger, commands: Vec<Command>) -> Vec<String> {
    let member = |command| {
        let work = Work::new(command, Box::new(JsonAnswer));
        Arc::new(Member { work, deadline: None })
    };
    let batch = Batch { members: commands.into_iter().map(member).collect(), ..Batch::default() };
    let settled = ledger.transact(batch).await.expect("a ledger that works").settled;
    settled.iter().map(|settled| format!("{settled:?}")).collect()
}

/// Everything in the tables of the ledger, in one order.
fn every_row(place: &SqlitePlace) -> Rows {
    let connection = Connection::open(place.file()).expect("the ledger's file");
    let tables = [
        "programs",
        "owners",
        "accounts",
        "cardholders",
        "cards",
        "controls",
        "windows",
        "messages",
        "entries",
        "program_entries",
        "outbox",
    ];
    let rows = |table: &str| {
        let mut statement = connection.prepare(&format!("select * from {table} order by 1, 2"))?;
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|column| row.get(column)).collect();
        statement.query_map([], row)?.collect::<rusqlite::Result<Vec<Vec<Value>>>>()
    };
    tables.map(|table| (table.to_owned(), rows(table).expect(table))).into()
}
