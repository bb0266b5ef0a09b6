//! What processor and network do after an approval, on their own.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Deed;
use crate::habits::Habits;
use crate::merchants::Kind;

/// One thing that happens to a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// How many steps after the purchase.
    pub after: u64,
    /// What happens.
    pub event: Event,
    /// How it is told.
    pub manner: Manner,
}

/// What happens to a purchase. Percentages are of what is approved of it at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// The approval is confirmed.
    Confirmation,
    /// More is asked for: this percentage on top.
    Increment(u32),
    /// The amount becomes this percentage.
    Advice(u32),
    /// So much is cleared.
    Clearing(Clearing),
    /// This percentage of what is open is released.
    Reversal(u32),
    /// The hold ends, for it was held long enough.
    Expiry,
    /// This percentage of what was cleared is given back at once, as a purchase of its own.
    Refund(u32),
    /// The same, but the gateway is asked first, and it is cleared later.
    AskedRefund(u32),
    /// A refund that the gateway was asked about is cleared.
    RefundClearing,
}

/// How much is cleared, and what the message says of its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Clearing {
    /// How much; `None` for all that is open.
    pub percent: Option<u32>,
    /// Its number and how many there are, if there is more than one.
    pub part: Option<(u8, u8)>,
    /// What it says of whether it is the last, if it does.
    pub is_final: Option<bool>,
}

impl Clearing {
    /// Whether no other follows, as the message tells it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        match (self.is_final, self.part) {
            (Some(is_final), _) => is_final,
            (None, Some((number, count))) => number >= count,
            (None, None) => false,
        }
    }
}

/// How a notice comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// It is sent so many steps too late.
    pub delay: Delay,
    /// It is sent once more, so many steps after that.
    pub again_after: Option<u64>,
}

/// How much too late a notice comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delay {
    /// Not at all.
    #[default]
    None,
    /// So many steps: after one that follows it.
    Overtaken(u64),
    /// So many steps, or at the end: it was lost, and is replayed.
    Lost(u64),
}

impl Delay {
    /// How many steps.
    #[must_use]
    pub const fn steps(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Overtaken(steps) | Self::Lost(steps) => steps,
        }
    }
}

/// When the notice of a time-out comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Late {
    /// Before the request that it is about.
    Before,
    /// At the same time.
    Meanwhile,
    /// So many steps after the answer.
    After(u64),
}

/// What follows an approval of this kind, in the order in which it happens.
pub(super) fn life(rng: &mut ChaCha8Rng, deed: Deed, kind: Kind, habits: &Habits) -> Vec<Act> {
    let mut acts: Vec<(u64, Event)> = Vec::new();
    if !matches!(deed, Deed::StandIn | Deed::ForcePost) {
        acts.push((rng.random_range(1..3), Event::Confirmation));
    }
    match deed {
        // Only the purchase that it adds to is cleared.
        Deed::Increment | Deed::IncrementOfEnded | Deed::Withdrawal | Deed::ForcePost => {}
        Deed::CashBack => acts.push((rng.random_range(20..200), full(None))),
        _ => course(rng, deed, kind, &mut acts),
    }
    let mut acts: Vec<Act> = with_manners(rng, &acts, habits);
    acts.sort_by_key(|act| act.after);
    acts
}

const fn full(is_final: Option<bool>) -> Event {
    Event::Clearing(Clearing { percent: None, part: None, is_final })
}

const fn share(percent: u32) -> Event {
    Event::Clearing(Clearing { percent: Some(percent), part: None, is_final: None })
}

/// How a purchase goes on: nothing, an end without a clearing, or what is usual for the kind of merchant.
fn course(rng: &mut ChaCha8Rng, deed: Deed, kind: Kind, acts: &mut Vec<(u64, Event)>) {
    let first = rng.random_range(20..200);
    let next = first + rng.random_range(20..200);
    // What was approved without us is cleared: so it shows in the entries.
    let ending = if deed == Deed::StandIn { 100 } else { rng.random_range(0..100_u32) };
    match ending {
        0..6 => return,
        6..14 => return acts.push((first, Event::Reversal(100))),
        14..18 => return acts.push((first, Event::Expiry)),
        18..20 => return acts.extend([(first, Event::Expiry), (next, full(None))]),
        20..26 => {
            acts.push((first, Event::Reversal(rng.random_range(10..=70))));
            acts.push((next, full(Some(true))));
        }
        _ => usual(rng, deed, kind, (first, next), acts),
    }
    refund(rng, acts);
}

