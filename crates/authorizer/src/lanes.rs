//! Which lane a command goes to.

use std::hash::{DefaultHasher, Hash, Hasher};

use bursar_core::Work;
use tokio::sync::mpsc::Sender;

use crate::lane::Submission;

/// Where so many wait, the lane that does for all is slow or stuck, and all of them take their share.
const CROWD: usize = 64;

/// The queues of the lanes.
pub(crate) struct Lanes(Vec<Sender<Submission>>);

impl Lanes {
    pub(crate) fn new(queues: Vec<Sender<Submission>>) -> Self {
        Self(queues)
    }

    /// One owner, one lane; without an owner the token chooses. The first does for all if one is preferred.
    pub(crate) fn of(&self, work: &Work, one_is_preferred: bool) -> &Sender<Submission> {
        match self.may_have(work) {
            (_, Some(first)) if one_is_preferred && !is_crowded(first) => first,
            (own, _) => own,
        }
    }

    /// Where a command may wait that came before: in its own lane, or in the first.
    pub(crate) fn may_have(&self, work: &Work) -> (&Sender<Submission>, Option<&Sender<Submission>>) {
        let mut hasher = DefaultHasher::new();
        match work.command.owner() {
            Some(owner) => owner.hash(&mut hasher),
            None => work.command.key.token.hash(&mut hasher),
        }
        let own = (hasher.finish() % self.0.len() as u64) as usize;
        (&self.0[own], (own > 0).then(|| &self.0[0]))
    }

    /// Whether one has ended.
    pub(crate) fn is_one_closed(&self) -> bool {
        self.0.iter().any(Sender::is_closed)
    }
}

fn is_crowded(queue: &Sender<Submission>) -> bool {
    let waiting = queue.max_capacity().saturating_sub(queue.capacity());
    waiting >= CROWD.min(queue.max_capacity())
}

#[cfg(test)]
mod tests {
    use bursar_testkit::given::{self, usd};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn whatever_is_preferred_a_command_waits_where_it_is_looked_for() {
        let (queues, _received): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel(1)).unzip();
        let lanes = Lanes::new(queues);
        let mut places = [0; 3];
        for _ in 0..64 {
            let work = given::unknown_card(&given::new_token("card"), usd("1.00")).work();
            let (own, first) = lanes.may_have(&work);
            assert!(lanes.of(&work, false).same_channel(own));
            assert!(lanes.of(&work, true).same_channel(first.unwrap_or(own)));
            assert!(lanes.of(&work, true).same_channel(&lanes.0[0]));
            let place = lanes.0.iter().position(|lane| lane.same_channel(own));
            places[place.expect("one of them")] += 1;
        }
        assert!(places.iter().all(|count| *count > 0), "{places:?}");
    }
}
