//! Several instances work off one inbox.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bursar_store::contract::given;
use bursar_store::{Counts, Inbox, ItemKey, NewItem};
use bursar_store_postgres::PostgresLedger;
use bursar_testkit::PostgresPlace;
use uuid::Uuid;

const ITEMS: usize = 200;

fn notice(number: usize) -> NewItem {
    let key = ItemKey { kind: "transactions".into(), token: format!("t-{number}"), state: String::new() };
    NewItem { id: given::id(), key, hash: [0; 32], content: Vec::new(), quarantined: None }
}

/// Takes a few at a time until nothing is due.
async fn work(inbox: Arc<PostgresLedger>) -> Vec<Uuid> {
    let mut taken = Vec::new();
    loop {
        let items = inbox.take(7, Duration::from_secs(5)).await.expect("an inbox that works");
        let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
        if ids.is_empty() {
            return taken;
        }
        inbox.done(ids.clone()).await.expect("an inbox that works");
        taken.extend(ids);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_item_is_taken_by_one_instance_only() {
    let place = PostgresPlace::new();
    let instances = [place.open_ledger(), place.open_ledger()];
    instances[0].put((0..ITEMS).map(notice).collect()).await.expect("an inbox that works");
    let workers = instances.iter().flat_map(|instance| [instance.clone(), instance.clone()]);
    let workers: Vec<_> = workers.map(|instance| tokio::spawn(work(instance))).collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.expect("no panic"));
    }
    assert_eq!(taken.len(), ITEMS);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>().len(), ITEMS);
    assert_eq!(instances[1].counts().await, Ok(Counts::default()));
}
