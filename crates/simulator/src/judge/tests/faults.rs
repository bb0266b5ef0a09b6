//! One fault at a time is put into the right history; the judge has to name it.

use std::sync::Arc;

use super::right::{COMPANY, Case, at, id_of, right, usd};
use super::*;
use crate::Invariant::{D1, D2, D4, L1, L3, L4, L5, M1, M2, M3, M4, O3, R1, Unknown, V2, V3};
use crate::history::{Answer, Delivery, Outcome, Part, What};

/// Judges the right history with one fault in it, and looks for the fault by what it breaks and its name.
#[track_caller]
fn fault(breaks: Invariant, named: &str, put: impl FnOnce(&mut Case)) {
    fault_in(right(), breaks, named, put);
}

#[track_caller]
pub(super) fn fault_in(mut case: Case, breaks: Invariant, named: &str, put: impl FnOnce(&mut Case)) {
    put(&mut case);
    let verdict = judge(&case.history, &case.listing);
    assert!(!verdict.passed, "not seen: {named}");
    let is_named =
        |of: &Difference| of.to_string().starts_with(&format!("{breaks} ")) && of.problem.contains(named);
    assert!(verdict.differences.iter().any(is_named), "{breaks} {named:?} is not in: {verdict}");
}

impl Case {
    pub(super) fn listed(&mut self, token: &str) -> &mut Authorization {
        let mut listed = self.listing.authorizations.iter_mut();
        listed.find(|listed| listed.token == token).expect("it is listed")
    }

    pub(super) fn swiped(&mut self, token: &str) -> &mut Swipe {
        let mut swipes = self.history.swipes.iter_mut();
        swipes.find(|swipe| &*swipe.token == token).expect("it was sent")
    }

    fn answer(&mut self, token: &str) -> &mut Answer {
        match &mut self.swiped(token).deliveries[0] {
            Delivery::Answered(answer) => answer,
            other => panic!("{token} was not answered but {other:?}"),
        }
    }

    pub(super) fn outcome(&mut self, key: &str) -> &mut Outcome {
        let mut actions = self.history.actions.iter_mut();
        &mut actions.find(|action| action.key == key).expect("it was sent").outcome
    }

    /// The server approved it instead, and said so everywhere.
    pub(super) fn approve(&mut self, token: &str) {
        let listed = self.listed(token);
        listed.status = "approved".to_owned();
        listed.decline_reason = None;
        listed.approved_amount = listed.amount.clone();
        if let Some(Delivery::Answered(answer)) = self.swiped(token).deliveries.first_mut() {
            answer.status = 200;
            answer.decline_reason = None;
        }
    }

    /// The server declined it instead, or for another reason, and said so everywhere.
    pub(super) fn decline(&mut self, token: &str, reason: &str, word: &str) {
        let listed = self.listed(token);
        listed.status = "declined".to_owned();
        listed.decline_reason = Some(reason.to_owned());
        listed.approved_amount = None;
        let answer = self.answer(token);
        answer.status = 402;
        answer.decline_reason = Some(word.into());
    }
}

#[test]
fn an_approval_that_a_rule_forbids_is_named_with_its_rule() {
    for (token, reason, breaks) in [
        ("s02", "insufficient_funds", L4),
        ("s13", "insufficient_funds", L4),
        ("s05", "card_not_active", V3),
        ("s11", "card_not_active", V3),
        ("s14", "card_not_active", V3),
        ("s15", "card_not_active", V3),
        ("s06", "cardholder_not_active", V3),
        ("s07", "card_of_another_cardholder", R1),
        ("s08", "currency_mismatch", R1),
        ("s09", "invalid_amount", R1),
        ("s10", "hold_group_ended", L3),
        ("p01", "owner_not_active", V3),
    ] {
        let named = format!("{token}: approved, expected declined {reason}");
        fault(breaks, &named, |case| case.approve(token));
    }
}

#[test]
fn an_approval_for_an_unknown_card_is_named() {
    fault(R1, "u01: the listed decision", |case| case.approve("u01"));
}

