//! What is done with messages inside a transaction.

use std::collections::{HashMap, HashSet};

use bursar_broker::{
    Address, Content, Keep, Next, Outgoing, PublishError, Queue, QueueFigures, Retries, Verdict, route,
};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::rows::{self, Message, Wants};

/// A transaction, and what is not in the file.
pub(crate) struct Desk<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) memory: &'a mut Memory,
    pub(crate) retries: Retries,
    pub(crate) now: Timestamp,
}

/// What is not in the file.
#[derive(Default)]
pub(crate) struct Memory {
    /// Positions that were delivered and not settled.
    unsettled: HashMap<Queue, HashSet<i64>>,
    /// Positions that were given back, and the last that was there before this process: of those nobody knows.
    given_back: HashSet<i64>,
    before: i64,
    /// How many messages each queue has.
    sizes: HashMap<Queue, u64>,
    /// What this transaction changes: how much each queue grows, what was taken, where something may be due.
    growth: HashMap<Queue, i64>,
    taken: Vec<(Queue, i64)>,
    settled: Vec<(Queue, i64)>,
    touched: HashSet<Queue>,
}

/// What is due, and when something else will be.
#[derive(Default)]
pub(crate) struct Taken {
    /// Each with whether somebody had it before.
    pub(crate) messages: Vec<(Message, bool)>,
    pub(crate) next_at: Option<Timestamp>,
    /// Whether nothing else is due.
    pub(crate) is_all: bool,
}

impl Desk<'_> {
    /// Puts each message into the queues that it is addressed to.
    pub(crate) fn publish(
        &mut self,
        messages: &[Outgoing],
    ) -> rusqlite::Result<Vec<Result<(), PublishError>>> {
        messages.iter().map(|message| self.publish_one(message)).collect()
    }

    fn publish_one(&mut self, message: &Outgoing) -> rusqlite::Result<Result<(), PublishError>> {
        let queues = match &message.to {
            Address::Exchange(exchange, key) => route(*exchange, key),
            Address::Queue(name) => Queue::from_name(name).into_iter().collect(),
        };
        if queues.is_empty() {
            return Ok(Err(PublishError::Unroutable(message.to.to_string())));
        }
        queues.into_iter().try_for_each(|queue| self.put(queue, &message.content))?;
        Ok(Ok(()))
    }

    fn put(&mut self, queue: Queue, content: &Content) -> rusqlite::Result<()> {
        rows::insert(self.connection, queue, content, self.now)?;
        self.memory.grow(queue, 1);
        self.trim(queue)
    }

    /// Forgets the oldest of a queue that keeps only so many.
    fn trim(&mut self, queue: Queue) -> rusqlite::Result<()> {
        let Keep::Newest(most) = queue.keeps() else { return Ok(()) };
        let mut surplus = self.memory.size(queue).saturating_sub(most.into());
        let unsettled = self.memory.unsettled.get(&queue);
        let oldest = rows::walk(self.connection, queue, |position, _| {
            if surplus == 0 {
                return Wants::Nothing;
            }
            surplus -= 1;
            match unsettled.is_some_and(|unsettled| unsettled.contains(&position)) {
                true => Wants::Another,
                false => Wants::This,
            }
        })?;
        oldest.iter().try_for_each(|message| self.forget(message))
    }

    fn forget(&mut self, message: &Message) -> rusqlite::Result<()> {
        rows::delete(self.connection, message.position)?;
        self.memory.grow(message.queue, -1);
        Ok(())
    }

    /// So many messages that are due, at most; nobody else gets them until they are settled.
    pub(crate) fn take(&mut self, queue: Queue, limit: usize) -> rusqlite::Result<Taken> {
        let mut taken = Taken::default();
        let unsettled = self.memory.unsettled.entry(queue).or_default();
        let mut wanted = 0;
        // One that would wait longer than any pause was put off before the clock was set back.
        let longest = self.retries.0.into_iter().max().unwrap_or_default();
        let longest = self.now.saturating_add(longest).unwrap_or(self.now);
        let messages = rows::walk(self.connection, queue, |position, paused_until| {
            if wanted == limit {
                return Wants::Nothing;
            }
            if let Some(until) = paused_until.filter(|until| (self.now..longest).contains(until)) {
                taken.next_at = Some(until);
                return Wants::Nothing;
            }
            if !unsettled.insert(position) {
                return Wants::Another;
            }
            self.memory.taken.push((queue, position));
            wanted += 1;
            Wants::This
        })?;
        taken.is_all = wanted < limit;
        for message in messages {
            let position = message.position;
            let is_redelivered = position <= self.memory.before || self.memory.given_back.contains(&position);
            taken.messages.push((message, is_redelivered));
        }
        Ok(taken)
    }

    /// Keeps what was said of a message. Where that fails it has to be given back.
    pub(crate) fn settle(&mut self, message: &Message, verdict: Verdict) -> rusqlite::Result<()> {
        let &Message { position, queue, .. } = message;
        match self.retries.next(queue, message.content.clone(), verdict) {
            Next::Forget => self.forget(message)?,
            Next::Wait(content, pause) => {
                let due_at = self.now.saturating_add(pause).unwrap_or(self.now);
                rows::moved(self.connection, position, (queue, due_at), content.death.as_ref())?;
            }
            Next::Bury(content) => {
                let graves = (Queue::DeadLetters, self.now);
                rows::moved(self.connection, position, graves, content.death.as_ref())?;
                self.memory.grow(queue, -1);
                self.memory.grow(Queue::DeadLetters, 1);
            }
        }
        self.memory.settled.push((queue, position));
        Ok(())
    }

    /// How full each queue is, but for its consumers, who are not known here.
    pub(crate) fn figures(&self) -> rusqlite::Result<Vec<QueueFigures>> {
        let of = |queue| {
            let paused = rows::paused(self.connection, queue, self.now)?;
            let unsettled = self.memory.unsettled.get(&queue).map_or(0, |positions| positions.len() as u64);
            let depth = self.memory.size(queue).saturating_sub(paused + unsettled);
            Ok(QueueFigures { queue, depth, paused, consumers: 0, unsettled })
        };
        Queue::ALL.into_iter().map(of).collect()
    }
}

