//! The fingerprint of a message: stored for ever, so that its content may not drift.

use bursar_core::command::{Doubt, GroupRef, Purpose, Says};
use bursar_core::hold_days::{Days, DaysByMerchant};
use bursar_core::text::FreeText;
use bursar_core::{Action, Country, Mcc, Merchant, MessageId, ProgramId};
use bursar_testkit::NOON;
use bursar_testkit::given::{self, Call, usd};
use bursar_testkit::history::world;

fn sample() -> Call {
    let card = world::funded(0);
    given::authorization(&card, usd("30.00")).acting(&card).asking(|asked| {
        asked.merchant = Merchant {
            id: Some(given::token("11111")),
            mcc: Mcc::parse("5812").ok(),
            name: Some(FreeText::new("Corner Café")),
            city: None,
            country: Country::parse("USA").ok(),
            ..Merchant::default()
        };
    })
}

/// A change here means that messages answered by an older Bursar come as conflicts when they are
/// delivered again. Nothing but a new message kind may change it.
#[test]
fn the_content_that_is_compared_is_as_it_was_stored() {
    let content = serde_json::to_string(&sample().command.action).expect("plain data");
    let expected = concat!(
        r#"{"action":"authorize","method":"pgfs.authorization","purpose":"purchase","card_token":"card-0","#,
        r#""acting":{"token":"user-0"},"paying":null,"amount":{"currency":"USD","minor":{"Ok":3000}},"#,
        r#""merchant":{"id":"11111","mcc":"5812","name":"Corner Café","country":"USA"}}"#
    );
    assert_eq!(content, expected);
    let fingerprint = sample().command.fingerprint().map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(fingerprint, "6fff0fcf95aebfac5d78b1e86b597337");
}

/// Programs were made before they had days of their own.
#[test]
fn a_program_with_the_usual_days_is_compared_as_it_was_stored() {
    let content = serde_json::to_string(&given::new_program().command.action).expect("plain data");
    let expected = concat!(
        r#"{"action":"create_program","name":"Test program","time_zone":"Etc/UTC","#,
        r#""currencies":["USD","JPY","KWD"]}"#
    );
    assert_eq!(content, expected);
}

/// Whether the processor denies it, its key tells.
#[test]
fn a_doubt_is_compared_as_it_was_stored() {
    let message = MessageId::new(uuid::Uuid::from_u128(1));
    let doubt =
        |is_denied| Action::Doubt(Doubt { owner: None, group: GroupRef::Message(message), is_denied });
    let expected = format!(r#"{{"action":"doubt","group":{{"message":"{message}"}}}}"#);
    for is_denied in [false, true] {
        assert_eq!(serde_json::to_string(&doubt(is_denied)).expect("plain data"), expected);
    }
}

#[test]
fn ids_keys_times_and_what_was_looked_up_are_no_content() {
    let sample = sample();
    let fingerprint = sample.command.fingerprint();
    let looked_up_otherwise = sample.again().message("another").asking(|asked| {
        asked.route = None;
        asked.processor_time = Some(NOON);
        asked.details = Some(Box::new(given::details()));
        asked.acting.as_mut().expect("somebody acts").cardholder = None;
    });
    assert_eq!(looked_up_otherwise.command.fingerprint(), fingerprint);
    let card = world::funded(0);
    let report = given::report(&card, "t-1", Says::Capture, usd("1.00"));
    let telling = report.again().telling(given::details());
    assert_eq!(telling.command.fingerprint(), report.command.fingerprint());
    let of = GroupRef::Message(MessageId::new(given::numbered_id(7)));
    let calls = [
        given::load(&card, usd("1.00")),
        given::reversal(&card, of.clone()),
        given::capture(&card, of.clone(), usd("1.00")),
        given::refund(&card, of.clone(), usd("1.00")),
        given::expiry(&card, of),
    ];
    for (mut call, place) in calls.into_iter().zip(0..) {
        let fingerprint = call.command.fingerprint();
        match &mut call.command.action {
            Action::Transfer(transfer) => transfer.owner = None,
            Action::Reverse(reverse) => reverse.owner = None,
            Action::Expire(expire) => expire.owner = None,
            Action::Capture(capture) => capture.owner = None,
            Action::Refund(refund) => refund.owner = None,
            other => panic!("{place}: {other:?}"),
        }
        assert_eq!(call.command.fingerprint(), fingerprint);
    }
}

#[test]
fn everything_else_is_content() {
    let (card, other) = (world::funded(0), world::funded(1));
    let group = |number| GroupRef::Message(MessageId::new(given::numbered_id(number)));
    let of = |number| Purpose::Increment(group(number));
    let program = |number| ProgramId::new(given::numbered_id(number));
    let variants = [
        sample(),
        sample().asking(|asked| asked.method = given::token("pgfs.other")),
        sample().asking(|asked| asked.funding_token = Some(given::token("jit-1"))),
        sample().asking(|asked| asked.funding_token = Some(given::token("jit-2"))),
        sample().asking(|asked| asked.purpose = Purpose::NotPermitted),
        sample().asking(|asked| asked.purpose = of(1)),
        sample().asking(|asked| asked.purpose = of(2)),
        sample().asking(|asked| asked.card_token = other.card_token.clone()),
        sample().asking(|asked| asked.acting = None),
        sample().acting(&other),
        sample().asking(|asked| asked.paying = Some(card.actor())),
        sample().asking(|asked| asked.amount.minor = Ok(3_001)),
        sample().asking(|asked| asked.amount.currency = Some(given::currency("KWD"))),
        sample().asking(|asked| asked.amount.currency = None),
        sample().asking(|asked| asked.merchant.mcc = None),
        given::load(&card, usd("30.00")),
        given::unload(&card, usd("30.00")),
        given::reversal(&card, group(1)),
        given::capture(&card, group(1), usd("30.00")),
        given::capture(&card, group(1), usd("30.01")),
        given::final_capture(&card, group(1), usd("30.00")),
        given::refund(&card, group(1), usd("30.00")),
        given::reversal(&card, group(2)),
        given::partial_reversal(&card, group(1), usd("30.00")),
        given::partial_reversal(&card, group(1), usd("30.01")),
        given::expiry(&card, group(1)),
        given::expiry_after(&card, MessageId::new(given::numbered_id(1))),
        given::new_program(),
        given::program_change(program(1), Days::new(9).ok(), None),
        given::program_change(program(1), Days::new(8).ok(), None),
        given::program_change(program(2), Days::new(8).ok(), None),
        given::program_change(program(1), None, Some(DaysByMerchant::default())),
    ];
    let fingerprints: std::collections::HashSet<_> =
        variants.iter().map(|call| call.command.fingerprint()).collect();
    assert_eq!(fingerprints.len(), variants.len());
}
