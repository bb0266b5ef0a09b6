//! Every row is the same after a way through both engines, and the ledgers go on where the first was.

use bursar_core::Work;
use bursar_store::contract::given::JsonAnswer;
use bursar_store::{AuthorizationFilter, Batch, Ledger, ListedMessage, Member, Page};
use bursar_testkit::given::{self, usd};
use bursar_testkit::history::{self, any_history};
use bursar_testkit::{Place, PostgresPlace, SqlitePlace, assert_books_are_right};
use proptest::prelude::*;

use crate::given_ledger::{assert_finished, copy, every_row, open, rich};

/// From the file into the database and on into another file.
fn there_and_back(first: &SqlitePlace) -> (PostgresPlace, SqlitePlace) {
    let (database, second) = (PostgresPlace::new(), SqlitePlace::new());
    let there = copy(&mut first.source(), &mut database.target().expect("empty")).expect("copied");
    assert_finished(&there);
    assert_eq!(there.written, there.rows);
    let back = copy(&mut database.source(), &mut second.target().expect("empty")).expect("copied");
    assert_finished(&back);
    for ((table, one), (_, other)) in every_row(first).into_iter().zip(every_row(&second)) {
        assert_eq!(one, other, "{table}");
    }
    (database, second)
}

#[tokio::test]
async fn a_ledger_with_everything_in_it_is_the_same_after_both_ways() {
    let first = SqlitePlace::new();
    rich(&first).await;
    let rows = every_row(&first);
    let empty: Vec<&str> = rows.iter().filter(|(_, rows)| rows.is_empty()).map(|(name, _)| *name).collect();
    assert_eq!(empty, Vec::<&str>::new(), "nothing is shown of a table without rows");
    there_and_back(&first);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_ledger_is_the_same_after_both_ways(history in any_history(60)) {
        let first = SqlitePlace::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let ledger = open(&first);
            let commands = history.iter().enumerate().map(|(place, of)| of.command(place, &history));
            for command in history::world::setup().into_iter().chain(commands) {
                let work = Work::new(command, Box::new(JsonAnswer));
                let members = vec![Member { work, deadline: None }.into()];
                ledger.transact(Batch { members, ..Batch::default() }).await.expect("a ledger that works");
            }
        });
        there_and_back(&first);
    }
}

async fn listed(ledger: &dyn Ledger, after: Option<i64>) -> Vec<ListedMessage> {
    let page = Page { after, limit: 100 };
    ledger.list_authorizations(AuthorizationFilter::default(), page).await.expect("a list").items
}

#[tokio::test]
async fn lists_cursors_repeats_and_decisions_go_on_where_the_source_was() {
    let first = SqlitePlace::new();
    let funded = rich(&first).await;
    let ledger = open(&first);
    let call = given::authorization(&funded, usd("3.00"));
    let answered = given::sent(&ledger, &call).await.answer;
    let before = listed(&ledger, None).await;
    let cursor = before.last().map(|last| last.position);
    drop(ledger);
    let (database, second) = there_and_back(&first);
    let places: [&dyn Place; 2] = [&database, &second];
    for place in places {
        let ledger = place.open();
        assert_eq!(listed(ledger.as_ref(), None).await, before);
        let again = given::sent(ledger.as_ref(), &call.again()).await;
        assert!(again.is_repeated());
        assert_eq!(again.answer, answered);
        given::sent(ledger.as_ref(), &given::authorization(&funded, usd("4.00"))).await;
        // Behind it, and perhaps not next to it: a transaction that was rolled back leaves a gap.
        let next: Vec<i64> = listed(ledger.as_ref(), cursor).await.iter().map(|of| of.position).collect();
        assert!(matches!(next[..], [next] if Some(next) > cursor), "{next:?} after {cursor:?}");
        // A limit that begins to count walks all that the owner did.
        let scope = bursar_core::control::Scope::Card(funded.card);
        let late = given::limit(bursar_core::Window::Month, usd("400.00"));
        given::sent(ledger.as_ref(), &given::new_control(funded.owner, scope, late)).await;
        drop(ledger);
        assert_books_are_right(place.books());
    }
}

#[tokio::test]
async fn folder_to_folder_and_database_to_database_are_no_other_matter() {
    let (one, other) = (SqlitePlace::new(), SqlitePlace::new());
    rich(&one).await;
    assert_finished(&copy(&mut one.source(), &mut other.target().expect("empty")).expect("copied"));
    assert_eq!(every_row(&one), every_row(&other));
    let (first, second) = (PostgresPlace::new(), PostgresPlace::new());
    assert_finished(&copy(&mut other.source(), &mut first.target().expect("empty")).expect("copied"));
    assert_finished(&copy(&mut first.source(), &mut second.target().expect("empty")).expect("copied"));
    let last = SqlitePlace::new();
    assert_finished(&copy(&mut second.source(), &mut last.target().expect("empty")).expect("copied"));
    assert_eq!(every_row(&one), every_row(&last));
}
