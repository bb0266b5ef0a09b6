//! A history that is right, made by hand, and a seeded fault for each rule.

mod controls;
mod faults;
mod lives;
mod right;

use super::*;
use right::{Case, right};

#[test]
fn a_right_history_passes() {
    let Case { history, listing } = right();
    assert_eq!(judge(&history, &listing).to_string(), "passed");
}

#[test]
fn the_order_of_the_listing_does_not_matter() {
    let Case { history, mut listing } = right();
    listing.authorizations.reverse();
    assert_eq!(judge(&history, &listing).to_string(), "passed");
}

#[test]
fn a_run_in_which_nothing_happened_passes() {
    assert!(judge(&History::default(), &Listing::default()).passed);
}

#[test]
fn an_error_that_is_carried_along_is_named_once() {
    let Case { history, mut listing } = right();
    for token in ["s01", "s02", "s03", "s04", "s05", "s06", "s07", "s08", "s09"] {
        let listed = listing.authorizations.iter_mut().find(|listed| listed.token == token);
        let available = &mut listed.expect("it is listed").available_after;
        *available = match available.as_deref() {
            Some("70.00") => Some("69.99".to_owned()),
            _ => Some("64.99".to_owned()),
        };
    }
    let verdict = judge(&history, &listing);
    // Once where it appears and once where it is gone again.
    assert_eq!(verdict.count, 2, "{verdict}");
}

#[test]
fn differences_are_counted_and_the_first_are_named() {
    let Case { history, mut listing } = right();
    let stranger = listing.authorizations[0].clone();
    listing.authorizations.extend((0..80).map(|number| Authorization {
        token: format!("stranger-{number}"),
        owner: None,
        owner_sequence: None,
        ..stranger.clone()
    }));
    let verdict = judge(&history, &listing);
    assert_eq!((verdict.passed, verdict.count, verdict.differences.len()), (false, 80, 50));
    assert!(verdict.to_string().ends_with("and 30 more"), "{verdict}");
}

#[test]
fn text_and_json_name_the_invariant_first() {
    let mut differences = Differences::default();
    differences.add(Kind::Posted, "acct_1: one cent".to_owned());
    differences.add(Kind::Unread, "acct_2 is not shown".to_owned());
    let verdict = differences.into_verdict();
    let lines = ["L1 acct_1: one cent", "unknown acct_2 is not shown"];
    assert_eq!(verdict.to_string(), format!("failed: 2 differences\n- {}\n- {}", lines[0], lines[1]));
    let json = serde_json::to_value(&verdict).expect("JSON");
    assert_eq!(json, serde_json::json!({"passed": false, "count": 2, "differences": lines}));
}
