//! The writing half of the port.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar_core::{MessageId, Outcome, State, Work};

use crate::error::StoreError;
use crate::outbox::Waiting;
use crate::pool::PoolUse;
use crate::reader::Reader;
use crate::stage::StageTimes;
use crate::sweep::Sweep;

/// A store of money. Adapters only load and save: every comparison of money, status or limits is
/// in `bursar_core`.
#[async_trait]
pub trait Ledger: Reader {
    /// How many transactions make sense at a time: one for a single writer.
    fn lanes(&self) -> NonZeroUsize;

    /// Whether one at a time, with more in it, makes more sense now.
    fn prefers_one_lane(&self) -> bool {
        false
    }

    /// Loads what the commands touch, runs `decide_batch`, saves and commits, in one durable transaction
    /// that has the owners locked: nobody else decides about them between the loading and the saving. Each decision sees the changes of those before it.
    ///
    /// A caller that goes away cancels nothing. The cost does not grow with history.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing took effect. [`StoreError::Unknown`]: send the same
    /// batch again. [`StoreError::BadData`]: nothing took effect; send the members apart.
    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError>;

    /// Keeps how far a search has come. It never goes back.
    ///
    /// # Errors
    /// Why it is not kept: then somebody looks there again, which changes nothing.
    async fn keep_sweep(&self, sweep: Sweep) -> Result<(), StoreError>;

    /// Writes and commits a heartbeat: whether a decision could be made durable now.
    ///
    /// # Errors
    /// Why it could not, in words for an operator.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Its pools of connections; none if it is no server.
    fn pools(&self) -> Vec<PoolUse> {
        Vec::new()
    }
}

/// Commands to decide in one transaction. Cheap to clone: the same batch can be sent again.
#[derive(Clone, Default)]
pub struct Batch {
    /// The commands, in order.
    pub members: Vec<Arc<Member>>,
    /// How long the stages of earlier decisions took: written along, lost in a crash.
    pub stage_times: Arc<Vec<(MessageId, StageTimes)>>,
    /// For how long whoever sends it has the events of what is decided now for himself, as by
    /// [`Outbox::lease`](crate::Outbox::lease); none: whoever leases them first.
    pub lease: Option<Duration>,
}

impl Batch {
    /// The commands whose deadline has passed at this moment.
    pub fn past(&self, at: Instant) -> impl Iterator<Item = &Work> {
        self.members.iter().filter(move |member| member.is_past(at)).map(|member| &member.work)
    }

    /// Which members have no time left at this moment (D6). A batch whose commit is unknown comes again:
    /// what it did commit is answered, late or not, so the answers of those that are past have to be there.
    #[must_use]
    pub fn late(&self, state: &State, at: Instant) -> Vec<bool> {
        let is_answered = |member: &Member| state.answered.contains_key(&member.work.command.key);
        self.members.iter().map(|member| member.is_past(at) && !is_answered(member)).collect()
    }

    /// The commands to decide.
    pub fn in_time<'a>(&'a self, late: &'a [bool]) -> impl Iterator<Item = &'a Work> {
        self.members.iter().zip(late).filter(|(_, late)| !**late).map(|(member, _)| &member.work)
    }
}

/// A command and until when it may be started.
pub struct Member {
    /// The command and how its answer is written.
    pub work: Work,
    /// Past it the command is left out before anything of it is written (D6).
    pub deadline: Option<Instant>,
}

impl Member {
    fn is_past(&self, at: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= at)
    }
}

/// What became of a batch, and when.
#[derive(Debug)]
pub struct Transacted {
    /// One a member, in order.
    pub settled: Vec<Settled>,
    /// The events of what was decided now, if they are leased.
    pub leased: Vec<Waiting>,
    /// When the transaction began.
    pub began: Instant,
    /// When everything was loaded.
    pub loaded: Instant,
    /// When every member was decided and its answer encoded.
    pub decided: Instant,
}

/// What became of one member.
#[derive(Debug)]
pub enum Settled {
    /// Decided, repeated, in conflict or failed.
    Done(Outcome),
    /// Its deadline had passed when all was loaded. Nothing of it is written.
    Late,
    /// Somebody else held the lock of its owner for longer than a batch waits. Nothing of it is written.
    Held,
}