#[test]
fn a_decline_without_a_reason_to_decline_is_named() {
    for token in ["s01", "s03", "s04", "s12"] {
        let named = format!("{token}: declined insufficient_funds, expected approved");
        fault(R1, &named, |case| case.decline(token, "insufficient_funds", "INSUFFICIENT_FUNDS"));
    }
}

#[test]
fn a_wrong_reason_is_named() {
    let named = "s07: declined card_not_active, expected declined card_of_another_cardholder";
    fault(R1, named, |case| case.decline("s07", "card_not_active", "CARD_NOT_ACTIVE"));
    let named = "s05: declined insufficient_funds, expected declined card_not_active";
    fault(R1, named, |case| case.decline("s05", "insufficient_funds", "INSUFFICIENT_FUNDS"));
}

#[test]
fn a_decision_that_is_none_is_named() {
    fault(R1, "s01: approved insufficient_funds", |case| {
        case.listed("s01").decline_reason = Some("insufficient_funds".to_owned());
    });
    fault(R1, "s02: declined, expected", |case| case.listed("s02").decline_reason = None);
    fault(R1, "s01: pending, expected", |case| case.listed("s01").status = "pending".to_owned());
}

#[test]
fn more_or_less_than_is_to_be_approved_is_named() {
    for (token, wrong, breaks) in [
        ("s01", "30.01", R1),
        ("s17", "1.00", R1),
        ("s18", "3.99", R1),
        ("s19", "9.00", L4),
        ("s19", "5.99", R1),
    ] {
        fault(breaks, &format!("{token}: Some(\"{wrong}\") approved, expected"), |case| {
            case.listed(token).approved_amount = Some(wrong.to_owned());
            case.answer(token).amount = wrong.into();
        });
        fault(D4, &format!("{token}: the answer's amount"), |case| case.answer(token).amount = wrong.into());
    }
    fault(R1, "s19: declined insufficient_funds, expected approved", |case| {
        case.decline("s19", "insufficient_funds", "INSUFFICIENT_FUNDS");
    });
    fault(M2, "s18: the listed transaction", |case| case.listed("s18").transaction = "purchase".to_owned());
}

#[test]
fn an_available_amount_that_is_off_by_one_is_named() {
    for (token, wrong) in [("s01", "70.01"), ("s02", "69.99"), ("s12", "-0.01"), ("p01", "9.99")] {
        fault(L4, &format!("{token}: {wrong} USD is shown as available"), |case| {
            case.listed(token).available_after = Some(wrong.to_owned());
        });
    }
    fault(L4, "s01: the available amount is shown as None", |case| case.listed("s01").available_after = None);
    fault(L4, "unload of 40.00 USD", |case| {
        *case.outcome("key-28") = Outcome::Done { sequence: 28, at: at(28), available: Some("ten".into()) };
    });
}

#[test]
fn a_number_that_nothing_has_is_named() {
    fault(O3, "nothing is known of #26", |case| {
        case.listing.authorizations.retain(|listed| listed.token != "s11");
    });
    fault(O3, "nothing is known of #42", |case| case.listing.owners[0].sequence = 42);
    fault(O3, "nothing is known of #42 to #44", |case| case.listing.owners[0].sequence = 44);
}

#[test]
fn a_number_that_two_have_is_named() {
    fault(O3, "#14 is given to both s01 and s02", |case| case.listed("s02").owner_sequence = Some(14));
    fault(O3, "#10 is given to both s01 and load", |case| case.listed("s01").owner_sequence = Some(10));
    fault(O3, "#9 is given to s01, but it is a creation's", |case| {
        case.listed("s01").owner_sequence = Some(9)
    });
    fault(O3, "s01 has no number", |case| case.listed("s01").owner_sequence = None);
    fault(R1, "its sequence is shown as 40, but #41", |case| case.listing.owners[0].sequence = 40);
}

#[test]
fn time_that_runs_backwards_is_named() {
    fault(V2, "before its predecessor", |case| case.listed("s12").decided_at = at(3));
}

