//! One purchase and all that was said of it: the judge's own account of what is held, posted and still to
//! come in, and of what it takes from spending windows.
//!
//! A purchase is what was said of its transactions, whoever said it and in whatever order. Of a transaction
//! the processor's word counts before ours, and its refusal before both. They are told along the
//! processor's clock.

use std::collections::BTreeMap;

use bursar_core::{AccountId, CardId, CardholderId, MessageId};
use jiff::{SignedDuration, Timestamp};

use super::windows::Taken;
use crate::jit::Ask;

/// A purchase with all that follows it, a refund, or whatever else is of its own.
pub(super) struct Purchase<'a> {
    /// The server's id of the message that began it.
    pub(super) id: MessageId,
    pub(super) account: AccountId,
    pub(super) card: CardId,
    pub(super) cardholder: CardholderId,
    words: Vec<Word<'a>>,
    /// Where it stands by all these words.
    pub(super) stand: Stand,
}

/// What somebody said of one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    /// Of what: a transaction's token, or an operator's key.
    pub(super) of: &'a str,
    pub(super) voice: Voice,
    pub(super) does: Does,
    /// When it happened, by the processor's clock.
    pub(super) time: Timestamp,
    /// When it was booked, by the server's.
    pub(super) at: Timestamp,
    pub(super) ask: Ask,
    pub(super) cash_minor: i128,
}

/// Who says it; the later outranks the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Voice {
    /// The server's decision, or an operator.
    Ours,
    /// The processor: so it was.
    Theirs,
    /// The processor: nothing became of it.
    Refusal,
}

/// What it does, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Nothing,
    Hold(i128),
    /// So much is held from now on.
    Total(i128),
    Release(i128),
    ReleaseAll,
    Expire,
    Clear {
        minor: i128,
        is_last: bool,
    },
    /// It is gone at once.
    Debit(i128),
    /// It will come in.
    Expect(i128),
    /// It has come in.
    Credit(i128),
}

/// Where a purchase stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) held_minor: i128,
    pub(super) posted_minor: i128,
    pub(super) pending_minor: i128,
    pub(super) stage: Stage,
    /// What it takes from windows, in the order of the processor's clock.
    pub(super) takes: Vec<Taken>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing ever moved.
    Empty,
    Open,
    Posted,
    Pending,
    Reversed,
    Expired,
    Closed,
}

impl Stage {
    /// The server's word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Open => "open",
            Self::Posted => "posted",
            Self::Pending => "pending",
            Self::Reversed => "reversed",
            Self::Expired => "expired",
            Self::Closed => "closed",
        }
    }

    const fn has_ended(self) -> bool {
        matches!(self, Self::Reversed | Self::Expired | Self::Closed)
    }
}

impl<'a> Purchase<'a> {
    pub(super) fn new(id: MessageId, account: AccountId, (card, cardholder): (CardId, CardholderId)) -> Self {
        Self { id, account, card, cardholder, words: Vec::new(), stand: Stand::new() }
    }

    /// When something that is decided on it happens: named so, but after all that it is decided on.
    pub(super) fn time_after(&self, named: Timestamp) -> Timestamp {
        let moving = self.words.iter().filter(|word| word.does != Does::Nothing);
        let after = |last: Timestamp| last.saturating_add(SignedDuration::from_micros(1)).unwrap_or(last);
        moving.map(|word| word.time).max().map_or(named, |last| named.max(after(last)))
    }

    /// Adds a word; what comes back is where it stood before.
    pub(super) fn add(&mut self, word: Word<'a>) -> Stand {
        self.words.push(word);
        let stand = self.read();
        std::mem::replace(&mut self.stand, stand)
    }

    /// Another turns out to be a part of it; what comes back is where the two stood before.
    pub(super) fn absorb(&mut self, other: &mut Self) -> [Stand; 2] {
        self.words.append(&mut other.words);
        let stand = self.read();
        [std::mem::replace(&mut self.stand, stand), std::mem::replace(&mut other.stand, Stand::new())]
    }

