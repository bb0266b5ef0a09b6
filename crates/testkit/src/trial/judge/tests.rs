//! Each rule of the verdict turns red by a fault of its own in what was noted and read.

use std::sync::Arc;

use bursar_core::Answer;

use super::*;
use crate::SqlitePlace;
use crate::trial::clients::Clients;
use crate::trial::{Trial, notes, reads};

/// A trial on a ledger that is right, up to the verdict.
async fn trial() -> (Arc<Clients>, Reads) {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let Trial { clients, tasks } = Trial::begin(ledger.clone(), vec![ledger]).await;
    clients.deliveries(600).await;
    clients.stop();
    let mut notes: Vec<notes::Note> = Vec::new();
    for task in tasks {
        notes.extend(task.await.expect("no panic"));
    }
    let reads = reads::read(&clients, notes).await.expect("readable");
    (clients, reads)
}

fn is_approved_swipe(note: &Note) -> bool {
    matches!(note.about, About::Swipe { .. }) && note.is_approved()
}

/// The first note of this kind.
fn first(reads: &mut Reads, is_wanted: impl Fn(&Note) -> bool) -> &mut Note {
    let mut notes = reads.notes.iter_mut().map(|(note, _)| note);
    notes.find(|note| is_wanted(note)).expect("a trial has one")
}

fn shown_first(reads: &mut Reads) -> &mut Swipe {
    let token = first(reads, is_approved_swipe).token().to_owned();
    &mut reads.after.swipes.get_mut(&token).expect("shown")[0]
}

fn other_answer(answer: &Known) -> Known {
    match answer {
        Known::Answered(answer) => {
            Known::Answered(Answer { code: 200, body: [&answer.body[..], b" "].concat() })
        }
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_has_a_fault_that_breaks_it() {
    let (clients, reads) = trial().await;
    let world = &clients.world;
    assert_eq!(judge(world, &reads), Vec::new());
    type Damage = fn(&mut Reads);
    let damages: [(&str, Damage); 15] = [
        ("unknown", |reads| {
            first(reads, is_approved_swipe).deliveries = vec![(Known::Unknown("cut".into()), 0)];
        }),
        ("unknown", |reads| reads.accounts.truncate(1)),
        ("M1", |reads| drop(reads.after.swipes.insert("stranger".into(), Vec::new()))),
        ("M1", |reads| {
            let twice = shown_first(reads).clone();
            let token = first(reads, is_approved_swipe).token().to_owned();
            reads.after.swipes.entry(token).or_default().push(twice);
        }),
        ("M2", |reads| first(reads, is_approved_swipe).deliveries.push((Known::Conflict, 0))),
        ("M2", |reads| {
            let deliveries = &mut first(reads, is_approved_swipe).deliveries;
            deliveries.push((other_answer(&deliveries[0].0), 0));
        }),
        ("M3", |reads| {
            let is_declined = |note: &Note| note.answered().is_some_and(|(answer, _)| answer.code == 402);
            let deliveries = &mut first(reads, is_declined).deliveries;
            let last = deliveries.last().expect("delivered").0.clone();
            deliveries.push((other_answer(&last), 0));
        }),
        ("D1", |reads| {
            let token = first(reads, is_approved_swipe).token().to_owned();
            reads.before.swipes.remove(&token);
        }),
        ("D1", |reads| reads.before.loads.clear()),
        ("D3", |reads| {
            first(reads, is_approved_swipe).deliveries = vec![(Known::Failed("down".into()), 0)];
        }),
        ("D4", |reads| shown_first(reads).approved = Some(1)),
        ("L3", |reads| shown_first(reads).held = Some(1)),
        ("L1", |reads| reads.accounts[0].posted_minor += 1),
        ("L4", |reads| reads.accounts[1].held_minor = i64::MAX),
        ("R1", |reads| first(reads, is_approved_swipe).is_unseen = true),
    ];
    for (rule, damage) in damages {
        let mut damaged = reads.clone();
        damage(&mut damaged);
        let broke: Vec<&str> = judge(world, &damaged).iter().map(|finding| finding.rule).collect();
        assert!(broke.contains(&rule), "{rule} is not among {broke:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_and_suspensions_are_held_against_what_was_approved() {
    let (clients, reads) = trial().await;
    let approved = reads.swipes_of(1).find(|note| note.is_approved()).expect("a trial has one").clone();
    let mut beyond = reads.clone();
    // As if the limited card had bought it, again and again.
    for _ in 0..100 {
        let mut note = approved.clone();
        note.about = About::Swipe { account: LIMITED, minor: 100 };
        beyond.notes.push((note, true));
    }
    assert!(judge(&clients.world, &beyond).iter().any(|finding| finding.rule == "V1"));
    let mut suspended = reads;
    let is_suspension = |note: &Note| note.about == About::Watch { suspends: true } && note.is_approved();
    let from = first(&mut suspended, is_suspension).answered().expect("answered").1;
    let mut note = approved;
    note.about = About::Swipe { account: WATCHED, minor: 100 };
    note.began = from + 1;
    note.deliveries[0].1 = from + 1;
    suspended.notes.push((note, true));
    assert!(judge(&clients.world, &suspended).iter().any(|finding| finding.rule == "V3"));
}
