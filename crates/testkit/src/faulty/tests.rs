use std::time::Duration;

use bursar_core::MessageId;
use bursar_store::contract::given;
use bursar_store::{DeadLetters, Endpoints, Outbox, Page, RecordFilter, TransactionRecords};

use super::*;
use crate::SqlitePlace;

/// What consumers of events ask for.
async fn asked(ledger: &FaultyLedger) -> [Result<(), StoreError>; 6] {
    let record = given::transaction_record(1, "blue");
    [
        ledger.lease(1, Duration::from_secs(1)).await.map(|_| ()),
        ledger.bury(given::dead_letter("webhooks")).await.map(|_| ()),
        ledger.notify(vec![given::notification(given::id())]).await,
        ledger.keep_records(vec![record]).await,
        ledger.find_record(MessageId::new(given::id())).await.map(|_| ()),
        ledger.search_records(&RecordFilter::default(), Page { after: None, limit: 1 }).await.map(|_| ()),
    ]
}

#[tokio::test]
async fn who_consumes_events_finds_a_ledger_down_that_is_down() {
    let place = SqlitePlace::new();
    let ledger = FaultyLedger::new(place.open_ledger());
    ledger.set_down(true);
    for refused in asked(&ledger).await {
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(ledger.refused_while_down(), 0, "who asks all the time is not counted");
    ledger.set_down(false);
    assert_eq!(asked(&ledger).await, [const { Ok(()) }; 6]);
}
