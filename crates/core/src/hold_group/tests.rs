//! The books and takes of a group as properties of its set of messages, and by example.

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::message::{Source, TransactionKind as Kind};
use crate::text::Token;

fn any_effect() -> impl Strategy<Value = Effect> {
    let minor = 0..1_000_i64;
    prop_oneof![
        Just(Effect::None),
        Just(Effect::ReverseAll),
        Just(Effect::Expire),
        (0..1_000_000_i64).prop_map(Effect::Hold),
        minor.clone().prop_map(Effect::Hold),
        minor.clone().prop_map(Effect::Replace),
        minor.clone().prop_map(Effect::Debit),
        minor.clone().prop_map(Effect::Credit),
        minor.clone().prop_map(Effect::PendingCredit),
        minor.clone().prop_map(Effect::ReplaceCredit),
        minor.clone().prop_map(Effect::Release),
        minor.clone().prop_map(Effect::ReleaseCredit),
        minor.clone().prop_map(Effect::Capture),
        minor.clone().prop_map(Effect::FinalCapture),
        minor.clone().prop_map(Effect::UndoDebit),
        minor.clone().prop_map(Effect::UndoCredit),
        minor.prop_map(Effect::ClearCredit),
    ]
}

fn message(index: usize, effect: Effect, second: i64) -> GroupMessage {
    GroupMessage {
        id: MessageId::new(Uuid::from_u128(index as u128)),
        key: MessageKey::new(Source::Api, Token::new(&index.to_string()).expect("a token")),
        processor_time: Timestamp::from_second(second).expect("a time"),
        effect,
        at: Timestamp::from_second(index as i64).expect("a time"),
        kind: Kind::Purchase,
        cash_minor: 0,
    }
}

/// What it does, when, and which transaction of the processor's it is about, as what.
type Part = (Effect, i64, Option<(u8, u8)>);

/// The operator's, or one of a few that are about three transactions of the processor's: each said once.
fn any_messages() -> impl Strategy<Value = Vec<GroupMessage>> {
    let key = prop_oneof![
        3 => Just(None),
        2 => (0..3_u8, 0..3_u8).prop_map(Some),
    ];
    prop::collection::vec((any_effect(), 0..5_i64, key), 0..8).prop_map(|parts| {
        let mut said = Vec::new();
        let parts = parts.into_iter().filter(|(_, _, key)| {
            key.is_none()
                || !said.contains(key) && {
                    said.push(*key);
                    true
                }
        });
        let of = |(index, (effect, second, key)): (usize, Part)| {
            let alone = message(index, effect, second);
            match key {
                None => alone,
                Some((token, role)) => GroupMessage { key: key_of(token, role), ..alone },
            }
        };
        parts.enumerate().map(of).collect()
    })
}

/// Of a transaction: our decision, a report, a refusal.
fn key_of(token: u8, role: u8) -> MessageKey {
    let token = Token::new(&format!("t-{token}")).expect("a token");
    let source = if role == 0 { Source::MarqetaJit } else { Source::MarqetaReport };
    let state = if role == 2 { MessageKey::REFUSED } else { "" };
    MessageKey { state: state.into(), ..MessageKey::new(source, token) }
}

/// Messages with these effects, one after the other.
fn life(effects: &[Effect]) -> Vec<GroupMessage> {
    effects.iter().enumerate().map(|(index, effect)| message(index, *effect, index as i64)).collect()
}

