//! Spending controls: what was taken from their windows, recomputed from the hold groups.

use std::collections::HashMap;

use bursar_core::check::{CheckName, CheckResult};
use bursar_core::control::Scope;
use bursar_core::decide::count;
use bursar_core::window::{Bucket, Counter, Counters};
use bursar_core::{Check, Control, HoldGroup, Message, Owner, OwnerId, ProgramId, Zone};

use super::{Books, Report};
use crate::error::StoreError;

/// All controls, and what is stored of their windows.
pub(super) struct Controls {
    of_owner: HashMap<OwnerId, Vec<Control>>,
    counters: HashMap<Scope, Counters>,
    zones: HashMap<ProgramId, Zone>,
}

impl Controls {
    pub(super) fn load(books: &mut dyn Books) -> Result<Self, StoreError> {
        let mut of_owner: HashMap<OwnerId, Vec<Control>> = HashMap::new();
        for control in books.controls()? {
            of_owner.entry(control.owner).or_default().push(control);
        }
        let counters = books.counters()?.into_iter().map(|counters| (counters.scope, counters)).collect();
        let zones = books.programs()?.into_iter().map(|program| (program.id, program.time_zone)).collect();
        Ok(Self { of_owner, counters, zones })
    }

    /// V2: what counts at the owner's last decision is what its hold groups took. Older buckets count
    /// no more.
    pub(super) fn check(&self, owner: &Owner, groups: &[HoldGroup], report: &mut Report) {
        for control in self.of_owner.get(&owner.id).into_iter().flatten() {
            let (Some(velocity), Some(zone)) = (control.rule.counted(), self.zones.get(&owner.program))
            else {
                continue;
            };
            let at = owner.last_at;
            let (Ok(taken), Some(begins)) =
                (count(control, groups.iter(), at, zone), velocity.window.begins(at, zone))
            else {
                report.find("V2", control.id, "what was taken from its window overflows");
                continue;
            };
            let stored = self.counters.get(&control.scope).and_then(|counters| counters.find(control.id));
            let stored = in_words(stored.unwrap_or(&Counter::default()), begins);
            report.compare(
                "V2",
                control.id,
                "what was taken from its window",
                stored,
                in_words(&taken, begins),
            );
        }
    }
}

/// The buckets that count, each with its amount and count.
fn in_words(counter: &Counter, begins: jiff::Timestamp) -> String {
    let bucket = |Bucket { start, used }: &Bucket| {
        format!("{} in {} uses since {start}", used.amount_minor, used.count)
    };
    let counts: Vec<String> =
        counter.buckets.iter().filter(|bucket| bucket.start >= begins).map(bucket).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

/// V1: nothing was approved beyond what a limit had left.
pub(super) fn check_limits(message: &Message, report: &mut Report) {
    for check in message.authorization.iter().flat_map(|of| &of.checks) {
        let (Some(control), Some(wanted), Some(left)) =
            (check.control, check.wanted_minor, check.available_minor)
        else {
            continue;
        };
        let is_beyond = wanted > left;
        if is_beyond != (check.result == CheckResult::Failed) {
            let problem = format!("{control} had {left} left for {wanted}, and the check {}", check.result);
            report.find("V1", message.id, problem);
        }
        if is_beyond && message.is_approved() && !check.is_shadow {
            let what = if check.check == CheckName::CountLimit { "uses" } else { "minor units" };
            let problem = format!("it was approved for {wanted} {what}, and {control} had {left} left");
            report.find("V1", message.id, problem);
        }
    }
    let refused = |check: &&Check| check.failure().is_some();
    if let (true, Some(check)) =
        (message.is_approved(), message.authorization.iter().flat_map(|of| &of.checks).find(refused))
    {
        report.find("V1", message.id, format!("it was approved, and its check {} failed", check.check));
    }
}
