//! What the processor told of an owner's cards, and what was booked of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Item, Replay};
use crate::history::{History, Notice, Owner, Says, Told};
use crate::judge::Kind;
use crate::listing::{Authorization, Listing};

/// The notices about one owner.
#[derive(Default)]
pub(super) struct Notices<'a> {
    by_token: HashMap<&'a str, &'a Notice>,
    /// By what they follow: one of them is enough to know its card.
    by_followed: HashMap<&'a str, &'a Notice>,
    /// What was booked of them.
    booked: Vec<&'a Authorization>,
    /// Those without effect that nothing shows, once each number that they have: of a swipe that was refused
    /// before it came there is only the notice, and the place of the decision that it took.
    unseen: Vec<&'a Notice>,
}

impl<'a> Notices<'a> {
    pub(super) fn of(history: &'a History, listing: &'a Listing, owner: &Owner) -> Self {
        let mut of = Self::default();
        let cards = history.cards.iter().filter(|card| card.owner == owner.id);
        let cards: HashSet<&str> = cards.map(|card| &*card.token).collect();
        for notice in history.notices.iter().filter(|notice| cards.contains(&*notice.card_token)) {
            of.by_token.insert(&notice.token, notice);
            if let Some(first) = &notice.follows {
                of.by_followed.insert(first, notice);
            }
        }
        of.booked.extend(listing.reports.iter().filter(|report| report.owner == Some(owner.id)));
        of
    }

    /// The notice by which the token is known; that about itself first.
    fn about(&self, token: &str) -> Option<&'a Notice> {
        self.by_token.get(token).or_else(|| self.by_followed.get(token)).copied()
    }

    /// The notice by which somebody took the place of the token's decision. What the gateway is not asked about takes
    /// none itself: what follows it does, and may be booked before it.
    fn claiming(&self, token: &str) -> Option<&'a Notice> {
        let own = self.by_token.get(token).copied();
        match own.map(|own| own.says) {
            Some(Says::Approved | Says::StoodIn | Says::TooLate) => own,
            _ => self.by_followed.get(token).copied().or(own),
        }
    }

    /// Takes one of those that nothing shows, if there is one left.
    pub(super) fn take_unseen(&mut self) -> bool {
        self.unseen.pop().is_some()
    }
}

impl<'a> Replay<'a, '_> {
    /// Everything that was booked of notices by its number; what is acknowledged has to be there.
    pub(super) fn place_notices(&mut self, items: &mut BTreeMap<i64, Item<'a>>) {
        let mut reported: HashMap<&str, &Authorization> = HashMap::new();
        for listed in self.notices.booked.clone() {
            let token = listed.token.as_str();
            let notice = match listed.kind.as_str() {
                "claim" => self.notices.claiming(token),
                _ => self.notices.about(token),
            };
            let Some(notice) = notice else {
                let problem = format!("{token}: {} as {}, but there was no notice", listed.kind, listed.id);
                self.differ(Kind::Effect, &problem);
                continue;
            };
            if listed.kind == "report"
                && let Some(other) = reported.insert(token, listed)
            {
                let (id, other) = (listed.id, other.id);
                self.differ(Kind::Effect, &format!("{token}: booked twice, as {other} and as {id}"));
            }
            match listed.owner_sequence {
                Some(number) => self.place(items, number, Item::Notice(notice, listed)),
                None => self.differ(Kind::Number, &format!("{token} has no number")),
            }
        }
        let mut notices: Vec<&'a Notice> = self.notices.by_token.values().copied().collect();
        notices.sort_by_key(|notice| (notice.at, &notice.token));
        for notice in notices {
            let (kind, token) = (notice.kind(), &notice.token);
            match &notice.told {
                Told::Acknowledged if reported.contains_key(&**token) => {}
                Told::Acknowledged if notice.says == Says::TooLate => {
                    self.notices.unseen.extend([notice, notice]);
                }
                Told::Acknowledged => {
                    let problem = format!("{kind} {token}: acknowledged, and nothing of it is booked");
                    self.differ(Kind::Stored, &problem);
                }
                Told::Refused(why) => {
                    self.differ(Kind::NoDecision, &format!("{kind} {token}: the notice was answered {why}"));
                }
                Told::Unknown if notice.is_silent => {
                    let problem = format!(
                        "{kind} {token}: the server never asked about it; see its marqeta.base_url, \
                         sweeper.unconfirmed_after_s and sweeper.interval_s"
                    );
                    self.differ(Kind::Unread, &problem);
                }
                Told::Unknown => {
                    let problem = format!("what became of the notice {kind} {token} is not known");
                    self.differ(Kind::Unread, &problem);
                }
            }
        }
    }

    /// What has no number after all is not stored.
    pub(super) fn end_notices(&mut self) {
        for notice in std::mem::take(&mut self.notices.unseen) {
            let (kind, token) = (notice.kind(), &notice.token);
            let problem = format!("{kind} {token}: acknowledged, and nothing of it is stored");
            self.differ(Kind::Stored, &problem);
        }
    }

    pub(super) fn notice(&mut self, number: i64, notice: &'a Notice, listed: &Authorization) {
        self.time(number, listed.decided_at);
        if listed.kind == "claim" {
            self.books.noticed(notice, listed.id);
            return;
        }
        let (kind, token) = (notice.kind(), &notice.token);
        if let Some(reason) = &listed.decline_reason {
            self.differ(Kind::Decision, &format!("#{number} {kind} {token}: not booked: {reason}"));
        }
        self.books.reported(notice, listed.id, listed.decided_at);
    }
}

#[cfg(test)]
mod tests {
    use bursar_core::Currency;
    use jiff::Timestamp;

    use super::*;
    use crate::jit::Ask;
    use crate::merchants::MERCHANTS;

    fn notice(token: &str, says: Says, follows: Option<&str>) -> Notice {
        Notice {
            token: token.into(),
            says,
            ask: Ask::Purchase,
            follows: follows.map(Into::into),
            jit_token: "j".into(),
            original_jit_token: None,
            card_token: "card".into(),
            acting_token: "user".into(),
            business_token: None,
            merchant: &MERCHANTS[0],
            currency: Currency::parse("USD").expect("a currency"),
            amount_minor: 100,
            change_minor: 0,
            cash_minor: 0,
            at: Timestamp::UNIX_EPOCH,
            is_silent: false,
            sent: 1,
            told: Told::Acknowledged,
        }
    }

    /// The server knows of the purchase only when the advice itself is booked.
    #[test]
    fn an_advice_that_is_booked_late_says_nothing_by_what_follows_it() {
        let advice = notice("advice", Says::Advised, Some("first"));
        let clearing = notice("clearing", Says::Cleared(Default::default()), Some("advice"));
        let late = notice("late", Says::TooLate, None);
        let mut of = Notices::default();
        for notice in [&advice, &clearing, &late] {
            of.by_token.insert(&notice.token, notice);
            of.by_followed.extend(notice.follows.as_deref().map(|first| (first, notice)));
        }
        assert_eq!(of.claiming("advice").map(|of| &*of.token), Some("clearing"));
        assert_eq!(of.about("advice").map(|of| &*of.token), Some("advice"));
        assert_eq!(of.claiming("late").map(|of| &*of.token), Some("late"));
    }
}
