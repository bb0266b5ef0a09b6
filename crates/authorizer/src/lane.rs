//! A lane: one transaction at a time, and the next batch is whatever arrived meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_core::Outcome;
use bursar_store::{Batch, Ledger, Member, Settled, Stage, StoreError, Transacted};
use tokio::sync::{mpsc, oneshot, watch};

use crate::authorizer::{LastFailure, PendingTimes, Reply, Settlement, Unavailable};
use crate::profiler::{Profiler, Verdict};
use crate::timeline::Timeline;

/// How often an idle lane writes the stage times of its last decisions.
const IDLE: Duration = Duration::from_secs(1);

/// How often a batch whose COMMIT failed is sent before its members get "unavailable".
const TRIES_MAX: u32 = 3;

/// A command in a lane's queue.
pub(crate) struct Submission {
    pub(crate) member: Arc<Member>,
    pub(crate) timeline: Timeline,
    pub(crate) reply: oneshot::Sender<Settlement>,
    pub(crate) is_profiled: bool,
}

pub(crate) struct Lane {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) submissions: mpsc::Receiver<Submission>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) batch_size_max: usize,
    pub(crate) profiler: Arc<Profiler>,
    pub(crate) pending_times: Arc<PendingTimes>,
    pub(crate) last_failure: Arc<LastFailure>,
}

impl Lane {
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(self.batch_size_max);
        while self.next_batch(&mut batch).await {
            let (in_time, late) = split_late(std::mem::take(&mut batch));
            for submission in late {
                self.reply(submission, Reply::Unavailable(Unavailable::Late));
            }
            self.settle(in_time).await;
        }
        self.settle(Vec::new()).await;
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
        received > 0
    }

    async fn settle(&self, submissions: Vec<Submission>) {
        let stage_times = Arc::new(self.pending_times.take());
        if submissions.is_empty() && stage_times.is_empty() {
            return;
        }
        let members = submissions.iter().map(|submission| submission.member.clone()).collect();
        self.settle_batch(Batch { members, stage_times }, submissions).await;
    }

    /// Settles the batch; where one member's data makes it fail, in halves, so that the culprit
    /// fails alone.
    async fn settle_batch(&self, batch: Batch, mut submissions: Vec<Submission>) {
        match self.transact(&batch).await {
            Ok(transacted) => {
                self.last_failure.note(Ok(()));
                self.deliver(transacted, submissions);
            }
            Err(StoreError::BadData(why)) if submissions.len() > 1 => {
                tracing::warn!(
                    batch.size = submissions.len(),
                    why,
                    "a batch cannot be stored; trying its halves"
                );
                let second = submissions.split_off(submissions.len() / 2);
                for half in [submissions, second] {
                    let members = half.iter().map(|submission| submission.member.clone()).collect();
                    Box::pin(self.settle_batch(Batch { members, ..Batch::default() }, half)).await;
                }
            }
            Err(error) => {
                if !matches!(error, StoreError::BadData(_)) {
                    self.last_failure.note(Err(&error));
                }
                tracing::error!(batch.size = submissions.len(), %error, "no decision: {error}");
                for submission in submissions {
                    self.reply(submission, Reply::Unavailable(Unavailable::Store(error.to_string())));
                }
            }
        }
    }

    /// Sends the batch, and the same batch again while it is unknown whether it was committed. Once
    /// it is, it stays so: that the store cannot be reached afterwards does not tell.
    async fn transact(&self, batch: &Batch) -> Result<Transacted, StoreError> {
        let mut unknown = None;
        for tries in 1..=TRIES_MAX {
            match self.ledger.transact(batch.clone()).await {
                Err(StoreError::Unknown(why)) => {
                    tracing::warn!(tries, why, "an unknown commit; sending the same batch again");
                    unknown = Some(why);
                }
                Err(error) if unknown.is_some() && !matches!(error, StoreError::BadData(_)) => {
                    tracing::warn!(tries, %error, "no word of the commit yet; sending the same batch again");
                }
                result => return result,
            }
        }
        Err(StoreError::Unknown(unknown.unwrap_or_default()))
    }

    fn deliver(&self, transacted: Transacted, submissions: Vec<Submission>) {
        let Transacted { settled, began, loaded, decided } = transacted;
        for (mut submission, settled) in submissions.into_iter().zip(settled) {
            submission.timeline.mark_at(Stage::QueueWait, began);
            submission.timeline.mark_at(Stage::Load, loaded);
            submission.timeline.mark_at(Stage::Decision, decided);
            submission.timeline.mark(Stage::Commit);
            self.reply(submission, reply_of(settled));
        }
    }

    /// A caller who hung up still counts.
    fn reply(&self, submission: Submission, reply: Reply) {
        let Submission { timeline, reply: sender, is_profiled, .. } = submission;
        let sent = sender.send(Settlement { reply, timeline });
        if let (Err(settlement), true) = (sent, is_profiled) {
            self.profiler.record(&settlement.timeline.times(), Verdict::of(&settlement.reply));
        }
    }
}

fn split_late(batch: Vec<Submission>) -> (Vec<Submission>, Vec<Submission>) {
    let now = Instant::now();
    batch.into_iter().partition(|submission| submission.member.deadline.is_none_or(|deadline| now < deadline))
}

fn reply_of(settled: Settled) -> Reply {
    match settled {
        Settled::Done(Outcome::Decided(decided, answer)) => {
            Reply::Decided { answer, message: decided.message.id, declined: decided.declined() }
        }
        Settled::Done(Outcome::Repeated(answer)) => Reply::Repeated(answer),
        Settled::Done(Outcome::Conflict) => Reply::Conflict,
        Settled::Done(Outcome::Failed(fault)) => {
            tracing::error!(%fault, "a command cannot be decided: {fault}");
            Reply::Unavailable(Unavailable::Store(fault.to_string()))
        }
        Settled::Late => Reply::Unavailable(Unavailable::Late),
    }
}