#[test]
fn a_token_that_was_decided_twice_or_never_sent_is_named() {
    fault(M1, "s01: decided twice", |case| {
        let mut second = case.listed("s01").clone();
        second.id = id_of("again");
        second.owner_sequence = Some(35);
        case.listing.authorizations.push(second);
        case.listing.owners[0].sequence = 35;
    });
    fault(M1, "never-sent: decided as msg_", |case| {
        let mut stranger = case.listed("s01").clone();
        stranger.token = "never-sent".to_owned();
        case.listing.authorizations.push(stranger);
    });
}

#[test]
fn an_answered_token_that_the_server_does_not_show_is_named() {
    for token in ["s01", "s02", "u01"] {
        fault(D1, &format!("{token}: answered"), |case| {
            case.listing.authorizations.retain(|listed| listed.token != token);
        });
    }
}

#[test]
fn an_answer_that_differs_from_the_stored_decision_is_named() {
    fault(D1, "s01: the answer's status is 402, expected 200", |case| case.answer("s01").status = 402);
    fault(D1, "s02: the answer's status is 200, expected 402", |case| case.answer("s02").status = 200);
    fault(D4, "s01: the answer's amount", |case| case.answer("s01").amount = "29.99".into());
    fault(D1, "s02: the answer's amount", |case| case.answer("s02").amount = "\"70.01\"".into());
    fault(D1, "s02: the answer's reason", |case| {
        case.answer("s02").decline_reason = Some("INVALID_CARD".into());
    });
    fault(D1, "s02: the answer's reason", |case| case.answer("s02").decline_reason = None);
    fault(D1, "s01: the answer's reason", |case| {
        case.answer("s01").decline_reason = Some("INSUFFICIENT_FUNDS".into());
    });
    fault(D1, "s01: the answer's decision id", |case| case.answer("s01").decision = Some(id_of("s02")));
    fault(D1, "s01: the answer's decision id", |case| case.answer("s01").decision = None);
    fault(D2, "s03: answered 400", |case| {
        case.swiped("s03").deliveries = vec![Delivery::Unusable("400 is no decision".to_owned())];
    });
}

#[test]
fn a_repeat_with_other_bytes_is_named() {
    fault(M2, "s05: a repeat was answered with other bytes", |case| case.answer("s05").digest += 1);
    fault(M3, "s05: a repeat was answered with other bytes", |case| {
        let mut later = case.answer("s05").clone();
        (later.status, later.digest) = (200, later.digest + 1);
        case.swiped("s05").deliveries.push(Delivery::Answered(later));
    });
}

#[test]
fn another_amount_under_the_same_token_has_to_be_a_duplicate() {
    let answered = |status, reason: Option<&str>| {
        Delivery::Answered(Answer {
            status,
            decision: None,
            amount: "70.02".into(),
            decline_reason: reason.map(Into::into),
            digest: 99,
        })
    };
    for delivery in [
        answered(200, None),
        answered(402, None),
        answered(402, Some("INSUFFICIENT_FUNDS")),
        answered(200, Some("DUPLICATE_TRANSACTION")),
        Delivery::Unusable("409".to_owned()),
    ] {
        fault(M2, "s02: another amount under the same token", |case| {
            case.swiped("s02").conflicts = vec![delivery];
        });
    }
}

