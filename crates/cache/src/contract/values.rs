//! Values and their times.

use std::time::Duration;

use super::{LONG, Place, ended, key};

/// Clients at once.
const MANY: u8 = 16;

pub(super) async fn a_value_is_there_until_it_is_replaced_or_forgotten(place: &dyn Place) {
    let [one, other] = [place.open().await, place.open().await];
    assert_eq!(other.get(&key("a")).await, Ok(None));
    one.set(&key("a"), b"1", LONG).await.expect("kept");
    one.set(&key("b"), b"2", LONG).await.expect("kept");
    assert_eq!(other.get(&key("a")).await, Ok(Some(b"1".to_vec())));
    other.set(&key("a"), b"3", LONG).await.expect("kept");
    assert_eq!(one.get(&key("a")).await, Ok(Some(b"3".to_vec())));
    other.forget(&[key("a"), key("never there")]).await.expect("forgotten");
    assert_eq!(one.get(&key("a")).await, Ok(None));
    assert_eq!(one.get(&key("b")).await, Ok(Some(b"2".to_vec())));
}

pub(super) async fn a_value_is_any_bytes(place: &dyn Place) {
    let values = place.open().await;
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for value in [&all[..], b"", b"\r\n$5\r\n"] {
        values.set(&key("a"), value, LONG).await.expect("kept");
        assert_eq!(values.get(&key("a")).await.as_ref().map(Option::as_deref), Ok(Some(value)));
    }
}

pub(super) async fn a_value_ends_with_its_time(place: &dyn Place) {
    let values = place.open().await;
    let short = Duration::from_millis(50);
    values.set(&key("set"), b"1", short).await.expect("kept");
    values.set_absent(&key("absent"), b"1", short).await.expect("kept");
    values.set(&key("swapped"), b"1", LONG).await.expect("kept");
    assert_eq!(values.swap(&key("swapped"), b"1", b"2", short).await, Ok(true));
    values.set(&key("longer"), b"1", short).await.expect("kept");
    values.set(&key("longer"), b"1", LONG).await.expect("kept");
    for short in ["set", "absent", "swapped"] {
        ended(values.as_ref(), &key(short)).await;
    }
    assert_eq!(values.get(&key("longer")).await, Ok(Some(b"1".to_vec())));
    assert_eq!(values.set_absent(&key("absent"), b"2", LONG).await, Ok(None), "nothing is there any more");
}

pub(super) async fn of_many_who_set_what_is_absent_one_does(place: &dyn Place) {
    let mut clients = Vec::new();
    for client in 0..MANY {
        let values = place.open().await;
        clients.push(tokio::spawn(async move {
            values.set_absent(&key("a"), &[client], LONG).await.expect("it is there")
        }));
    }
    let mut found = Vec::new();
    for client in clients {
        found.push(client.await.expect("it ends"));
    }
    let there = place.open().await.get(&key("a")).await.expect("readable").expect("one did");
    let winner = found.iter().position(Option::is_none).expect("one is told that there was nothing");
    assert_eq!(there, [u8::try_from(winner).expect("few")]);
    assert_eq!(found.iter().filter(|found| found.as_ref() == Some(&there)).count(), usize::from(MANY) - 1);
}

pub(super) async fn a_swap_takes_place_only_where_the_old_value_is(place: &dyn Place) {
    let values = place.open().await;
    assert_eq!(values.swap(&key("a"), b"", b"1", LONG).await, Ok(false), "nothing is no empty value");
    values.set(&key("a"), b"1", LONG).await.expect("kept");
    assert_eq!(values.swap(&key("a"), b"2", b"3", LONG).await, Ok(false));
    assert_eq!(values.swap(&key("a"), b"1", b"3", LONG).await, Ok(true));
    assert_eq!(values.swap(&key("a"), b"1", b"4", LONG).await, Ok(false));
    assert_eq!(values.get(&key("a")).await, Ok(Some(b"3".to_vec())));
}

pub(super) async fn of_many_who_swap_one_does(place: &dyn Place) {
    place.open().await.set(&key("a"), b"old", LONG).await.expect("kept");
    let mut clients = Vec::new();
    for client in 0..MANY {
        let values = place.open().await;
        clients.push(tokio::spawn(async move { values.swap(&key("a"), b"old", &[client], LONG).await }));
    }
    let mut swapped = 0;
    for client in clients {
        swapped += usize::from(client.await.expect("it ends").expect("it is there"));
    }
    assert_eq!(swapped, 1);
}
