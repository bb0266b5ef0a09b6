//! Which ids of a reported transaction prove whose purchase it is, and which only suggest it.

use bursar_core::command::{GroupRef, Link, LinkKind};
use serde_json::{Value, json};

use crate::reports::{commands, item, report_of, with};

/// What the report of this item proves and suggests, beside transactions.
fn links(item: &Value) -> (Vec<Link>, Vec<Link>) {
    let commands = commands(item);
    let report = report_of(commands.last().expect("a command"));
    let links = |groups: &[GroupRef]| groups.iter().filter_map(GroupRef::link).cloned().collect();
    (links(&report.groups), links(&report.hints))
}

fn link(kind: LinkKind, value: &str) -> Link {
    Link::new(kind, value)
}

#[test]
fn an_authorization_has_its_order_and_its_own_request_to_fund() {
    let order =
        json!({"token": "order-1", "jit_funding": {"token": "jit-1", "method": "pgfs.authorization"}});
    let (proofs, hints) = links(&with(item("authorization"), "gpa_order", order));
    assert_eq!(proofs, [link(LinkKind::Order, "order-1"), link(LinkKind::Funding, "jit-1")]);
    assert_eq!(hints, []);
}

#[test]
fn what_follows_has_the_first_request_of_its_chain_in_either_order() {
    let order = json!({"token": "order-1"});
    let back = json!({"token": "order-2",
        "jit_funding": {"token": "jit-2", "original_jit_funding_token": "jit-1"}});
    let reversal = with(item("authorization.reversal"), "gpa_order", order);
    let (proofs, _) = links(&with(reversal, "gpa_order_unload", back));
    let expected = [(LinkKind::Order, "order-1"), (LinkKind::Order, "order-2"), (LinkKind::Funding, "jit-1")];
    assert_eq!(proofs, expected.map(|(kind, value)| link(kind, value)));
}

#[test]
fn a_life_cycle_proves_and_a_network_reference_suggests() {
    let clearing = with(item("authorization.clearing"), "network_transaction_lifecycle_id", json!("LC-0001"));
    let (proofs, hints) = links(&with(clearing, "network_reference_id", json!("MDS4MP95K0329")));
    assert_eq!(proofs, [link(LinkKind::LifeCycle, "LC-0001")]);
    assert_eq!(hints, [link(LinkKind::Reference, "card-1 MDS4MP95K0329")]);
}

#[test]
fn an_approval_code_suggests_with_card_merchant_and_currency() {
    let merchant = json!({"mid": " 000123 ", "name": "CAFE"});
    let clearing = with(item("authorization.clearing"), "approval_code", json!("324398"));
    assert_eq!(links(&clearing).1, [], "no merchant");
    let (_, hints) = links(&with(clearing, "card_acceptor", merchant));
    assert_eq!(hints, [link(LinkKind::Approval, "card-1 324398 000123 USD")]);
}

/// It would make one purchase of many.
#[test]
fn what_fills_a_field_without_an_id_is_none() {
    for filler in [json!("000000000000"), json!(""), json!("0"), json!("N/A"), Value::Null] {
        let clearing = with(item("authorization.clearing"), "network_reference_id", filler.clone());
        let (proofs, hints) = links(&with(clearing, "network_transaction_lifecycle_id", filler));
        assert_eq!((proofs, hints), (vec![], vec![]));
    }
}

/// What claims the place of a decision is found by the ids of its purchase, too.
#[test]
fn claims_have_what_proves() {
    let order = json!({"token": "order-1"});
    let clearing = with(item("authorization.clearing"), "gpa_order", order);
    let commands = commands(&with(clearing, "preceding_related_transaction_token", json!("t-0")));
    assert_eq!(commands.len(), 2);
    for command in &commands {
        let proof = GroupRef::Link(link(LinkKind::Order, "order-1"));
        assert!(report_of(command).groups.contains(&proof), "{:?}", command.key);
    }
}
