//! Counts.

use std::time::Duration;

use super::{LONG, Place, ended, key};

pub(super) async fn what_many_tell_is_all_there(place: &dyn Place) {
    let mut tellers = Vec::new();
    for teller in 1..=8_u64 {
        let values = place.open().await;
        tellers.push(tokio::spawn(async move {
            for count in 1..=25 {
                let counts = [(key("a"), count, LONG), (key("b"), count * teller, LONG)];
                values.tell(&format!("teller {teller}"), &counts).await.expect("told");
            }
        }));
    }
    for teller in tellers {
        teller.await.expect("it ends");
    }
    let sums = place.open().await.tell("another", &[(key("b"), 0, LONG), (key("a"), 1, LONG)]).await;
    assert_eq!(sums, Ok(vec![25 * 36, 25 * 8 + 1]));
    assert_eq!(place.open().await.tell("another", &[]).await, Ok(vec![]));
}

pub(super) async fn what_is_told_twice_counts_once(place: &dyn Place) {
    let values = place.open().await;
    for (by, count, sum) in [("one", 3, 3), ("one", 3, 3), ("other", 4, 7), ("one", 5, 9)] {
        assert_eq!(values.tell(by, &[(key("a"), count, LONG)]).await, Ok(vec![sum]));
    }
}

pub(super) async fn a_count_ends_with_its_time(place: &dyn Place) {
    let values = place.open().await;
    let short = Duration::from_millis(50);
    values.tell("one", &[(key("a"), 1, short), (key("b"), 1, LONG)]).await.expect("told");
    ended(values.as_ref(), &key("a")).await;
    assert_eq!(values.tell("other", &[(key("a"), 1, LONG), (key("b"), 1, LONG)]).await, Ok(vec![1, 2]));
}
