//! What one purchase takes from spending windows: its messages as they were told, and what is left of
//! their takes once parts were given back.

use bursar_core::{CardId, CardholderId, MessageId};
use jiff::Timestamp;

use super::windows::Taken;

/// A purchase and what is about it, as its owner's controls see it.
pub(super) struct Group {
    pub(super) card: CardId,
    pub(super) cardholder: CardholderId,
    /// What was approved and what was released, in the order of [`Told::time`].
    pub(super) told: Vec<Told>,
    /// What it takes by all that.
    pub(super) takes: Vec<Taken>,
}

/// What a message of a purchase says.
pub(super) struct Told {
    /// The processor's time of an approval, then the server's id of it. A release is later than all
    /// that came before it.
    pub(super) time: (Timestamp, Option<MessageId>),
    pub(super) said: Said,
}

pub(super) enum Said {
    Took(Taken),
    Gave(i128),
}

impl Group {
    pub(super) fn new(card: CardId, cardholder: CardholderId) -> Self {
        Self { card, cardholder, told: Vec::new(), takes: Vec::new() }
    }

    /// Takes in another message. What comes back is what the group took before.
    pub(super) fn tell(&mut self, told: Told) -> Vec<Taken> {
        let place = self.told.partition_point(|other| other.time <= told.time);
        self.told.insert(place, told);
        let mut takes: Vec<Taken> = Vec::new();
        for told in &self.told {
            match told.said {
                Said::Took(taken) => takes.push(taken),
                Said::Gave(minor) => give_back(&mut takes, minor),
            }
        }
        std::mem::replace(&mut self.takes, takes)
    }
}

fn give_back(takes: &mut Vec<Taken>, mut minor: i128) {
    while minor > 0
        && let Some(mut newest) = takes.pop()
    {
        if newest.spent_minor > minor {
            newest.spent_minor -= minor;
            takes.push(newest);
            return;
        }
        minor -= newest.spent_minor;
    }
}

#[cfg(test)]
mod tests {
    use bursar_core::MessageId;
    use uuid::Uuid;

    use super::*;
    use crate::jit::Ask;

    #[test]
    fn a_part_is_given_back_by_the_newest_take_whatever_was_told_first() {
        let time = |second| Timestamp::from_second(second).expect("a time");
        let took = |second, minor: i128| Told {
            time: (time(second), Some(MessageId::new(Uuid::from_u128(1)))),
            said: Said::Took(Taken {
                at: time(second),
                ask: Ask::Purchase,
                spent_minor: minor,
                cash_minor: 0,
                count: i128::from(second == 1),
            }),
        };
        let gave = || Told { time: (time(3), None), said: Said::Gave(500) };
        for told in [[took(1, 600), took(2, 300), gave()], [took(1, 600), gave(), took(2, 300)]] {
            let mut group = Group::new(CardId::new(Uuid::nil()), CardholderId::new(Uuid::nil()));
            for told in told {
                group.tell(told);
            }
            let left: Vec<_> = group.takes.iter().map(|taken| (taken.at, taken.spent_minor)).collect();
            assert_eq!(left, [(time(1), 400)]);
        }
        let mut group = Group::new(CardId::new(Uuid::nil()), CardholderId::new(Uuid::nil()));
        group.tell(took(1, 600));
        group.tell(gave());
        group.tell(took(4, 300));
        let left: Vec<_> = group.takes.iter().map(|taken| taken.spent_minor).collect();
        assert_eq!(left, [100, 300], "what came later was not released");
    }
}