proptest! {
    #[test]
    fn order_and_repetition_of_deliveries_do_not_matter(
        (messages, shuffled) in any_messages().prop_flat_map(|messages| {
            let twice = [messages.clone(), messages.clone()].concat();
            (Just(messages), Just(twice).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(fold(&messages), fold(&shuffled));
        prop_assert_eq!(takes(&messages), takes(&shuffled));
    }

    #[test]
    fn what_is_held_or_pending_was_taken_and_what_was_released_was_given_back(messages in any_messages()) {
        let books = fold(&messages).expect("small sums");
        let takes = takes(&messages).expect("small sums");
        let open = |is_credit| -> i64 {
            takes.iter().filter(|take| take.is_credit == is_credit).map(|take| take.open_minor).sum()
        };
        prop_assert_eq!(open(false), books.held_minor);
        prop_assert_eq!(open(true), books.pending_credit_minor);
        prop_assert!(takes.iter().all(|take| take.amount_minor >= take.open_minor && take.open_minor >= 0));
        prop_assert!(takes.iter().map(|take| take.count).sum::<i64>() <= 1);
    }

    /// Without refunds, what was taken is what is held and what was posted.
    #[test]
    fn what_was_spent_is_what_is_taken(messages in any_messages()) {
        let messages: Vec<_> = messages.into_iter().filter(|message| !message.effect.is_credit()).collect();
        let books = fold(&messages).expect("small sums");
        let taken: i64 = takes(&messages).expect("small sums").iter().map(|take| take.amount_minor).sum();
        prop_assert_eq!(taken, books.held_minor - books.posted_minor);
    }

    #[test]
    fn what_is_held_or_pending_is_never_negative(messages in any_messages()) {
        let books = fold(&messages).expect("small sums");
        prop_assert!(books.held_minor >= 0 && books.pending_credit_minor >= 0);
        prop_assert!(books.held_minor > 0 || books.status != GroupStatus::Open);
        let has_open = books.held_minor > 0 || books.pending_credit_minor > 0;
        prop_assert!(!has_open || !books.status.has_ended(), "{:?}", books);
    }

    #[test]
    fn an_effect_is_read_back_from_its_parts(effect in any_effect()) {
        let (word, minor) = effect.parts();
        prop_assert_eq!(Effect::from_parts(word, minor), Some(effect));
    }
}

/// Held, posted, pending and where it stands; what is taken from windows and how often.
#[track_caller]
fn assert_ends(
    effects: &[Effect],
    (held_minor, posted_minor, pending_credit_minor): (i64, i64, i64),
    status: GroupStatus,
    (taken_minor, count): (i64, i64),
) {
    let books = fold(&life(effects)).expect("small sums");
    assert_eq!(books, GroupBooks { held_minor, posted_minor, pending_credit_minor, status }, "{effects:?}");
    let takes = takes(&life(effects)).expect("small sums");
    let taken = takes.iter().fold((0, 0), |(minor, count), of| (minor + of.amount_minor, count + of.count));
    assert_eq!(taken, (taken_minor, count), "{effects:?}");
}

/// The arithmetic of captures: processor reference, 5.2.
#[test]
fn captures_post_and_what_is_held_goes_down_with_them() {
    use Effect::{Capture, Expire, FinalCapture, Hold, Release, ReverseAll};
    use GroupStatus::{Closed, Expired, Open, Reversed};

    assert_ends(&[Hold(100), Capture(100)], (0, -100, 0), Closed, (100, 1));
    assert_ends(&[Hold(100), FinalCapture(80)], (0, -80, 0), Closed, (80, 1));
    assert_ends(&[Hold(100), Capture(40)], (60, -40, 0), Open, (100, 1));
    assert_ends(&[Hold(100), Capture(40), Capture(40)], (20, -80, 0), Open, (100, 1));
    assert_ends(&[Hold(100), Capture(40), ReverseAll], (0, -40, 0), Closed, (40, 1));
    assert_ends(&[Hold(100), Capture(40), Release(20)], (40, -40, 0), Open, (80, 1));
    // A tip, a full tank.
    assert_ends(&[Hold(100), Capture(120)], (0, -120, 0), Closed, (120, 1));
    // After the end of the hold, and without any.
    assert_ends(&[Hold(100), Expire], (0, 0, 0), Expired, (0, 0));
    assert_ends(&[Hold(100), Expire, Capture(90)], (0, -90, 0), Closed, (90, 1));
    assert_ends(&[Hold(100), ReverseAll, Capture(100)], (0, -100, 0), Closed, (100, 1));
    assert_ends(&[Hold(100), ReverseAll], (0, 0, 0), Reversed, (0, 0));
    assert_ends(&[Capture(100)], (0, -100, 0), Closed, (100, 1));
    assert_ends(&[Capture(100), Hold(100)], (0, -100, 0), Closed, (100, 1));
    assert_ends(&[Effect::None, Capture(100)], (0, -100, 0), Closed, (100, 1));
}

#[test]
fn an_advice_says_what_is_held() {
    use Effect::{Capture, Hold, Replace};
    use GroupStatus::{Closed, Open, Reversed};

    assert_ends(&[Hold(5_000), Replace(4_995)], (4_995, 0, 0), Open, (4_995, 1));
    assert_ends(&[Hold(100), Replace(7_200)], (7_200, 0, 0), Open, (7_200, 1));
    assert_ends(&[Hold(100), Replace(0)], (0, 0, 0), Reversed, (0, 0));
    assert_ends(&[Hold(100), Capture(30), Replace(50)], (50, -30, 0), Open, (80, 1));
    assert_ends(&[Hold(100), Capture(100), Replace(50)], (0, -100, 0), Closed, (100, 1));
}

#[test]
fn a_refund_is_pending_until_it_clears_and_gives_nothing_back() {
    use Effect::{Capture, ClearCredit, Credit, Hold, PendingCredit, ReleaseCredit, ReplaceCredit};
    use GroupStatus::{Closed, Open, Pending, Reversed};

    assert_ends(&[PendingCredit(80)], (0, 0, 80), Pending, (80, 1));
    assert_ends(&[PendingCredit(80), ClearCredit(80)], (0, 80, 0), Closed, (80, 1));
    assert_ends(&[PendingCredit(80), ClearCredit(50)], (0, 50, 30), Pending, (80, 1));
    assert_ends(&[PendingCredit(80), ClearCredit(90)], (0, 90, 0), Closed, (90, 1));
    assert_ends(&[PendingCredit(80), ReleaseCredit(80)], (0, 0, 0), Reversed, (0, 0));
    assert_ends(&[PendingCredit(80), ReplaceCredit(50)], (0, 0, 50), Pending, (50, 1));
    assert_ends(&[ClearCredit(80), PendingCredit(80)], (0, 80, 0), Closed, (80, 1));
    assert_ends(&[Hold(100), Capture(100), Credit(30)], (0, -70, 0), Closed, (100, 1));
    assert_ends(&[Hold(100), Capture(40), PendingCredit(30)], (60, -40, 30), Open, (130, 1));
    assert_ends(&[Hold(100), Capture(40), PendingCredit(30), ClearCredit(30)], (60, -10, 0), Open, (130, 1));
}
