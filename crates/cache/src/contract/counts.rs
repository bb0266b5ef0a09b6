//! Counts.

use std::time::Duration;

use super::{LONG, Place, ended, key};

pub(super) async fn what_many_add_is_all_there(place: &dyn Place) {
    let mut clients = Vec::new();
    for _ in 0..8 {
        let values = place.open().await;
        clients.push(tokio::spawn(async move {
            for _ in 0..25 {
                values.add(&[(key("a"), 1, LONG), (key("b"), 10, LONG)]).await.expect("added");
            }
        }));
    }
    for client in clients {
        client.await.expect("it ends");
    }
    let sums = place.open().await.add(&[(key("b"), 0, LONG), (key("a"), 0, LONG)]).await;
    assert_eq!(sums, Ok(vec![2_000, 200]));
    assert_eq!(place.open().await.add(&[]).await, Ok(vec![]));
}

pub(super) async fn a_count_ends_with_its_time(place: &dyn Place) {
    let values = place.open().await;
    let short = Duration::from_millis(50);
    values.add(&[(key("a"), 1, short), (key("b"), 1, LONG)]).await.expect("added");
    ended(values.as_ref(), &key("a")).await;
    assert_eq!(values.add(&[(key("a"), 1, LONG), (key("b"), 1, LONG)]).await, Ok(vec![1, 2]));
}
