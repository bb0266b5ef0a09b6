//! Spending controls as they were read before: good for as long as their owner's `controls_version` is the
//! same, whichever instance changed them.

use std::collections::HashMap;
use std::sync::Arc;

use bursar_core::control::Scope;
use bursar_core::{Control, OwnerId};
use moka::sync::Cache;

use crate::memory::Versions;

/// Scopes, at most. Those that were not used for the longest time go first.
const SCOPES_MAX: u64 = 100_000;

/// What this instance read, under the lock of the owner.
#[derive(Clone)]
pub(crate) struct ControlsCache(Cache<Scope, Arc<Known>>);

/// All controls of a scope; none is known, too.
pub(super) struct Known {
    pub(super) owner: OwnerId,
    pub(super) version: i64,
    pub(super) controls: Arc<Vec<Control>>,
}

/// What is known of a batch's scopes.
pub(super) type KnownOf = HashMap<Scope, Arc<Known>>;

impl Default for ControlsCache {
    fn default() -> Self {
        Self(Cache::new(SCOPES_MAX))
    }
}

impl ControlsCache {
    /// What may be good for these scopes: [`drop_stale`] tells once the owners are locked.
    pub(super) fn find(&self, scopes: &[(Scope, Option<OwnerId>)]) -> KnownOf {
        let find = |(scope, owner): &(Scope, Option<OwnerId>)| {
            let known = self.0.get(scope)?;
            (Some(known.owner) == *owner).then_some((*scope, known))
        };
        scopes.iter().filter_map(find).collect()
    }

    /// Keeps what was read of a scope under the lock of its owner, which had this version.
    pub(super) fn keep(&self, scope: Scope, known: Known) {
        self.0.insert(scope, Arc::new(known));
    }
}

/// Takes out what is older than its owner's controls, and names it.
pub(super) fn drop_stale(known: &mut KnownOf, versions: &Versions) -> Vec<Scope> {
    let is_now = |known: &Known| versions.get(&known.owner).is_some_and(|now| now.controls == known.version);
    let stale = known.extract_if(|_, known| !is_now(known));
    stale.map(|(scope, _)| scope).collect()
}
