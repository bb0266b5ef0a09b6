//! What an owner is left with in the end: accounts, entries and purchases.

use super::{Account, Replay, read, show};
use crate::history::History;
use crate::judge::Kind;
use crate::listing::{self, Listing};

impl Replay<'_, '_> {
    pub(super) fn finish(&mut self, history: &History, listing: &Listing) {
        for own in history.accounts.iter().filter(|account| account.owner == self.owner.id) {
            let id = own.id;
            let Some(shown) = listing.accounts.iter().find(|shown| shown.id == id) else {
                self.differ(Kind::Unread, &format!("{id} is not shown"));
                continue;
            };
            let Some(account) = self.books.account(id) else {
                continue;
            };
            let currency = account.currency;
            for (kind, what, found, expected) in [
                (Kind::Posted, "posted", &shown.posted, account.posted_minor),
                (Kind::Held, "held", &shown.held, account.held_minor),
                (Kind::Pending, "pending", &shown.pending_credit, account.pending_minor),
                (Kind::Available, "available", &shown.available, account.available_minor()),
            ] {
                if read(found, currency) != Some(expected) {
                    let expected = show(expected, currency);
                    let what = format!("{id}: what is {what} is {found}, expected {expected}");
                    self.differences.add(kind, what);
                }
            }
            let about = || format!("{id}: the number of open holds");
            self.differences.compare(Kind::Held, about, shown.open_holds, account.open_holds);
            let about = || format!("{id}: the number of entries");
            let entries = i64::try_from(account.entries.len()).unwrap_or(i64::MAX);
            self.differences.compare(Kind::Entries, about, shown.entries, entries);
        }
        self.all_spending(history, listing);
        self.entries(history, listing);
        self.purchases(listing);
    }

    /// Each entry moves what the message in its place moves, and tells what is posted then.
    fn entries(&mut self, history: &History, listing: &Listing) {
        for own in history.accounts.iter().filter(|account| account.owner == self.owner.id) {
            let listed = listing.entries.iter().filter(|entry| entry.account == Some(own.id));
            let mut listed: Vec<&listing::Entry> = listed.collect();
            listed.sort_by_key(|entry| entry.number);
            let Some(account) = self.books.account(own.id) else { continue };
            if let Some(problem) = first_wrong_entry(account, &listed) {
                self.differences.add(Kind::Entries, format!("{}: {problem}", own.id));
            }
        }
    }

    /// Purchases that were reported about stand where all that was said of them leaves them.
    fn purchases(&mut self, listing: &Listing) {
        let mut shown: Vec<(&str, &listing::Purchase)> = Vec::new();
        for purchase in &listing.purchases {
            let tokens = purchase.messages.iter().filter(|message| message.source != "api");
            let known =
                tokens.map(|message| message.token.as_str()).find(|token| self.books.stand(token).is_some());
            shown.extend(known.map(|token| (token, purchase)));
        }
        shown.sort_by_key(|(token, _)| *token);
        for (token, purchase) in shown {
            let Some((stand, currency)) = self.books.stand(token) else { continue };
            let mut wrong = Vec::new();
            for (kind, what, found, expected) in [
                (Kind::Held, "held", &purchase.held, stand.held_minor),
                (Kind::Posted, "posted", &purchase.posted, stand.posted_minor),
                (Kind::Pending, "pending", &purchase.pending_credit, stand.pending_minor),
            ] {
                if read(found, currency) != Some(expected) {
                    let expected = show(expected, currency);
                    wrong.push((
                        kind,
                        format!("what is {what} of its purchase is {found}, expected {expected}"),
                    ));
                }
            }
            let expected = stand.stage.as_str();
            if purchase.status != expected {
                wrong.push((Kind::Held, format!("its purchase is {}, expected {expected}", purchase.status)));
            }
            for (kind, problem) in wrong {
                self.differ(kind, &format!("{token}: {problem}"));
            }
        }
    }
}

fn first_wrong_entry(account: &Account, listed: &[&listing::Entry]) -> Option<String> {
    let currency = account.currency;
    let mut balance = 0;
    for (place, (entry, moved)) in (1..).zip(listed.iter().zip(&account.entries)) {
        balance += moved;
        let found = (entry.number, read(&entry.amount, currency), read(&entry.balance_after, currency));
        if found != (place, Some(*moved), Some(balance)) {
            let listing::Entry { number, amount, balance_after, message, .. } = entry;
            let (moved, balance) = (show(*moved, currency), show(balance, currency));
            return Some(format!(
                "entry {number} of {message} is {amount} to {balance_after}, expected entry {place} of {moved} to {balance}"
            ));
        }
    }
    let (found, expected) = (listed.len(), account.entries.len());
    (found != expected).then(|| format!("{found} entries are listed, expected {expected}"))
}