fn usual(
    rng: &mut ChaCha8Rng,
    deed: Deed,
    kind: Kind,
    (first, next): (u64, u64),
    acts: &mut Vec<(u64, Event)>,
) {
    match kind {
        Kind::Restaurant | Kind::Leisure => acts.push((first, share(rng.random_range(103..=125)))),
        // It was approved for a unit or for the most that fits; the pump tells the rest.
        Kind::Fuel => {
            let percent = match deed {
                Deed::Fuel => rng.random_range(30..=95),
                _ => rng.random_range(2_000..=6_000),
            };
            match rng.random_ratio(1, 2) {
                true => acts.extend([(4, Event::Advice(percent)), (first, full(Some(true)))]),
                false => acts.push((first, share(percent))),
            }
        }
        Kind::Online | Kind::Retail if rng.random_ratio(1, 3) => {
            let count: u8 = rng.random_range(2..=4);
            let is_short = rng.random_ratio(1, 4);
            for number in 1..=count {
                let at = first + u64::from(number - 1) * 40;
                let is_end = number == count;
                acts.push(match (is_end, is_short) {
                    (true, true) => (at, Event::Reversal(100)),
                    _ => {
                        let percent = (!is_end).then(|| 100 / u32::from(count));
                        let part = Some((number, count));
                        (at, Event::Clearing(Clearing { percent, part, is_final: None }))
                    }
                });
            }
        }
        Kind::Hotel | Kind::Travel => {
            // What was approved without us is not added to: the gateway may not know it yet.
            let nights = if deed == Deed::StandIn { 0 } else { rng.random_range(1..=3_u64) };
            for night in 0..nights {
                acts.push((5 + night * 12, Event::Increment(rng.random_range(10..=40))));
            }
            if rng.random_ratio(1, 2) {
                acts.push((first + 40, share(rng.random_range(20..=60))));
            }
            acts.push((next + 40, full(Some(true))));
        }
        _ => acts.push((first, full(rng.random_ratio(1, 2).then_some(true)))),
    }
}

/// One of ten is given back, days later.
fn refund(rng: &mut ChaCha8Rng, acts: &mut Vec<(u64, Event)>) {
    let after = acts.last().map_or(0, |(after, _)| *after) + rng.random_range(240..700);
    let percent = rng.random_range(20..=100);
    let is_asked = rng.random_ratio(1, 2);
    if rng.random_ratio(1, 10) {
        acts.push((after, if is_asked { Event::AskedRefund(percent) } else { Event::Refund(percent) }));
    }
}

fn with_manners(rng: &mut ChaCha8Rng, acts: &[(u64, Event)], habits: &Habits) -> Vec<Act> {
    let next = acts.iter().skip(1).map(|(after, _)| Some(*after)).chain([None]);
    let act = |(&(after, event), next): (&(u64, Event), Option<u64>)| Act {
        after,
        event,
        manner: manner(rng, next.map(|next| next.saturating_sub(after)), habits),
    };
    acts.iter().zip(next).map(act).collect()
}

/// `until_next` is how many steps later the next notice of the purchase comes, if one does.
pub(super) fn manner(rng: &mut ChaCha8Rng, until_next: Option<u64>, habits: &Habits) -> Manner {
    let mut often = |percent: u32| rng.random_range(0..100) < percent;
    let (is_again, is_overtaken, is_lost) =
        (often(habits.repeated), often(habits.reordered), often(habits.lost));
    Manner {
        again_after: is_again.then(|| rng.random_range(0..60)),
        delay: match (is_lost, until_next) {
            (true, _) => Delay::Lost(rng.random_range(300..900)),
            (false, Some(next)) if is_overtaken => Delay::Overtaken(next + rng.random_range(1..40)),
            _ => Delay::None,
        },
    }
}
