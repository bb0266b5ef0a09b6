//! What becomes of a message of which a run failed.

use std::time::Duration;

use uuid::Uuid;

use crate::delivery::Verdict;
use crate::message::{Content, Death, Reason};
use crate::topology::{Keep, Queue};

/// How often a message is tried again, at most. So it has one run more than this.
pub const RETRIES: usize = 3;

/// How long a message waits after each of its failed runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries(pub [Duration; RETRIES]);

impl Default for Retries {
    fn default() -> Self {
        Self([Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)])
    }
}

/// What becomes of a message that a consumer spoke of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is forgotten.
    Forget,
    /// It comes again, with what is known of its failures, after so long.
    Wait(Content, Duration),
    /// It goes to the dead letters.
    Bury(Content),
}

impl Retries {
    /// What becomes of the message, which was taken from this queue.
    #[must_use]
    pub fn next(&self, queue: Queue, mut content: Content, verdict: Verdict) -> Next {
        let (why, is_hopeless) = match verdict {
            Verdict::Done => return Next::Forget,
            Verdict::Failed(why) => (why, false),
            Verdict::Dead(why) => (why, true),
        };
        // What nobody has to read is not tried again, and of a dead letter whose consumer fails nothing is lost.
        if matches!(queue.keeps(), Keep::Newest(_)) {
            return Next::Forget;
        }
        if queue.dead_key().is_none() {
            return Next::Wait(content, self.0[RETRIES - 1]);
        }
        // Of a dead letter that was sent again the count begins anew.
        let before = content.death.take().filter(|death| death.queue == queue && death.reason.is_none());
        let attempts = before.as_ref().map_or(0, |death| death.attempts).saturating_add(1);
        let pause = self.0.get(attempts as usize - 1).filter(|_| !is_hopeless);
        let reason = match (pause, is_hopeless) {
            (Some(_), _) => None,
            (None, true) => Some(Reason::Rejected),
            (None, false) => Some(Reason::Exhausted),
        };
        let error_first = before.map_or_else(|| why.clone(), |death| death.error_first);
        let id = reason.map_or_else(Uuid::nil, |_| Uuid::now_v7());
        content.death = Some(Death { id, queue, attempts, error_first, error_last: why, reason });
        match pause {
            Some(pause) => Next::Wait(content, *pause),
            None => Next::Bury(content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: Queue = Queue::Webhook;

    #[test]
    fn a_message_has_four_runs_with_growing_pauses() {
        let retries = Retries::default();
        let mut content = Content::new(Uuid::nil(), "test", Vec::new());
        for (attempt, expected) in (1..).zip(retries.0) {
            let Next::Wait(next, pause) = retries.next(QUEUE, content, failed(attempt)) else {
                panic!("attempt {attempt} is not the last");
            };
            assert_eq!(pause, expected);
            assert_eq!(next.death, Some(death(attempt, None)));
            content = next;
        }
        let Next::Bury(dead) = retries.next(QUEUE, content, failed(4)) else {
            panic!("the fourth is the last");
        };
        assert_eq!(without_id(dead.death), Some(death(4, Some(Reason::Exhausted))));
    }

    #[test]
    fn what_cannot_succeed_has_one_run() {
        let content = Content::new(Uuid::nil(), "test", Vec::new());
        let Next::Bury(dead) = Retries::default().next(QUEUE, content, Verdict::Dead("failure 1".into()))
        else {
            panic!("there is no other run");
        };
        assert_eq!(without_id(dead.death), Some(death(1, Some(Reason::Rejected))));
    }

    #[test]
    fn each_death_is_another() {
        let content = Content::new(Uuid::nil(), "test", Vec::new());
        let dies = || match Retries::default().next(QUEUE, content.clone(), Verdict::Dead("failure".into())) {
            Next::Bury(dead) => dead.death.map_or_else(Uuid::nil, |death| death.id),
            next => panic!("{next:?}"),
        };
        let (first, second) = (dies(), dies());
        assert!(!first.is_nil() && !second.is_nil() && first != second, "{first} {second}");
    }

    #[test]
    fn a_dead_letter_whose_consumer_fails_stays_what_it_is_for_ever() {
        let retries = Retries::default();
        let mut content = Content::new(Uuid::nil(), "test", Vec::new());
        content.death = Some(death(4, Some(Reason::Exhausted)));
        for verdict in [failed(1), Verdict::Dead("failure 1".into())] {
            let next = retries.next(Queue::DeadLetters, content.clone(), verdict);
            assert_eq!(next, Next::Wait(content.clone(), retries.0[RETRIES - 1]));
        }
    }

    #[test]
    fn what_nobody_has_to_read_is_not_tried_again() {
        let content = Content::new(Uuid::nil(), "test", Vec::new());
        for queue in [Queue::JitFundingResponse, Queue::Unrouted] {
            assert_eq!(Retries::default().next(queue, content.clone(), failed(1)), Next::Forget);
        }
    }

    #[test]
    fn a_dead_letter_that_is_sent_again_has_all_its_runs_again() {
        let mut content = Content::new(Uuid::nil(), "test", Vec::new());
        content.death = Some(death(4, Some(Reason::Exhausted)));
        let Next::Wait(next, _) = Retries::default().next(QUEUE, content, failed(1)) else {
            panic!("it has runs left");
        };
        assert_eq!(next.death, Some(death(1, None)));
    }

    fn failed(attempt: u32) -> Verdict {
        Verdict::Failed(format!("failure {attempt}"))
    }

    /// Nobody knows the id before.
    fn without_id(death: Option<Death>) -> Option<Death> {
        death.map(|death| Death { id: Uuid::nil(), ..death })
    }

    fn death(attempts: u32, reason: Option<Reason>) -> Death {
        Death {
            id: Uuid::nil(),
            queue: QUEUE,
            attempts,
            error_first: "failure 1".to_owned(),
            error_last: format!("failure {attempts}"),
            reason,
        }
    }
}
