//! Ids that the messages of one purchase share (processor reference, section 4.5).

use bursar_core::command::{Link, LinkKind};
use bursar_core::text::Token;

use super::wire::{Item, Order, Scalar};

/// What proves that messages are about one purchase, and what suggests it.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    pub(super) proofs: Vec<Link>,
    pub(super) hints: Vec<Link>,
}

/// Reads them. One that is none takes nothing from the others.
pub(super) fn read_links(item: &Item<'_>, card: Option<&Token>) -> Links {
    let mut links = Links::default();
    for order in [&item.gpa_order, &item.gpa_order_unload].into_iter().flatten() {
        links.proofs.extend(read_order(&order.0));
    }
    let life_cycle = item.network_transaction_lifecycle_id.as_ref().and_then(network_id);
    links.proofs.extend(life_cycle.map(|id| Link::new(LinkKind::LifeCycle, id)));
    links.proofs.dedup();
    // Networks use a reference again, and a payment that recurs may have that of the first.
    if let (Some(card), Some(id)) = (card, item.network_reference_id.as_ref().and_then(network_id)) {
        links.hints.push(Link::new(LinkKind::Reference, &format!("{card} {id}")));
    }
    links
}

/// The order's id, and that of the first request to fund the purchase.
fn read_order(order: &Order<'_>) -> impl Iterator<Item = Link> {
    let jit = order.jit_funding.as_ref().map(|jit| &jit.0);
    let first = jit.and_then(|jit| jit.original_jit_funding_token.as_ref().or(jit.token.as_ref()));
    let order = order.token.as_ref().and_then(|token| link(LinkKind::Order, &token.0));
    let funding = first.and_then(|token| link(LinkKind::Funding, &token.0));
    order.into_iter().chain(funding)
}

fn link(kind: LinkKind, id: &str) -> Option<Link> {
    Token::new(id).is_ok().then(|| Link::new(kind, id))
}

/// An id that a network gave; `None` for what fills the field where there is none, like `0000000`: it would make
/// one purchase of many.
fn network_id<'a>(id: &'a Scalar<'_>) -> Option<&'a str> {
    let id = id.0.trim();
    let varies = id.chars().any(|character| !id.starts_with(character));
    (varies && id.len() >= 6 && Token::new(id).is_ok()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_an_empty_field_is_no_id() {
        for filler in ["", "0", "000000000000000", "      ", "N/A", "two words"] {
            assert_eq!(network_id(&Scalar(filler.into())), None, "{filler}");
        }
        assert_eq!(network_id(&Scalar(" MDS4MP95K0329 ".into())), Some("MDS4MP95K0329"));
    }
}
