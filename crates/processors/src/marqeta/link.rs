//! Ids that the messages of one purchase share (processor reference, section 4.5).

use bursar_core::Merchant;
use bursar_core::command::{Link, LinkKind};
use bursar_core::text::Token;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::details::{code, text};
use super::wire::{Item, Order};

/// What proves that messages are about one purchase, and what suggests it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Links {
    pub(super) proofs: Vec<Link>,
    pub(super) hints: Vec<Link>,
}

/// Reads them. One that is none takes nothing from the others.
pub(super) fn read_links(item: &Item<'_>, card: Option<&Token>, merchant: &Merchant) -> Links {
    let mut links = Links::default();
    for order in [&item.gpa_order, &item.gpa_order_unload].into_iter().flatten() {
        links.proofs.extend(read_order(&order.0));
    }
    let life_cycle = item.network_transaction_lifecycle_id.and_then(network_id);
    links.proofs.extend(life_cycle.map(|id| Link::new(LinkKind::LifeCycle, id.as_str())));
    links.proofs.dedup();
    // Networks use a reference again, and a payment that recurs may have that of the first.
    if let (Some(card), Some(id)) = (card, item.network_reference_id.and_then(network_id)) {
        links.hints.push(Link::new(LinkKind::Reference, &format!("{card} {id}")));
    }
    links.hints.extend(approval(item, card, merchant));
    links
}

/// The code of the approval, where card, merchant and currency are told as well.
fn approval(item: &Item<'_>, card: Option<&Token>, merchant: &Merchant) -> Option<Link> {
    let code = code(item.approval_code)?;
    let (card, merchant, currency) = (card?, merchant.id.as_ref()?, item.currency_code.as_ref()?.0.trim());
    Some(Link::new(LinkKind::Approval, &format!("{card} {code} {merchant} {currency}")))
}

/// The order's id, and that of the first request to fund the purchase.
fn read_order(order: &Order<'_>) -> impl Iterator<Item = Link> {
    let jit = order.jit_funding.as_ref().map(|jit| &jit.0);
    let first = jit.and_then(|jit| jit.original_jit_funding_token.as_ref().or(jit.token.as_ref()));
    let order = order.token.and_then(text).and_then(|token| link(LinkKind::Order, &token));
    let funding = first.and_then(|token| link(LinkKind::Funding, &token.0));
    order.into_iter().chain(funding)
}

fn link(kind: LinkKind, id: &str) -> Option<Link> {
    Token::new(id).is_ok().then(|| Link::new(kind, id))
}

/// An id that a network gave; `None` for what fills the field where there is none, like `0000000`: it would make
/// one purchase of many.
fn network_id(raw: &RawValue) -> Option<Token> {
    let id = Token::new(text(raw)?.trim()).ok()?;
    let varies = id.as_str().chars().any(|character| !id.as_str().starts_with(character));
    (varies && id.as_str().len() >= 6).then_some(id)
}
