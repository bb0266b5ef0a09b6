//! A ledger with something in every table and column, and what is left of it after a copy.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::command::{Amount, Close, GroupRef, Purpose, Record};
use bursar_core::control::Scope;
use bursar_core::hold_days::{Days, DaysByMerchant};
use bursar_core::message::{Source, TransactionKind};
use bursar_core::money::AmountError;
use bursar_core::text::FreeText;
use bursar_core::{Action, Window};
use bursar_store::copy::{self, CopyError, Report, Settings, Target};
use bursar_store::{
    Batch, NotificationState, Page, RecordFilter, Resolution, StageTimes, Store, Sweep, TransactionRecord,
    Waiting,
};
use bursar_store_sqlite::{KeyLimits, Options, SqliteLedger};
use bursar_testkit::given::{self, Call, Funded, usd};
use bursar_testkit::{NOON, SqlitePlace};
use jiff::SignedDuration;
use rusqlite::Connection;
use rusqlite::types::Value;

/// So few that every table takes several batches.
pub(crate) const BATCH: usize = 5;

/// The embedded ledger of the place, whose keys grow old soon.
pub(crate) fn open(place: &SqlitePlace) -> SqliteLedger {
    let key_limits = KeyLimits { young_max: 3, grown_max: 5 };
    SqliteLedger::open(place.folder(), Options { key_limits, ..place.options() }).expect("a new ledger")
}

/// A ledger in which everything happened once.
pub(crate) async fn rich(place: &SqlitePlace) -> Funded {
    let ledger = open(place);
    let funded = fill(&ledger).await;
    drop(ledger);
    let file = Connection::open(place.file()).expect("the ledger's file");
    let published =
        "update outbox set published_at = 1_700_000_000_123_456 + position where position % 2 = 0";
    file.execute_batch(published).expect("some are published");
    funded
}

/// Has everything happen, once more.
pub(crate) async fn fill(ledger: &dyn Store) -> Funded {
    let funded = given::account(ledger, usd("500.00")).await;
    given::wallet(ledger, usd("20.00")).await;
    given::control(ledger, &funded, Scope::Card(funded.card), given::limit(Window::Day, usd("300.00"))).await;
    given::control(ledger, &funded, Scope::Owner(funded.owner), given::uses(Window::Lifetime, 90)).await;
    let mut timed = Vec::new();
    for dollars in ["1.00", "20.00", "700.00"] {
        let first = given::sent(ledger, &given::authorization(&funded, usd(dollars))).await;
        timed.push((first.id(), StageTimes::from_us([1, 2, 3, 4, 5, 6, 7, 8, timed.len() as u32])));
        let more = given::increment(&funded, GroupRef::Message(first.id()), usd("2.00"));
        given::sent(ledger, &more).await;
        let part = given::partial_reversal(&funded, GroupRef::Message(first.id()), usd("0.50"));
        given::sent(ledger, &part).await;
    }
    let cash = given::authorization(&funded, usd("10.00")).asking(|asked| {
        asked.purpose = Purpose::Debit;
        asked.kind = TransactionKind::Withdrawal;
        asked.details = Some(Box::new(given::details()));
    });
    given::sent(ledger, &cash).await;
    given::sent(ledger, &given::unload(&funded, usd("5.00"))).await;
    given::sent(ledger, &given::unknown_card(&given::new_token("nobody"), usd("1.00"))).await;
    let kept = given::sent(ledger, &recorded()).await;
    let note = FreeText::new("looked at");
    let close = Close { owner: None, discrepancy: kept.id(), note };
    given::sent(ledger, &Call::new(Source::Api, Action::Close(close))).await;
    let by_merchant = DaysByMerchant::new([("lodging".to_owned(), 30), ("7012".to_owned(), 3)]);
    let change = given::program_change(funded.program, Days::new(9).ok(), by_merchant.ok());
    given::sent(ledger, &change).await;
    for days in [9, Sweep::UNCONFIRMED] {
        ledger.keep_sweep(Sweep { days, position: 4 }).await.expect("a ledger that works");
    }
    given::merged_groups(ledger).await;
    let batch = Batch { stage_times: Arc::new(timed), ..Batch::default() };
    ledger.transact(batch).await.expect("a ledger that works");
    publish_and_forget(ledger).await;
    keep_for_consumers(ledger, &funded).await;
    funded
}

