//! A lane: one transaction at a time, and the next batch is whatever arrived meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_cache::{Cache, Heard};
use bursar_core::{MessageId, Outcome};
use bursar_store::{Batch, Ledger, Member, Settled, Stage, StageTimes, StoreError, Transacted};
use tokio::sync::{mpsc, oneshot, watch};

use crate::handover::{Handover, LEASE};
use crate::last_failure::LastFailure;
use crate::pending_times::PendingTimes;
use crate::profiler::{Profiler, Verdict};
use crate::reply::{Reply, Settlement, Unavailable};
use crate::timeline::Timeline;

/// How often an idle lane writes the stage times of its last decisions.
const IDLE: Duration = Duration::from_secs(1);

/// How often a batch whose COMMIT failed is sent before its members get "unavailable".
const TRIES_MAX: u32 = 4;

/// How long a lane gives a store that went away in a commit to come back, before it tries again: all together
/// less than callers of a store that is down may wait for their answer.
const PAUSE: Duration = Duration::from_millis(80);

/// A command in a lane's queue.
pub(crate) struct Submission {
    pub(crate) member: Arc<Member>,
    pub(crate) timeline: Timeline,
    pub(crate) reply: oneshot::Sender<Told>,
    pub(crate) is_profiled: bool,
    /// It goes to the ledger though its deadline has passed: for the answer that it has, if it was decided.
    pub(crate) is_asked_late: bool,
}

/// What became of a command, and of the others hearing what it changed.
pub(crate) type Told = (Settlement, Option<Heard>);

/// The stage times of earlier decisions.
type StageTimesOf = Arc<Vec<(MessageId, StageTimes)>>;

/// A command and what to tell its caller.
type Answered = (Submission, Reply, Option<Heard>);

pub(crate) struct Lane {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) submissions: mpsc::Receiver<Submission>,
    /// What the next batch has to find out.
    pub(crate) asked_late: Vec<Submission>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) batch_size_max: usize,
    pub(crate) profiler: Arc<Profiler>,
    pub(crate) pending_times: Arc<PendingTimes>,
    pub(crate) last_failure: Arc<LastFailure>,
    pub(crate) handover: Handover,
}