#[test]
fn a_stored_decision_about_something_else_is_named() {
    fault(M2, "s01: the listed kind", |case| case.listed("s01").kind = "increment".to_owned());
    fault(M2, "s01: the listed card", |case| case.listed("s01").card_token = "idle".to_owned());
    fault(M2, "s01: the listed amount", |case| case.listed("s01").amount = Some("30.01".to_owned()));
    fault(M2, "s01: the listed amount", |case| case.listed("s01").amount = None);
    fault(M2, "s09: the listed amount", |case| case.listed("s09").amount = Some("1.00".to_owned()));
    fault(M2, "s01: the listed currency", |case| case.listed("s01").currency = Some("EUR".to_owned()));
    fault(M2, "s01: the listed account", |case| case.listed("s01").account = None);
    fault(L3, "s03: the listed group", |case| case.listed("s03").group = Some(id_of("s03")));
    fault(M2, "s01: the listed owner", |case| case.listed("s01").owner = None);
    fault(M2, "u01: the listed owner", |case| case.listed("u01").owner = Some(COMPANY));
    fault(O3, "u01: the listed owner's sequence", |case| case.listed("u01").owner_sequence = Some(1));
    fault(L4, "u01: the listed available amount", |case| {
        case.listed("u01").available_after = Some("0.00".to_owned());
    });
}

#[test]
fn a_balance_that_is_off_by_one_is_named() {
    fault(L1, "what is posted", |case| case.listing.accounts[0].posted = "60.01".to_owned());
    fault(L3, "what is held", |case| case.listing.accounts[0].held = "59.99".to_owned());
    fault(L4, "what is available", |case| case.listing.accounts[1].available = "-10.00".to_owned());
    fault(L4, "what is available", |case| case.listing.accounts[1].available = "a lot".to_owned());
    fault(L3, "the number of open holds", |case| case.listing.accounts[0].open_holds = 2);
    fault(L5, "the number of entries", |case| case.listing.accounts[0].entries = 3);
    fault(Unknown, "acct_00000000000000000000000004 is not shown", |case| case.listing.accounts.truncate(1));
    fault(Unknown, "it is not shown", |case| case.listing.owners.truncate(1));
}

#[test]
fn an_action_that_should_have_been_granted_is_named() {
    let refused = |code: &str| Outcome::Refused { status: 409, code: code.to_owned() };
    fault(R1, "should have been granted", |case| *case.outcome("key-10") = refused("owner_not_active"));
    fault(R1, "reversal of s01 should have been granted", |case| {
        *case.outcome("key-23") = refused("hold_group_ended");
    });
    fault(R1, "should have been granted", |case| *case.outcome("key-27") = refused("transition_not_allowed"));
    // It would have fitted at 60.00, with another code.
    fault(O3, "nothing is known of #29", |case| *case.outcome("key-refused") = refused("owner_not_active"));
}

#[test]
fn an_action_that_should_have_been_refused_is_named() {
    fault(L4, "granted, expected insufficient_funds", |case| {
        *case.outcome("key-refused") =
            Outcome::Done { sequence: 29, at: at(29), available: Some("-10.00".into()) };
    });
    fault(L3, "granted, expected hold_group_ended", |case| {
        case.history.actions.iter_mut().for_each(|action| {
            if let What::Release { token, .. } = &mut action.what {
                *token = "s02".into();
            }
        });
    });
    let release = |case: &mut Case, number: i64, put: fn(&mut Arc<str>, &mut Part)| {
        case.history.actions.iter_mut().for_each(|action| {
            if let What::Release { token, part, .. } = &mut action.what
                && action.key == format!("key-{number}")
            {
                put(token, part);
            }
        });
    };
    fault(M4, "#39 reversal of 6.01 USD of s19: granted, expected more_than_held", |case| {
        release(case, 39, |_, part| *part = Part::Amount(usd(601)));
    });
    fault(L3, "#41 expiry of s01: granted, expected hold_group_ended", |case| {
        release(case, 41, |token, _| *token = "s01".into());
    });
    fault(V3, "granted, expected transition_not_allowed", |case| {
        let terminated = case.history.cards[3].id;
        case.history.actions.iter_mut().for_each(|action| {
            if let What::Move(crate::history::Object::Card(card), to) = &mut action.what
                && action.key == "key-27"
            {
                (*card, *to) = (terminated, crate::history::Status::Active);
            }
        });
    });
}

#[test]
fn an_action_of_which_nothing_is_known_is_named() {
    fault(Unknown, "is not known: connection refused", |case| {
        *case.outcome("key-28") = Outcome::Unresolved("connection refused".to_owned());
    });
}