impl Memory {
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let sizes = rows::sizes(connection)?.into_iter().collect();
        Ok(Self { sizes, before: rows::last_position(connection)?, ..Self::default() })
    }

    fn size(&self, queue: Queue) -> u64 {
        self.sizes.get(&queue).copied().unwrap_or(0)
    }

    fn grow(&mut self, queue: Queue, by: i64) {
        let size = self.sizes.entry(queue).or_default();
        *size = size.saturating_add_signed(by);
        *self.growth.entry(queue).or_default() += by;
        self.touched.insert(queue);
    }

    /// Nobody settles it any more: somebody else gets it.
    pub(crate) fn give_back(&mut self, queue: Queue, position: i64) {
        self.let_go(queue, position);
        self.given_back.insert(position);
    }

    fn let_go(&mut self, queue: Queue, position: i64) {
        if let Some(positions) = self.unsettled.get_mut(&queue) {
            positions.remove(&position);
        }
        self.touched.insert(queue);
    }

    /// Nothing of the transaction came into the file.
    pub(crate) fn undo(&mut self) {
        for (queue, by) in std::mem::take(&mut self.growth) {
            let size = self.sizes.entry(queue).or_default();
            *size = size.saturating_add_signed(-by);
        }
        for (queue, position) in std::mem::take(&mut self.taken) {
            self.let_go(queue, position);
        }
        self.settled.clear();
    }

    /// The end of a transaction: where something may be due now.
    pub(crate) fn touched(&mut self) -> impl Iterator<Item = Queue> {
        for (queue, position) in std::mem::take(&mut self.settled) {
            self.let_go(queue, position);
            self.given_back.remove(&position);
        }
        self.growth.clear();
        self.taken.clear();
        std::mem::take(&mut self.touched).into_iter()
    }
}