/// The two oldest events are published and forgotten.
pub(crate) async fn publish_and_forget(ledger: &dyn Store) {
    let oldest = ledger.lease(2, Duration::from_secs(5)).await.expect("an outbox that works");
    ledger.mark(oldest.iter().map(Waiting::key).collect()).await.expect("an outbox that works");
    let later = NOON + SignedDuration::from_secs(1);
    assert_eq!(ledger.forget_published(later, 2).await, Ok(2));
}

/// What consumers of events keep: a letter that was discarded, an endpoint with two notifications, one of them tried
/// once, and two records.
async fn keep_for_consumers(ledger: &dyn Store, funded: &Funded) {
    const WRITABLE: &str = "a ledger that works";
    let letter = given::dead_letter("webhooks");
    assert_eq!(ledger.bury(letter.clone()).await, Ok(true));
    let buried = ledger.find_dead_letter(letter.id).await.expect("readable").expect("there");
    let discarded = Resolution::Discarded("of no use".to_owned());
    assert_eq!(ledger.resolve(&buried, discarded).await, Ok(true));
    let endpoint = given::endpoint(funded.program);
    assert_eq!(ledger.create_endpoint(endpoint.clone()).await, Ok(true));
    let waiting = [(); 2].map(|()| given::notification(endpoint.id));
    ledger.notify(waiting.to_vec()).await.expect(WRITABLE);
    let taken = ledger.take_notifications(1, Duration::from_secs(5), &[]).await.expect(WRITABLE);
    let failed = given::attempt(NOON, Some("refused"));
    let next = NotificationState::Due(NOON + SignedDuration::from_secs(60));
    ledger.attempted(&taken[0], failed, next).await.expect(WRITABLE);
    // Where it began is where nothing else did.
    let position = ledger.search_records(&RecordFilter::default(), Page { after: None, limit: 1 }).await;
    let position = position.expect("readable").first().map_or(0, |last| last.position) + 1;
    let whole = given::transaction_record(position, "blue bottle oakland");
    let part = TransactionRecord {
        merged_into: Some(whole.root),
        ..given::transaction_record(-position, "blue bottle")
    };
    ledger.keep_records(vec![whole, part]).await.expect(WRITABLE);
}

fn recorded() -> Call {
    Call::new(
        Source::Api,
        Action::Record(Record {
            method: given::token("authorization.clearing"),
            funding_token: None,
            needs_review: true,
            card_token: Some(given::new_token("card")),
            amount: Amount { currency: None, minor: Err(AmountError::NotANumber) },
        }),
    )
}

/// Copies, in batches as small as these ledgers.
pub(crate) fn copy(source: &mut dyn copy::Source, target: &mut dyn Target) -> Result<Report, CopyError> {
    let settings = Settings { approved: &given::approved_minor, batch: BATCH };
    copy::copy(source, target, &settings, &mut |_| {})
}

/// The copy is whole.
pub(crate) fn assert_finished(report: &Report) {
    assert!(report.is_finished(), "{report:#?}");
}

/// Every row of the ledger as it is in the file, derived columns too, in one order.
pub(crate) fn every_row(place: &SqlitePlace) -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let connection = Connection::open(place.file()).expect("the ledger's file");
    let rows = |select: &str| {
        let mut statement = connection.prepare(select)?;
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|column| row.get(column)).collect();
        statement.query_map([], row)?.collect::<rusqlite::Result<Vec<Vec<Value>>>>()
    };
    let tables = copy::TABLES.iter().map(|table| (table.name, format!("select * from {}", table.name)));
    let keys = "select key, position from keys_young union all select key, position from keys_grown
                union all select key, position from keys_old";
    let all = tables.chain([("keys", keys.to_owned())]);
    all.map(|(name, select)| (name, rows(&format!("{select} order by 1, 2")).expect(name))).collect()
}
