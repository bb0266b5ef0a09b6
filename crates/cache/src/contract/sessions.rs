//! Sessions, as they are kept there.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::Place;
use crate::seal::Seal;
use crate::sessions::{NewSession, Session, SessionId, Sessions};

const KEPT: Duration = Duration::from_secs(24 * 3600);

async fn sessions(place: &dyn Place) -> Sessions {
    Sessions::new(place.open().await, Seal::new(Uuid::from_u128(1), &[7; 32]), KEPT)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

async fn begun(sessions: &Sessions, subject: &str) -> (SessionId, Session) {
    let new = NewSession { subject: subject.to_owned(), begun_at: now() };
    sessions.begin(new).await.expect("it begins")
}

pub(super) async fn a_session_is_found_until_it_is_ended(place: &dyn Place) {
    let [one, other] = [sessions(place).await, sessions(place).await];
    let (id, session) = begun(&one, "operator-1").await;
    let (beside, _) = begun(&one, "operator-1").await;
    assert_eq!(session.ends_at.duration_since(session.begun_at), jiff::SignedDuration::from_hours(24));
    assert_eq!(other.find(&SessionId::shown(id.expose()), now()).await, Ok(Some(session)));
    assert_eq!(other.find(&SessionId::shown("made up"), now()).await, Ok(None));
    other.end(&id).await.expect("ended");
    assert_eq!(one.find(&id, now()).await, Ok(None));
    assert!(one.find(&beside, now()).await.expect("readable").is_some());
}

pub(super) async fn all_sessions_of_somebody_end_together_and_no_others(place: &dyn Place) {
    let sessions = sessions(place).await;
    let mine = [begun(&sessions, "operator-1").await, begun(&sessions, "operator-1").await];
    let (others, _) = begun(&sessions, "operator-2").await;
    sessions.end_all("operator-1").await.expect("ended");
    for (id, _) in &mine {
        assert_eq!(sessions.find(id, now()).await, Ok(None));
    }
    assert!(sessions.find(&others, now()).await.expect("readable").is_some());
    let (again, _) = begun(&sessions, "operator-1").await;
    assert!(sessions.find(&again, now()).await.expect("readable").is_some());
    assert_eq!(sessions.find(&mine[0].0, now()).await, Ok(None), "what was ended stays so");
}

pub(super) async fn a_session_ends_with_its_time(place: &dyn Place) {
    let sessions = sessions(place).await;
    let (id, session) = begun(&sessions, "operator-1").await;
    let second = jiff::SignedDuration::from_secs(1);
    assert!(sessions.find(&id, session.ends_at - second).await.expect("readable").is_some());
    assert_eq!(sessions.find(&id, session.ends_at).await, Ok(None));
}

pub(super) async fn what_is_kept_of_a_session_does_not_open_it(place: &dyn Place) {
    let sessions = sessions(place).await;
    let (id, _) = begun(&sessions, "operator-1").await;
    let values = place.open().await;
    let seal = Seal::new(Uuid::from_u128(1), &[7; 32]);
    let key = seal.key("session", id.expose().as_bytes());
    let kept = values.get(&key).await.expect("readable").expect("it is there");
    assert!(!key.as_str().contains(id.expose()) && !kept.windows(8).any(|part| part == b"operator"));
    values.set(&key, &kept[1..], KEPT).await.expect("kept");
    assert_eq!(sessions.find(&id, now()).await, Ok(None), "what is not whole is no session");
}