    /// Tells it from the start.
    fn read(&self) -> Stand {
        let mut by_token: BTreeMap<&str, Vec<&Word<'_>>> = BTreeMap::new();
        for word in &self.words {
            by_token.entry(word.of).or_default().push(word);
        }
        let mut deeds: Vec<Deed<'_>> =
            by_token.into_iter().filter_map(|(token, words)| Deed::of(token, &words)).collect();
        deeds.sort_by_key(|deed| (deed.time, deed.does.rank(), deed.token));
        let mut stand = Stand::new();
        deeds.iter().for_each(|deed| stand.step(deed));
        stand
    }
}

/// What became of one transaction, by all that was said of it.
struct Deed<'a> {
    token: &'a str,
    does: Does,
    time: Timestamp,
    at: Timestamp,
    ask: Ask,
    cash_minor: i128,
}

impl<'a> Deed<'a> {
    /// It takes from windows when we decided, if we let anything move.
    fn of(token: &'a str, words: &[&Word<'_>]) -> Option<Self> {
        let last = words.iter().max_by_key(|word| word.voice)?;
        let does = if last.voice == Voice::Refusal { Does::Nothing } else { last.does };
        let moving = || words.iter().filter(|word| word.does != Does::Nothing);
        let first = moving().min_by_key(|word| word.voice).unwrap_or(last);
        Some(Self {
            token,
            does,
            time: moving().map(|word| word.time).min().unwrap_or(last.time),
            at: first.at,
            ask: first.ask,
            cash_minor: first.cash_minor,
        })
    }
}

impl Does {
    /// What comes first of two at one time: the processor's clock ticks once a second.
    const fn rank(self) -> u8 {
        match self {
            Self::Hold(_) | Self::Expect(_) => 0,
            Self::Debit(_) => 1,
            Self::Total(_) => 2,
            Self::Release(_) => 3,
            Self::Clear { is_last: false, .. } | Self::Credit(_) => 4,
            Self::Clear { is_last: true, .. } => 5,
            Self::ReleaseAll | Self::Expire => 6,
            Self::Nothing => 7,
        }
    }
}

impl Stand {
    const fn new() -> Self {
        Self { held_minor: 0, posted_minor: 0, pending_minor: 0, stage: Stage::Empty, takes: Vec::new() }
    }

    fn step(&mut self, deed: &Deed<'_>) {
        let is_over = self.stage.has_ended();
        match deed.does {
            Does::Clear { minor, is_last } => self.clear(deed, minor, is_last),
            Does::Debit(minor) => {
                self.posted_minor -= minor;
                self.take(deed, minor, false);
                if self.stage == Stage::Empty {
                    self.stage = Stage::Posted;
                }
            }
            Does::Credit(minor) => {
                self.posted_minor += minor;
                self.pending_minor = (self.pending_minor - minor).max(0);
                self.settle();
            }
            Does::Hold(minor) if minor > 0 && !is_over => self.hold(deed, self.held_minor + minor),
            Does::Total(minor) if minor > 0 && !is_over => self.hold(deed, minor),
            Does::Total(_) | Does::ReleaseAll if !is_over => self.end(Stage::Reversed),
            Does::Expire if !is_over => self.end(Stage::Expired),
            Does::Release(minor) if self.held_minor > 0 => {
                let released_minor = minor.min(self.held_minor);
                self.give_back(released_minor);
                self.held_minor -= released_minor;
                if self.held_minor == 0 {
                    self.end(Stage::Reversed);
                }
            }
            Does::Expect(minor) if !is_over => {
                self.pending_minor += minor;
                if self.held_minor == 0 {
                    self.stage = Stage::Pending;
                }
            }
            _ => {}
        }
    }

    fn hold(&mut self, deed: &Deed<'_>, held_minor: i128) {
        match held_minor - self.held_minor {
            more @ 1.. => self.take(deed, more, true),
            less => self.give_back(-less),
        }
        self.held_minor = held_minor;
        self.stage = Stage::Open;
    }