impl Lane {
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(self.batch_size_max);
        while self.next_batch(&mut batch).await {
            let mut answered = self.settle(std::mem::take(&mut batch)).await;
            while self.take_waiting(&mut batch) {
                // The first to be polled: the store has its next batch before the answers of the last
                // one are handed out, and does not wait for that.
                let next = self.settle(std::mem::take(&mut batch));
                (answered, ()) = tokio::join!(next, async { self.deliver(answered) });
            }
            self.deliver(answered);
        }
        let unanswered = self.settle(Vec::new()).await;
        self.deliver(unanswered);
    }

    /// Waits for the first command, then takes what is there. An idle lane gets an empty batch
    /// now and then. `false` when the lane has stopped and its queue is empty.
    async fn next_batch(&mut self, batch: &mut Vec<Submission>) -> bool {
        let mut stopped = self.stopped.clone();
        let received = tokio::select! {
            biased;
            received = self.submissions.recv_many(batch, self.batch_size_max) => received,
            _ = stopped.wait_for(|stopped| *stopped), if !self.submissions.is_closed() => {
                self.submissions.close();
                return true;
            }
            () = tokio::time::sleep(IDLE) => return true,
        };
        self.put_off(batch);
        received > 0
    }

    /// Puts what is asked late off to the next batch: what it asks for may be decided in this one, and is found
    /// once that is committed.
    fn put_off(&mut self, batch: &mut Vec<Submission>) {
        let asked = batch.extract_if(.., |submission| submission.is_asked_late).collect();
        batch.extend(std::mem::replace(&mut self.asked_late, asked));
    }

    /// Takes what is there already and what was put off, if anything is.
    fn take_waiting(&mut self, batch: &mut Vec<Submission>) -> bool {
        while batch.len() < self.batch_size_max
            && let Ok(submission) = self.submissions.try_recv()
        {
            batch.push(submission);
        }
        self.put_off(batch);
        !batch.is_empty() || !self.asked_late.is_empty()
    }

    /// Has a batch decided, and the stage times of earlier decisions written along.
    async fn settle(&self, batch: Vec<Submission>) -> Vec<Answered> {
        let (submissions, late) = split_late(batch);
        let late =
            late.into_iter().map(|submission| (submission, Reply::Unavailable(Unavailable::Late), None));
        let mut answered: Vec<Answered> = late.collect();
        let stage_times = Arc::new(self.pending_times.take());
        if !submissions.is_empty() || !stage_times.is_empty() {
            answered.extend(self.settle_batch(submissions, stage_times).await);
        }
        answered
    }

    /// Settles the batch; where one member's data makes it fail, in halves, so that the culprit
    /// fails alone.
    async fn settle_batch(
        &self,
        mut submissions: Vec<Submission>,
        stage_times: StageTimesOf,
    ) -> Vec<Answered> {
        let members = submissions.iter().map(|submission| submission.member.clone()).collect();
        let place = self.handover.place();
        let lease = place.as_ref().map(|_| LEASE);
        match self.transact(&Batch { members, stage_times, lease }).await {
            Ok((mut transacted, doubt)) => {
                // Stage times alone show nothing about decisions, nor do those that were left out.
                if transacted.settled.iter().any(|settled| matches!(settled, Settled::Done(_))) {
                    self.last_failure.note(Ok(()));
                    self.handover.committed(place, std::mem::take(&mut transacted.leased));
                }
                self.answers(transacted, doubt.as_ref(), submissions)
            }
            Err(StoreError::BadData(why)) if submissions.len() > 1 => {
                tracing::warn!(
                    batch.size = submissions.len(),
                    why,
                    "a batch cannot be stored; trying its halves"
                );
                drop(place);
                let second = submissions.split_off(submissions.len() / 2);
                let mut answered = Vec::new();
                for half in [submissions, second] {
                    answered.extend(Box::pin(self.settle_batch(half, StageTimesOf::default())).await);
                }
                answered
            }
            Err(error) => {
                if !matches!(error, StoreError::BadData(_)) {
                    self.last_failure.note(Err(&error));
                }
                tracing::error!(batch.size = submissions.len(), "no decision: {error}");
                let reply = Reply::Unavailable(match error {
                    StoreError::BadData(_) => Unavailable::Undecidable(error.to_string()),
                    error => Unavailable::Store(error.to_string()),
                });
                submissions.into_iter().map(|submission| (submission, reply.clone(), None)).collect()
            }
        }
    }

    /// Sends the batch, and the same batch again while it is unknown whether it was committed. Once
    /// it is, it stays so: that the store cannot be reached afterwards does not tell. With what became of it
    /// comes the doubt about an earlier try, if there was one.
    async fn transact(&self, batch: &Batch) -> Result<(Transacted, Option<StoreError>), StoreError> {
        let mut unknown: Option<String> = None;
        for tries in 1..=TRIES_MAX {
            match self.ledger.transact(batch.clone()).await {
                Err(StoreError::Unknown(why)) => {
                    tracing::warn!(tries, why, "an unknown commit; sending the same batch again");
                    unknown = Some(why);
                }
                Err(error) if unknown.is_some() && !matches!(error, StoreError::BadData(_)) => {
                    tracing::warn!(tries, %error, "no word of the commit yet; sending the same batch again");
                    if tries < TRIES_MAX {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                result => return result.map(|transacted| (transacted, unknown.map(StoreError::Unknown))),
            }
        }
        Err(StoreError::Unknown(unknown.unwrap_or_default()))
    }

    /// What to tell each caller; the cache learns what was committed first.
    fn answers(
        &self,
        transacted: Transacted,
        doubt: Option<&StoreError>,
        submissions: Vec<Submission>,
    ) -> Vec<Answered> {
        let Transacted { settled, began, loaded, decided, .. } = transacted;
        let committed = Instant::now();
        let answer = |(mut submission, settled): (Submission, Settled)| {
            submission.timeline.mark_at(Stage::QueueWait, began);
            submission.timeline.mark_at(Stage::Load, loaded);
            submission.timeline.mark_at(Stage::Decision, decided);
            submission.timeline.mark_at(Stage::Commit, committed);
            let heard = match &settled {
                Settled::Done(Outcome::Decided(decided, _)) => self.cache.committed(decided),
                // It was committed by an earlier try of this batch, of which nothing came back.
                Settled::Done(Outcome::Repeated(_)) if doubt.is_some() => {
                    self.cache.doubt();
                    None
                }
                _ => None,
            };
            (submission, reply_of(settled, doubt), heard)
        };
        submissions.into_iter().zip(settled).map(answer).collect()
    }

    /// A caller who hung up still counts.
    fn deliver(&self, answered: Vec<Answered>) {
        for (submission, reply, heard) in answered {
            let Submission { timeline, reply: sender, is_profiled, .. } = submission;
            let sent = sender.send((Settlement { reply, timeline }, heard));
            if let (Err((settlement, _)), true) = (sent, is_profiled) {
                let Settlement { reply, timeline } = settlement;
                self.profiler.record(&timeline.times(), Verdict::of(&reply), reply.message());
            }
        }
    }
}

fn split_late(batch: Vec<Submission>) -> (Vec<Submission>, Vec<Submission>) {
    let now = Instant::now();
    let may_start = |submission: &Submission| {
        submission.is_asked_late || submission.member.deadline.is_none_or(|deadline| now < deadline)
    };
    batch.into_iter().partition(may_start)
}

fn reply_of(settled: Settled, doubt: Option<&StoreError>) -> Reply {
    match settled {
        Settled::Done(Outcome::Decided(decided, answer)) => {
            Reply::Decided { answer, message: decided.message.id, declined: decided.declined() }
        }
        Settled::Done(Outcome::Repeated(answer)) => Reply::Repeated(answer),
        Settled::Done(Outcome::Conflict) => Reply::Conflict,
        Settled::Done(Outcome::Failed(fault)) => {
            tracing::error!("a command cannot be decided: {fault}");
            Reply::Unavailable(Unavailable::Undecidable(fault.to_string()))
        }
        Settled::Late => Reply::Unavailable(left_out(Unavailable::Late, doubt)),
        Settled::Held => Reply::Unavailable(left_out(Unavailable::Held, doubt)),
    }
}

/// Left out of this try, and not found: where no lock was waited for, the earlier one may still come.
fn left_out(why: Unavailable, doubt: Option<&StoreError>) -> Unavailable {
    doubt.map_or(why, |doubt| Unavailable::Store(doubt.to_string()))
}
