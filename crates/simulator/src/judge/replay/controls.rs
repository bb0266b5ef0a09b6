//! What an owner's controls said, and what is left of its limits, against the judge's own.

use bursar_core::{CardId, CardholderId};

use super::{Replay, read};
use crate::history::{History, Scope, Swipe};
use crate::judge::Kind;
use crate::judge::controls::find;
use crate::judge::opinion::{Left, Opinion};
use crate::listing::{Authorization, Check, Listing, Remaining, Spending};

impl Replay<'_, '_> {
    /// An approval breaks no control, and what is listed of each is what it has to say.
    pub(super) fn controls(
        &mut self,
        number: i64,
        swipe: &Swipe,
        listed: &Authorization,
        opinions: &[Opinion<'_>],
    ) {
        let token = &swipe.token;
        let of_controls: Vec<&Check> = listed.checks.iter().filter(|check| check.control.is_some()).collect();
        for opinion in opinions {
            let id = opinion.control.id;
            if listed.status == "approved"
                && let Some((kind, broken)) = opinion.broken(swipe.currency)
            {
                self.differ(kind, &format!("#{number} {token}: {broken}"));
            }
            let own: Vec<&Check> =
                of_controls.iter().copied().filter(|check| check.control == Some(id)).collect();
            if !opinion.fits(&own, swipe.currency) {
                let (name, expected) = (opinion.control.name, opinion.expected());
                let found = shown(&own);
                let problem = format!(
                    "#{number} {token}: the checks of {id} ({name}) are {found}, expected {expected}"
                );
                self.differ(Kind::Check, &problem);
            }
        }
        let is_stranger =
            |check: &&&Check| !opinions.iter().any(|opinion| Some(opinion.control.id) == check.control);
        if let Some(Check { check, control: Some(id), .. }) = of_controls.iter().find(is_stranger) {
            let problem = format!("#{number} {token}: {check} of {id}, which does not count for it");
            self.differ(Kind::Check, &problem);
        }
    }

    /// Every scope that has a control is shown, with what is left of its limits.
    pub(super) fn all_spending(&mut self, history: &History, listing: &Listing) {
        let mut scopes: Vec<Scope> = Vec::new();
        for control in history.controls.iter().filter(|control| control.owner == self.owner.id) {
            if scopes.contains(&control.scope) {
                continue;
            }
            scopes.push(control.scope);
            match listing.spending.iter().find(|spending| spending.scope == control.scope) {
                Some(spending) => self.spending(history, spending),
                None => {
                    let problem = format!("{}: what is left of it is not shown", control.scope);
                    self.differ(Kind::Unread, &problem);
                }
            }
        }
    }

    /// What is left of every limit is what the judge has left of it.
    fn spending(&mut self, history: &History, Spending { scope, shown }: &Spending) {
        let own = history.cards.iter().filter(|card| card.owner == self.owner.id);
        let cards: Vec<(CardId, CardholderId)> = own.map(|card| (card.id, card.cardholder)).collect();
        let expected = self.books.controls.left(&cards, *scope, shown.at);
        for Remaining { control: id, .. } in &shown.limits {
            if !expected.iter().any(|(control, ..)| control.id == *id) {
                self.differ(Kind::Left, &format!("{scope}: {id} is shown as a limit of it"));
            }
        }
        for (control, status, made) in expected {
            let (id, name, currency) = (control.id, control.name, control.currency);
            let Some(found) = find(&shown.limits, id) else {
                self.differ(Kind::Left, &format!("{scope}: {id} ({name}) is not shown"));
                continue;
            };
            let about = || format!("{scope}: the status of {id} ({name})");
            self.differences.compare(Kind::Left, about, found.status.as_str(), status);
            let (amount, uses) = made.left;
            let amount_found = found.remaining_amount.as_deref().and_then(|text| read(text, currency));
            let uses_found = found.remaining_count.map(i128::from);
            for (what, found, left) in
                [("amount", amount_found, amount), ("number of uses", uses_found, uses)]
            {
                if !is_left(found, left) {
                    let left = left.map(|(low, high)| (low.max(0), high.max(0)));
                    let problem =
                        format!("{scope}: the {what} left of {id} ({name}) is {found:?}, expected {left:?}");
                    self.differ(Kind::Left, &problem);
                }
            }
        }
    }
}

/// Whether so much may be shown as left: nothing where a limit was cut below what is used.
fn is_left(found: Option<i128>, left: Option<Left>) -> bool {
    match (found, left) {
        (None, None) => true,
        (Some(found), Some((low, high))) => (low.max(0)..=high.max(0)).contains(&found),
        _ => false,
    }
}

fn shown(checks: &[&Check]) -> String {
    let number = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let check = |check: &&Check| {
        let shadow = if check.shadow { " (shadow)" } else { "" };
        let (wanted, left) = (number(&check.wanted), number(&check.available));
        format!("{} {}{shadow}, {wanted} of {left}", check.check, check.result)
    };
    match checks {
        [] => "none".to_owned(),
        checks => checks.iter().map(check).collect::<Vec<_>>().join("; "),
    }
}