    /// What was held is posted first, the rest by force; with the last, what is left goes back.
    fn clear(&mut self, deed: &Deed<'_>, minor: i128, is_last: bool) {
        let covered_minor = minor.min(self.held_minor);
        let mut rest_minor = covered_minor;
        for take in &mut self.takes {
            let posted_minor = take.open_minor.min(rest_minor);
            take.open_minor -= posted_minor;
            rest_minor -= posted_minor;
        }
        self.posted_minor -= minor;
        self.held_minor -= covered_minor;
        if is_last {
            self.give_back(self.held_minor);
            self.held_minor = 0;
        }
        self.take(deed, minor - covered_minor, false);
        self.settle();
    }

    fn settle(&mut self) {
        self.stage = match (self.held_minor, self.pending_minor) {
            (1.., _) => Stage::Open,
            (_, 1..) => Stage::Pending,
            _ => Stage::Closed,
        };
    }

    fn end(&mut self, how: Stage) {
        self.give_back(self.held_minor);
        (self.held_minor, self.pending_minor) = (0, 0);
        self.stage = if self.posted_minor == 0 { how } else { Stage::Closed };
    }

    /// A purchase counts once, by its first take, and so does its kind.
    fn take(&mut self, deed: &Deed<'_>, minor: i128, is_open: bool) {
        if minor <= 0 {
            return;
        }
        let is_counted = self.takes.iter().any(|take| take.count > 0);
        self.takes.push(Taken {
            at: deed.at,
            ask: self.takes.first().map_or(deed.ask, |first| first.ask),
            spent_minor: minor,
            cash_minor: deed.cash_minor,
            count: i128::from(!is_counted),
            open_minor: if is_open { minor } else { 0 },
        });
    }

