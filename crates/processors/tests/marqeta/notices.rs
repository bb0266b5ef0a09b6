//! Notices that are about no money: transitions, disputes, wallets; and how all of them are kept.

use bursar_core::command::Action;
use bursar_core::message::{Role, Source};
use bursar_core::{
    CardId, CardStatus, CardholderId, CardholderStatus, Command, MessageId, OwnerId, OwnerStatus,
};
use bursar_processors::marqeta::{Delivered, FoundSubject, Notice, Transition, decode_webhook};
use serde_json::{Value, json};
use uuid::Uuid;

/// The notice of a webhook with one item, as the inbox gives it back.
fn kept(kind: &str, item: &Value) -> Notice {
    let body = json!({ kind: [item] }).to_string();
    match decode_webhook(body.as_bytes()).expect("a webhook").pop() {
        Some(Delivered::Notice(notice)) => {
            let content = serde_json::to_string(&notice).expect("JSON");
            let again: Notice = serde_json::from_str(&content).expect("what was written");
            assert_eq!(format!("{again:?}"), format!("{notice:?}"));
            again
        }
        other => panic!("{other:?}"),
    }
}

fn transition(kind: &str, item: &Value) -> Transition {
    match kept(kind, item) {
        Notice::Transition(transition) => transition,
        other => panic!("{other:?}"),
    }
}

fn card(state: &str) -> Value {
    json!({
        "token": "tr-1", "card_token": "card-1", "state": state, "type": "state.changed",
        "created_time": "2026-11-27T10:00:00Z", "pan": "4111111111111111", "barcode": "11379418395311581864",
    })
}

fn person(status: &str) -> Value {
    json!({"token": "tr-1", "user_token": "user-1", "status": status, "created_time": "2026-11-27T10:00:00Z"})
}

fn id() -> MessageId {
    MessageId::new(Uuid::from_u128(1))
}

const OWNER: OwnerId = OwnerId::new(Uuid::from_u128(2));
const CARD: FoundSubject = FoundSubject::Card(OWNER, CardId::new(Uuid::from_u128(3)));
const USER: FoundSubject = FoundSubject::Cardholder(OWNER, CardholderId::new(Uuid::from_u128(4)));

#[test]
fn a_transition_moves_ours_by_the_processor_s_clock() {
    let at = "2026-11-27T10:00:00Z".parse().ok();
    for (state, to) in [
        ("UNACTIVATED", CardStatus::Unactivated),
        ("ACTIVE", CardStatus::Active),
        ("SUSPENDED", CardStatus::Suspended),
        ("TERMINATED", CardStatus::Terminated),
    ] {
        for kind in ["cards", "cardtransitions"] {
            match transition(kind, &card(state)).into_command(Some(CARD), id()).action {
                Action::MoveCard(moved) => assert_eq!((moved.to, moved.reported_at), (to, at)),
                other => panic!("{other:?}"),
            }
        }
    }
    for (status, to) in [("LIMITED", CardholderStatus::Limited), ("CLOSED", CardholderStatus::Closed)] {
        for kind in ["users", "usertransitions"] {
            match transition(kind, &person(status)).into_command(Some(USER), id()).action {
                Action::MoveCardholder(moved) => assert_eq!((moved.to, moved.reported_at), (to, at)),
                other => panic!("{other:?}"),
            }
        }
    }
    let mut business = person("SUSPENDED");
    business["business_token"] = "business-1".into();
    for kind in ["businesses", "businesstransitions"] {
        let found = Some(FoundSubject::Owner(OWNER));
        match transition(kind, &business).into_command(found, id()).action {
            Action::MoveOwner(moved) => {
                assert_eq!((moved.to, moved.reported_at), (OwnerStatus::Suspended, at))
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Never a guess; and under another key, so that the same may move ours later.
#[test]
fn what_moves_nothing_is_kept_apart() {
    let moved = transition("cards", &card("ACTIVE")).into_command(Some(CARD), id());
    let told = |transition: Transition, found| {
        let needs_review = transition.needs_review(found);
        let Command { key, action, .. } = transition.into_command(found, id());
        assert!(matches!(action, Action::Record(of) if of.needs_review == needs_review));
        assert_ne!(key, moved.key);
        assert_eq!((key.source, key.role()), (Source::MarqetaEvent, Role::Alone));
        needs_review
    };
    assert!(told(transition("cards", &card("LIMITED")), Some(CARD)), "ours cannot be");
    assert!(told(transition("cards", &card("ACTIVE")), None), "none of ours");
    let mut shipped = card("ACTIVE");
    shipped["type"] = "fulfillment.shipped".into();
    assert!(!told(transition("cards", &shipped), Some(CARD)), "it says nothing of what the card may do");
}

#[test]
fn no_number_of_a_card_is_kept() {
    let content = serde_json::to_string(&kept("cards", &card("ACTIVE"))).expect("JSON");
    assert!(!content.contains("4111111111111111") && !content.contains("11379418395311581864"), "{content}");
    let mut purchase = json!({
        "type": "authorization", "token": "t-1", "state": "PENDING", "card_token": "card-1", "amount": 1,
        "currency_code": "USD", "pan": "4111111111111111",
    });
    purchase["card_acceptor"] = json!({"name": "Pay 4111111111111111", "city": "4111 1111 1111 1111"});
    let content = serde_json::to_string(&kept("transactions", &purchase)).expect("JSON");
    assert!(!content.contains("11111111") && !content.contains("1111 1111"), "{content}");
}

#[test]
fn no_number_of_a_card_is_kept_of_what_cannot_be_read() {
    let odd = json!({"pan": "4111111111111111", "holders": [{"barcode": 7, "amount": 1.10}], "note": "pan"});
    let body = json!({"novelties": [odd, {"amount": 1.10}]}).to_string();
    let items =
        decode_webhook(body.as_bytes()).expect("a webhook").into_iter().map(|delivered| match delivered {
            Delivered::Unreadable(of) => of.item,
            other => panic!("{other:?}"),
        });
    let expected = [r#"{"holders":[{"amount":1.1}],"note":"pan"}"#, r#"{"amount":1.1}"#];
    assert_eq!(items.collect::<Vec<String>>(), expected);
}

#[test]
fn what_is_told_of_a_dispute_or_a_wallet_is_kept() {
    let step = json!({"token": "c-1", "transaction_token": "t-1", "state": "INITIATED", "type": "initiated"});
    let Notice::Event(event) = kept("chargebacktransitions", &step) else { panic!("no event") };
    let keys: Vec<_> =
        event.message_keys().into_iter().map(|key| (key.source, key.token.to_string())).collect();
    assert!(keys.contains(&(Source::MarqetaJit, "t-1".into())), "{keys:?}");
    assert!(keys.contains(&(Source::MarqetaReport, "t-1".into())), "{keys:?}");
    assert_eq!(kept("chargebacktransitions", &step).key(), ["chargeback", "c-1", "INITIATED"]);
    let wallet = json!({"token": "w-1", "state": "ACTIVE", "digital_wallet_token": {"card_token": "card-1"}});
    let Notice::Event(event) = kept("digitalwallettokentransitions", &wallet) else { panic!("no event") };
    assert!(event.message_keys().is_empty());
    match event.into_command(None, id()).action {
        Action::Record(record) => {
            assert_eq!(record.card_token.expect("a card").as_str(), "card-1");
            assert!(!record.needs_review);
        }
        other => panic!("{other:?}"),
    }
}
