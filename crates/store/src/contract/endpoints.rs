//! Endpoints: changed by whoever knows their newest version.

use bursar_core::ProgramId;
use futures_util::future::join;
use jiff::SignedDuration;

use super::{NOON, Place, given};
use crate::endpoint::{Endpoint, Endpoints};
use crate::reader::Page;

fn program() -> ProgramId {
    ProgramId::new(given::id())
}

/// An endpoint that is stored.
pub(super) async fn endpoint(endpoints: &dyn Endpoints) -> Endpoint {
    let endpoint = given::endpoint(program());
    create(endpoints, &endpoint).await;
    endpoint
}

async fn create(endpoints: &dyn Endpoints, endpoint: &Endpoint) {
    assert_eq!(endpoints.create_endpoint(endpoint.clone()).await, Ok(true));
}

/// Changes the newest version of an endpoint.
pub(super) async fn change(
    endpoints: &dyn Endpoints,
    endpoint: &Endpoint,
    change: impl FnOnce(&mut Endpoint),
) {
    let mut changed = find(endpoints, endpoint).await;
    change(&mut changed);
    assert_eq!(endpoints.change_endpoint(changed).await, Ok(true));
}

async fn find(endpoints: &dyn Endpoints, endpoint: &Endpoint) -> Endpoint {
    endpoints.find_endpoint(endpoint.id).await.expect("readable").expect("there")
}

/// An endpoint with something else in every field but its id.
fn other_than(endpoint: &Endpoint) -> Endpoint {
    Endpoint {
        id: endpoint.id,
        program: program(),
        url: "https://example.org/".to_owned(),
        events: Vec::new(),
        secret: b"other".to_vec(),
        secret_before: None,
        is_on: false,
        created_at: NOON + SignedDuration::from_secs(7),
        version: endpoint.version,
        request: Vec::new(),
        rotated_by: None,
    }
}

pub(super) async fn an_endpoint_is_read_back_as_it_was_made_and_made_once(place: &dyn Place) {
    let endpoints = place.open();
    let first = endpoint(endpoints.as_ref()).await;
    assert_eq!(find(endpoints.as_ref(), &first).await, first);
    assert_eq!(endpoints.create_endpoint(other_than(&first)).await, Ok(false));
    assert_eq!(find(endpoints.as_ref(), &first).await, first, "it stays as it is");
    assert_eq!(endpoints.find_endpoint(given::id()).await, Ok(None));
}

pub(super) async fn an_endpoint_is_changed_by_who_knows_its_newest_version(place: &dyn Place) {
    let endpoints = place.open();
    let first = endpoint(endpoints.as_ref()).await;
    let other = other_than(&first);
    assert_eq!(endpoints.change_endpoint(other.clone()).await, Ok(true));
    let other = Endpoint { version: 2, ..other };
    assert_eq!(find(endpoints.as_ref(), &first).await, other);
    assert_eq!(endpoints.change_endpoint(first.clone()).await, Ok(false), "somebody changed it meanwhile");
    assert_eq!(find(endpoints.as_ref(), &first).await, other);
    assert_eq!(endpoints.change_endpoint(Endpoint { version: 2, ..first.clone() }).await, Ok(true));
    let back = Endpoint { version: 3, ..first };
    assert_eq!(find(endpoints.as_ref(), &back).await, back);
    assert_eq!(endpoints.delete_endpoint(back.id).await, Ok(true));
    assert_eq!(endpoints.change_endpoint(back.clone()).await, Ok(false), "nor one that is gone");
    assert_eq!(endpoints.find_endpoint(back.id).await, Ok(None));
}

pub(super) async fn of_two_who_change_an_endpoint_at_once_one_does(place: &dyn Place) {
    let endpoints = place.open();
    let first = endpoint(endpoints.as_ref()).await;
    let [one, two] = ["one", "two"].map(|url| Endpoint { url: url.to_owned(), ..first.clone() });
    let changed = join(endpoints.change_endpoint(one), endpoints.change_endpoint(two)).await;
    let url = match changed {
        (Ok(true), Ok(false)) => "one",
        (Ok(false), Ok(true)) => "two",
        both => panic!("{both:?}"),
    };
    assert_eq!(find(endpoints.as_ref(), &first).await, Endpoint { url: url.to_owned(), version: 2, ..first });
}

pub(super) async fn an_endpoint_is_switched_off_while_it_has_that_url(place: &dyn Place) {
    let endpoints = place.open();
    let [first, other] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    assert_eq!(endpoints.switch_off(first.id, "https://example.com/before").await, Ok(false));
    assert_eq!(endpoints.switch_off(given::id(), &first.url).await, Ok(false));
    assert_eq!(find(endpoints.as_ref(), &first).await, first);
    assert_eq!(endpoints.switch_off(first.id, &first.url).await, Ok(true));
    let off = Endpoint { is_on: false, version: 2, ..first.clone() };
    assert_eq!(find(endpoints.as_ref(), &first).await, off);
    assert_eq!(endpoints.change_endpoint(first).await, Ok(false), "who saw it on knows not the newest");
    assert_eq!(find(endpoints.as_ref(), &other).await, other);
}

pub(super) async fn endpoints_are_listed_by_program_and_in_pages(place: &dyn Place) {
    let endpoints = place.open();
    let (one, other) = (program(), program());
    let all: Vec<Endpoint> = [one, other, one, one].into_iter().map(given::endpoint).collect();
    for endpoint in &all {
        create(endpoints.as_ref(), endpoint).await;
    }
    let list = async |program, after, limit| {
        endpoints.list_endpoints(program, Page { after, limit }).await.expect("readable")
    };
    assert_eq!(list(None, None, 3).await, all[..3]);
    assert_eq!(list(None, Some(all[2].id), 3).await, all[3..]);
    assert_eq!(list(Some(other), None, 9).await, all[1..2]);
    assert_eq!(list(Some(one), Some(all[0].id), 1).await, all[2..3]);
    assert_eq!(list(Some(program()), None, 9).await, []);
}