    /// The newest first, and only what is still held.
    fn give_back(&mut self, mut minor: i128) {
        for take in self.takes.iter_mut().rev() {
            let given_minor = take.open_minor.min(minor);
            take.open_minor -= given_minor;
            take.spent_minor -= given_minor;
            minor -= given_minor;
        }
        self.takes.retain(|take| take.spent_minor > 0);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOLD: Does = Does::Hold(100);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn word(of: &'static str, voice: Voice, does: Does, second: i64) -> Word<'static> {
        Word { of, voice, does, time: at(second), at: at(second), ask: Ask::Purchase, cash_minor: 0 }
    }

    fn purchase(words: &[Word<'static>]) -> Stand {
        let nil = Uuid::nil();
        let card = (CardId::new(nil), CardholderId::new(nil));
        let mut purchase = Purchase::new(MessageId::new(nil), AccountId::new(nil), card);
        words.iter().for_each(|word| {
            purchase.add(*word);
        });
        purchase.stand
    }

    /// Effects of transactions of their own, a second each: held, posted, pending, where it stands, taken.
    #[track_caller]
    fn assert_ends(does: &[Does], amounts: (i128, i128, i128), stage: Stage, taken: &[i128]) {
        const TOKENS: [&str; 4] = ["t-0", "t-1", "t-2", "t-3"];
        let words =
            (0..).zip(does).zip(TOKENS).map(|((second, does), of)| word(of, Voice::Theirs, *does, second));
        let words: Vec<_> = words.collect();
        let backwards: Vec<_> = words.iter().rev().copied().collect();
        assert_eq!(purchase(&words), purchase(&backwards), "{does:?}: the order of words");
        let stand = purchase(&words);
        let found = (stand.held_minor, stand.posted_minor, stand.pending_minor);
        assert_eq!((found, stand.stage), (amounts, stage), "{does:?}");
        let spent: Vec<i128> = stand.takes.iter().map(|take| take.spent_minor).collect();
        assert_eq!(spent, taken, "{does:?}");
    }

    const fn clear(minor: i128) -> Does {
        Does::Clear { minor, is_last: false }
    }

    #[test]
    fn a_hold_is_cleared_released_and_ends_once() {
        use Does::{Expire, Release, Total};
        use Stage::{Closed, Expired, Open, Reversed};
        assert_ends(&[HOLD, clear(100)], (0, -100, 0), Closed, &[100]);
        assert_ends(&[HOLD, clear(40)], (60, -40, 0), Open, &[100]);
        assert_ends(&[HOLD, clear(120)], (0, -120, 0), Closed, &[100, 20]);
        assert_ends(&[HOLD, Does::Clear { minor: 40, is_last: true }], (0, -40, 0), Closed, &[40]);
        assert_ends(&[HOLD, clear(40), Release(100)], (0, -40, 0), Closed, &[40]);
        assert_ends(&[HOLD, Does::ReleaseAll, clear(90)], (0, -90, 0), Closed, &[90]);
        assert_ends(&[HOLD, Expire], (0, 0, 0), Expired, &[]);
        assert_ends(&[HOLD, Release(30)], (70, 0, 0), Open, &[70]);
        assert_ends(&[HOLD, Release(130), HOLD], (0, 0, 0), Reversed, &[]);
        assert_ends(&[HOLD, Does::Hold(50), Release(60)], (90, 0, 0), Open, &[90]);
        assert_ends(&[HOLD, Total(7_200), clear(7_200)], (0, -7_200, 0), Closed, &[100, 7_100]);
        assert_ends(&[HOLD, Total(30)], (30, 0, 0), Open, &[30]);
        assert_ends(&[clear(100)], (0, -100, 0), Closed, &[100]);
    }

    #[test]
    fn what_comes_in_is_expected_first_and_takes_nothing() {
        assert_ends(&[Does::Expect(80)], (0, 0, 80), Stage::Pending, &[]);
        assert_ends(&[Does::Expect(80), Does::Credit(80)], (0, 80, 0), Stage::Closed, &[]);
        assert_ends(&[Does::Credit(80)], (0, 80, 0), Stage::Closed, &[]);
    }

    #[test]
    fn the_processor_s_word_outranks_ours_and_a_refusal_both() {
        use Voice::{Ours, Refusal, Theirs};
        let ours = word("t-1", Ours, HOLD, 5);
        let theirs = Word { does: Does::Hold(70), ..word("t-1", Theirs, HOLD, 9) };
        let refusal = word("t-1", Refusal, Does::Nothing, 5);
        let held = |words: &[Word<'static>]| purchase(words).held_minor;
        assert_eq!(held(&[ours]), 100);
        assert_eq!((held(&[ours, theirs]), held(&[theirs, ours])), (70, 70));
        assert_eq!((held(&[ours, refusal]), held(&[refusal, ours])), (0, 0));
        let takes = purchase(&[theirs, ours]).takes;
        assert_eq!((takes[0].at, takes[0].spent_minor), (at(5), 70), "when we decided");
    }

    #[test]
    fn two_that_are_one_are_told_as_one() {
        let nil = Uuid::nil();
        let card = (CardId::new(nil), CardholderId::new(nil));
        let new = || Purchase::new(MessageId::new(nil), AccountId::new(nil), card);
        let (mut first, mut other) = (new(), new());
        first.add(word("t-1", Voice::Ours, HOLD, 1));
        other.add(word("t-2", Voice::Theirs, clear(120), 2));
        let [held, posted] = first.absorb(&mut other);
        assert_eq!((held.held_minor, posted.posted_minor), (100, -120));
        assert_eq!((first.stand.held_minor, first.stand.posted_minor), (0, -120));
        assert_eq!(other.stand, Stand::new());
    }

    #[test]
    fn a_part_is_given_back_by_the_newest_take_and_then_by_the_one_before() {
        let more = Word { does: Does::Hold(300), ..word("t-2", Voice::Ours, HOLD, 2) };
        let first = Word { does: Does::Hold(600), ..word("t-1", Voice::Ours, HOLD, 1) };
        let left = |minor| {
            let release = word("t-3", Voice::Ours, Does::Release(minor), 3);
            let takes = purchase(&[first, more, release]).takes;
            takes.iter().map(|take| (take.at.as_second(), take.spent_minor)).collect::<Vec<_>>()
        };
        assert_eq!(left(200), [(1, 600), (2, 100)]);
        assert_eq!(left(500), [(1, 400)]);
        assert_eq!(left(900), []);
    }
}
