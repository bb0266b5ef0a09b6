//! What one forgets, all hear.

use tokio::time::timeout;

use super::{LONG, PATIENCE, Place, key};

pub(super) async fn every_instance_hears_what_one_forgets(place: &dyn Place) {
    let instances = [place.open().await, place.open().await, place.open().await];
    let mut ears = Vec::new();
    for instance in &instances {
        // Before this nobody promises anything.
        instance.hearing().wait_for(|hears| *hears).await.expect("it is there");
        ears.push(instance.forgotten());
    }
    instances[0].forget(&[key("a"), key("b")]).await.expect("forgotten");
    instances[1].forget(&[key("c")]).await.expect("forgotten");
    for ear in &mut ears {
        let mut heard = Vec::new();
        while heard.len() < 3 {
            heard.extend(timeout(PATIENCE, ear.recv()).await.expect("soon").expect("heard"));
        }
        heard.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        assert_eq!(heard, [key("a"), key("b"), key("c")]);
    }
}

pub(super) async fn what_was_forgotten_is_gone_before_anybody_hears_of_it(place: &dyn Place) {
    let [one, other] = [place.open().await, place.open().await];
    other.hearing().wait_for(|hears| *hears).await.expect("it is there");
    for round in 0..20 {
        let mut ear = other.forgotten();
        one.set(&key("a"), &[round], LONG).await.expect("kept");
        one.forget(&[key("a")]).await.expect("forgotten");
        let heard = timeout(PATIENCE, ear.recv()).await.expect("soon").expect("heard");
        assert_eq!((heard, other.get(&key("a")).await), (vec![key("a")], Ok(None)));
    }
}
