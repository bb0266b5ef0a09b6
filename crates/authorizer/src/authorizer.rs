//! The one door to the ledger's transactions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use bursar_cache::Cache;
use bursar_core::Work;
use bursar_core::command::{Action, Found};
use bursar_store::{Ledger, Member, Stage, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::handover::Handover;
use crate::lane::{Lane, Submission};
use crate::lanes::Lanes;
use crate::last_failure::LastFailure;
use crate::lookups::{Lookups, Wanted};
use crate::pending_times::PendingTimes;
use crate::pressure::Pressure;
use crate::profiler::{Profiler, Thresholds, Verdict};
use crate::reply::{Reply, Settlement, Unavailable};
use crate::timeline::Timeline;

/// How the authorizer works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Commands in one transaction, at most.
    pub batch_size_max: usize,
    /// Commands that wait in one lane, at most; more are refused at once.
    pub queue_max: usize,
    /// How long after its deadline, by which it has to be started, a command is waited for.
    pub answer_grace: Duration,
    /// For how long after a failure that no later decision disproved the instance is not ready.
    pub failure_counts_for: Duration,
    /// More decisions than this under way at once, with a deadline each, are many, until there are half as many.
    pub many: usize,
    /// A slower authorization is logged as a warning.
    pub warning: Duration,
    /// A slower authorization is logged as critical.
    pub critical: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_size_max: 256,
            queue_max: 4096,
            answer_grace: Duration::from_millis(300),
            failure_counts_for: Duration::from_secs(2),
            many: 16,
            warning: Duration::from_millis(50),
            critical: Duration::from_millis(100),
        }
    }
}

/// A command on its way.
pub struct Request {
    /// The command and how its answer is written.
    pub work: Work,
    /// Past it the command is not started.
    pub deadline: Option<Instant>,
    /// Where its time went so far.
    pub timeline: Timeline,
}

/// The one door to the ledger's transactions. Cheap to clone.
#[derive(Clone)]
pub struct Authorizer {
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Arc<dyn Ledger>,
    lookups: Lookups,
    profiler: Arc<Profiler>,
    pending_times: Arc<PendingTimes>,
    last_failure: Arc<LastFailure>,
    handover: Handover,
    pressure: Pressure,
    lanes: Lanes,
    /// Done when the lane has ended.
    ends: Mutex<Vec<oneshot::Receiver<()>>>,
    stop: watch::Sender<bool>,
    answer_grace: Duration,
    failure_counts_for: Duration,
}

impl Authorizer {
    /// Starts as many lanes as the ledger has a use for, each on a thread of its own: between
    /// requests that are being read and answered it would get its turn late, and the store waits
    /// for it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(ledger: Arc<dyn Ledger>, cache: Arc<Cache>, settings: Settings) -> io::Result<Self> {
        let thresholds = Thresholds { warning: settings.warning, critical: settings.critical };
        let profiler = Arc::new(Profiler::new(thresholds));
        let pending_times = Arc::new(PendingTimes::default());
        let last_failure = Arc::new(LastFailure::default());
        let (stop, stopped) = watch::channel(false);
        let handover = Handover::default();
        let mut lanes = Vec::new();
        let mut ends = Vec::new();
        for number in 0..ledger.lanes().get() {
            let (sender, submissions) = mpsc::channel(settings.queue_max);
            let lane = Lane {
                ledger: ledger.clone(),
                cache: cache.clone(),
                submissions,
                asked_late: Vec::new(),
                stopped: stopped.clone(),
                batch_size_max: settings.batch_size_max,
                profiler: profiler.clone(),
                pending_times: pending_times.clone(),
                last_failure: last_failure.clone(),
                handover: handover.clone(),
            };
            lanes.push(sender);
            ends.push(start_lane(number, lane)?);
        }
        let lookups = Lookups { ledger: ledger.clone(), cache };
        let ends = Mutex::new(ends);
        let Settings { answer_grace, failure_counts_for, .. } = settings;
        let shared = Shared {
            ledger,
            lookups,
            profiler,
            pending_times,
            last_failure,
            handover,
            pressure: Pressure::new(settings.many),
            lanes: Lanes::new(lanes),
            ends,
            stop,
            answer_grace,
            failure_counts_for,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the tokens of a swipe mean; cardholders and card are a stage each. A swipe that ends
    /// here is counted here.
    ///
    /// # Errors
    /// The store cannot be read, or not before the deadline.
    pub async fn look_up(
        &self,
        wanted: Wanted<'_>,
        deadline: Instant,
        timeline: &mut Timeline,
    ) -> Result<Found, Unavailable> {
        let finding = self.shared.lookups.find(wanted, timeline);
        let why = match tokio::time::timeout_at(deadline.into(), finding).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => {
                tracing::error!("a lookup failed: {error}");
                self.shared.last_failure.note(Err(&error));
                Unavailable::Store(error.to_string())
            }
            Err(_) => {
                let error = StoreError::Unavailable("a lookup did not end before its deadline".to_owned());
                self.shared.last_failure.note(Err(&error));
                Unavailable::Late
            }
        };
        self.finish(Settlement { reply: Reply::Unavailable(why.clone()), timeline: *timeline });
        Err(why)
    }

