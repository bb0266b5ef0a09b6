//! How often each kind of spending control declined, or would have.

use std::collections::BTreeMap;

use bursar_core::ControlId;
use serde::Serialize;

use crate::history::History;
use crate::listing::{Check, Listing};

/// How often controls of one kind said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Hits {
    /// Swipes for whose decline such a control gave the reason.
    pub declined: u64,
    /// Failed checks of such controls that are only tried out.
    pub shadow: u64,
}

/// The hits by kind of control, every kind that there is among them.
#[must_use]
pub fn hits(history: &History, listing: &Listing) -> BTreeMap<&'static str, Hits> {
    let kinds: BTreeMap<ControlId, &'static str> =
        history.controls.iter().map(|control| (control.id, control.rule.kind())).collect();
    let mut hits: BTreeMap<&'static str, Hits> =
        kinds.values().map(|kind| (*kind, Hits::default())).collect();
    let kind_of = |check: &Check| kinds.get(&check.control?).copied();
    for authorization in &listing.authorizations {
        let failed = || authorization.checks.iter().filter(|check| check.result == "failed");
        for kind in failed().filter(|check| check.shadow).filter_map(kind_of) {
            hits.entry(kind).or_default().shadow += 1;
        }
        if let Some(kind) = failed().find(|check| !check.shadow).and_then(kind_of) {
            hits.entry(kind).or_default().declined += 1;
        }
    }
    hits
}
