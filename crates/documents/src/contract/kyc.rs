//! An identity is verified step by step.

use jiff::civil::date;

use super::Place;
use super::given::{at, id, opened, persons, profile, step, text};
use crate::error::{DocumentsError, PeopleError};
use crate::kyc::{Kyc, KycRefusal, KycStatus, KycStep};
use crate::sealed::SealedKyc;

pub(super) async fn an_identity_is_kept_with_all_its_steps(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let mut expected = Kyc::not_started(id(1));
    assert_eq!(given.people.find_kyc(id(1)).await, Ok(expected.clone()));
    let approval = KycStep {
        retain_until: Some(date(2036, 12, 31)),
        reason: Some(text("two of us looked")),
        ..KycStep::to(KycStatus::Approved)
    };
    let steps = [step(KycStatus::Pending), KycStep::to(KycStatus::InReview), approval];
    for (step, seconds) in steps.into_iter().zip(1..) {
        expected = expected.after(step.clone(), at(seconds)).expect("a step");
        let moved = given.people.move_kyc(id(1), expected.version - 1, step, at(seconds)).await;
        assert_eq!(moved, Ok(Ok(expected.clone())));
        assert_eq!(given.people.find_kyc(id(1)).await, Ok(expected.clone()));
    }
    assert_eq!((expected.version, expected.transitions.len()), (3, 3));
    // The profile is apart: it changes without a word about the identity.
    given.people.update(id(1), 1, profile(), at(9)).await.expect("it was seen");
    assert_eq!(given.people.find_kyc(id(1)).await, Ok(expected));
}

pub(super) async fn a_step_that_there_is_not_changes_nothing(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let moved = given.people.move_kyc(id(1), 0, step(KycStatus::Approved), at(0)).await;
    let (from, to) = (KycStatus::NotStarted, KycStatus::Approved);
    assert_eq!(moved, Ok(Err(KycRefusal::NoSuchStep { from, to })));
    assert_eq!(given.people.find_kyc(id(1)).await, Ok(Kyc::not_started(id(1))));
}

pub(super) async fn a_step_needs_the_version_that_was_seen(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let moved = given.people.move_kyc(id(1), 0, step(KycStatus::Pending), at(0)).await.expect("it was seen");
    for version in [0, 2] {
        let again = given.people.move_kyc(id(1), version, step(KycStatus::Approved), at(1)).await;
        assert_eq!(again, Err(PeopleError::Documents(DocumentsError::Conflict(id(1)))), "{version}");
    }
    // The store looks for itself, whatever was read before.
    let kept = given.documents.find_kyc(id(1)).await.expect("it is there").expect("it was begun");
    for version in [1, 3] {
        let put = given.documents.put_kyc(SealedKyc { version, ..kept.clone() }).await;
        assert_eq!(put, Err(DocumentsError::Conflict(id(1))), "{version}");
    }
    assert_eq!(given.people.find_kyc(id(1)).await.map(Ok), Ok(moved));
}