    /// Reads and lists.
    #[must_use]
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.shared.ledger
    }

    /// What is cached of the ledger.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.shared.lookups.cache
    }

    /// The figures.
    #[must_use]
    pub fn profiler(&self) -> &Profiler {
        &self.shared.profiler
    }

    /// Where the events of its commits are left.
    #[must_use]
    pub fn handover(&self) -> &Handover {
        &self.shared.handover
    }

    /// Whether many decisions are under way whose callers have a deadline: what is not as urgent had better wait.
    #[must_use]
    pub fn is_pressed(&self) -> watch::Receiver<bool> {
        self.shared.pressure.is_high.subscribe()
    }

    /// Has the command decided and made durable. The lane owns it from here on: a caller that
    /// goes away cancels nothing.
    pub async fn settle(&self, request: Request) -> Settlement {
        let _under_way = request.deadline.map(|_| self.shared.pressure.rise());
        let Request { work, deadline, timeline } = request;
        let lane = self.shared.lanes.of(&work, self.shared.ledger.prefers_one_lane());
        self.submit(lane, Arc::new(Member { work, deadline }), timeline, false).await
    }

    /// The answer that the command has, if it was decided; it is not decided now. Looked for under the owner's lock: a
    /// decision that is on its way to be committed is waited for.
    ///
    /// [`Unavailable::Late`] means that there is none.
    pub async fn recall(&self, work: Work, timeline: Timeline) -> Settlement {
        let member = Arc::new(Member { work, deadline: Some(Instant::now()) });
        let (own, other) = self.shared.lanes.may_have(&member.work);
        // Behind it, wherever it waits.
        let settlement = self.submit(own, Arc::clone(&member), timeline, true).await;
        match (other, &settlement.reply) {
            (Some(other), Reply::Unavailable(Unavailable::Late)) => {
                self.submit(other, member, timeline, true).await
            }
            _ => settlement,
        }
    }

    async fn submit(
        &self,
        lane: &mpsc::Sender<Submission>,
        member: Arc<Member>,
        timeline: Timeline,
        is_asked_late: bool,
    ) -> Settlement {
        let deadline = if is_asked_late { Some(Instant::now()) } else { member.deadline };
        let is_profiled = !is_asked_late && matches!(member.work.command.action, Action::Authorize(_));
        let (reply, mut settlement) = oneshot::channel();
        let refused = match lane.try_send(Submission { member, timeline, reply, is_profiled, is_asked_late })
        {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(_)) => Some(Unavailable::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Some(Unavailable::Stopping),
        };
        let unavailable = |why| Settlement { reply: Reply::Unavailable(why), timeline };
        if let Some(why) = refused {
            return unavailable(why);
        }
        let settled = match deadline {
            None => settlement.await,
            Some(deadline) => {
                let answer_by = deadline + self.shared.answer_grace;
                match tokio::time::timeout_at(answer_by.into(), &mut settlement).await {
                    Ok(settled) => settled,
                    Err(_) => {
                        // Somebody has to take what still comes: to the lane, a caller who is gone
                        // has hung up, and it would count a second time who is counted as hung.
                        tokio::spawn(settlement);
                        let error = StoreError::Unavailable(Unavailable::Hung.to_string());
                        self.shared.last_failure.note(Err(&error));
                        return unavailable(Unavailable::Hung);
                    }
                }
            }
        };
        let Ok((settlement, heard)) = settled else { return unavailable(Unavailable::Stopping) };
        if let Some(heard) = heard {
            heard.wait().await;
        }
        settlement
    }

    /// Ends the last stage of an authorization and counts it.
    pub fn finish(&self, mut settlement: Settlement) {
        settlement.timeline.mark(Stage::Answer);
        let times = settlement.timeline.times();
        let message = settlement.reply.message();
        if let Some(message) = message {
            self.shared.pending_times.push(message, times);
        }
        self.shared.profiler.record(&times, Verdict::of(&settlement.reply), message);
    }

    /// Whether a decision could be made durable now.
    ///
    /// # Errors
    /// Why it could not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        if *self.shared.stop.borrow() {
            return Err(StoreError::Unavailable(Unavailable::Stopping.to_string()));
        }
        if self.shared.lanes.is_one_closed() {
            let ended = "a lane ended by a panic; see the log for its place, and restart";
            return Err(StoreError::Unavailable(ended.to_owned()));
        }
        self.shared.last_failure.recent(self.shared.failure_counts_for)?;
        match tokio::time::timeout(Duration::from_secs(2), self.shared.ledger.probe()).await {
            Ok(probed) => probed,
            Err(_) => Err(StoreError::Unavailable(Unavailable::Hung.to_string())),
        }
    }

    /// Takes no more, finishes what waits, writes the last stage times.
    ///
    /// # Errors
    /// The lanes are not done within the grace: the store hangs. What it had taken may be
    /// committed, and nobody was answered.
    pub async fn stop(&self, grace: Duration) -> Result<(), Unavailable> {
        self.shared.stop.send_replace(true);
        let ends = std::mem::take(&mut *self.shared.ends.lock().unwrap_or_else(PoisonError::into_inner));
        let ending = async {
            for end in ends {
                if end.await.is_err() {
                    tracing::error!("a lane ended by a panic; the log has its place");
                }
            }
        };
        tokio::time::timeout(grace, ending).await.map_err(|_| Unavailable::Hung)
    }
}

/// Runs a lane on a thread, with a clock of its own. What comes back is done when it has ended.
fn start_lane(number: usize, lane: Lane) -> io::Result<oneshot::Receiver<()>> {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (ended, end) = oneshot::channel();
    let run = move || {
        clock.block_on(lane.run());
        let _ = ended.send(());
    };
    thread::Builder::new().name(format!("lane-{number}")).spawn(run)?;
    Ok(end)
}
