//! What one purchase takes from spending windows, once parts of it were given back.

use bursar_core::{CardId, CardholderId};

use super::windows::Taken;

/// A purchase and its increments, as its owner's controls see them.
pub(super) struct Group {
    pub(super) card: CardId,
    pub(super) cardholder: CardholderId,
    /// In the order of decision.
    pub(super) takes: Vec<Taken>,
}

impl Group {
    pub(super) fn new(card: CardId, cardholder: CardholderId) -> Self {
        Self { card, cardholder, takes: Vec::new() }
    }

    /// Gives so much back, the newest first.
    pub(super) fn give_back(&mut self, mut minor: i128) {
        while minor > 0
            && let Some(mut newest) = self.takes.pop()
        {
            if newest.spent_minor > minor {
                newest.spent_minor -= minor;
                self.takes.push(newest);
                return;
            }
            minor -= newest.spent_minor;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::jit::Ask;

    #[test]
    fn a_part_is_given_back_by_the_newest_take_and_then_by_the_one_before() {
        let mut group = Group::new(CardId::new(Uuid::nil()), CardholderId::new(Uuid::nil()));
        let taken = |second, minor: i128| Taken {
            at: Timestamp::from_second(second).expect("a time"),
            ask: Ask::Purchase,
            spent_minor: minor,
            cash_minor: 0,
            count: i128::from(second == 1),
        };
        group.takes = vec![taken(1, 600), taken(2, 300)];
        let mut left = |minor| {
            group.give_back(minor);
            group.takes.iter().map(|taken| (taken.at.as_second(), taken.spent_minor)).collect::<Vec<_>>()
        };
        assert_eq!(left(200), [(1, 600), (2, 100)]);
        assert_eq!(left(300), [(1, 400)]);
        assert_eq!(left(400), []);
    }
}
