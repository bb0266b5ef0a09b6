//! What is done with messages inside a transaction.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bursar_broker::{
    Address, Content, Keep, Next, Outgoing, PerQueue, PublishError, Queue, QueueFigures, Retries, Verdict,
    route,
};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

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
    unsettled: PerQueue<HashSet<i64>>,
    /// Positions that were given back, and the last that was there before this process: of those nobody knows.
    given_back: HashSet<i64>,
    before: i64,
    /// How many messages each queue has.
    sizes: PerQueue<u64>,
    /// What this transaction changes, step by step: how much a queue grows, what was taken, and what left its place.
    growth: Vec<(Queue, i64)>,
    taken: Vec<(Queue, i64)>,
    left: Vec<(Queue, i64)>,
    /// Where something may be due.
    touched: HashSet<Queue>,
}

/// How far a transaction has come in the lists of what it changes.
#[derive(Clone, Copy, Default)]
struct Mark {
    growth: usize,
    taken: usize,
    left: usize,
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
    /// Makes a change of which nothing is left if it fails, or panics: the transaction goes on without it.
    pub(crate) fn whole<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mark = self.memory.mark();
        self.run("savepoint change")?;
        let made = catch_unwind(AssertUnwindSafe(|| change(self))).unwrap_or_else(|_| Err(panicked()));
        let made = made.and_then(|made| self.run("release change").map(|()| made));
        if made.is_err() {
            self.memory.undo_to(mark);
            // The transaction may be gone already.
            let _ = self.run("rollback to change").and_then(|()| self.run("release change"));
        }
        made
    }

    fn run(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute([]).map(drop)
    }

    /// Puts each message into the queues that it is addressed to. One that the file does not take harms no other.
    pub(crate) fn publish(
        &mut self,
        messages: &[Outgoing],
    ) -> rusqlite::Result<Vec<Result<(), PublishError>>> {
        let publish = |message| match self.whole(|desk| desk.publish_one(message)) {
            Err(error) if is_of_the_message(&error) => Ok(Err(PublishError::Refused(error.to_string()))),
            published => published,
        };
        messages.iter().map(publish).collect()
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
        let mut surplus = self.memory.sizes[queue].saturating_sub(most.into());
        let unsettled = &self.memory.unsettled[queue];
        let oldest = rows::walk(self.connection, queue, |position, _| {
            if surplus == 0 {
                return Wants::Nothing;
            }
            surplus -= 1;
            match unsettled.contains(&position) {
                true => Wants::Another,
                false => Wants::This,
            }
        })?;
        oldest.into_iter().try_for_each(|position| self.forget(queue, position))
    }

    fn forget(&mut self, queue: Queue, position: i64) -> rusqlite::Result<()> {
        rows::delete(self.connection, position)?;
        self.memory.grow(queue, -1);
        self.memory.left.push((queue, position));
        Ok(())
    }

    /// So many messages that are due, at most; nobody else gets them until they are settled.
    pub(crate) fn take(&mut self, queue: Queue, limit: usize) -> rusqlite::Result<Taken> {
        let mut taken = Taken::default();
        let unsettled = &mut self.memory.unsettled[queue];
        let mut wanted = 0;
        // One that would wait longer than any pause was put off before the clock was set back.
        let longest = self.retries.0.into_iter().max().unwrap_or_default();
        let longest = self.now.saturating_add(longest).unwrap_or(self.now);
        let positions = rows::walk(self.connection, queue, |position, paused_until| {
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
        for position in positions {
            let Some(message) = rows::read(self.connection, queue, position)? else { continue };
            let is_redelivered = position <= self.memory.before || self.memory.given_back.contains(&position);
            taken.messages.push((message, is_redelivered));
        }
        Ok(taken)
    }

    /// Keeps what was said of a message. Where that fails it has to be given back.
    pub(crate) fn settle(&mut self, message: &Message, verdict: Verdict) -> rusqlite::Result<()> {
        let &Message { position, queue, .. } = message;
        match self.retries.next(queue, message.content.clone(), verdict) {
            Next::Forget => return self.forget(queue, position),
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
        self.memory.left.push((queue, position));
        Ok(())
    }

    /// How full each queue is, but for its consumers, who are not known here.
    pub(crate) fn figures(&self) -> rusqlite::Result<Vec<QueueFigures>> {
        let of = |queue| {
            let paused = rows::paused(self.connection, queue, self.now)?;
            let unsettled = self.memory.unsettled[queue].len() as u64;
            let depth = self.memory.sizes[queue].saturating_sub(paused + unsettled);
            Ok(QueueFigures { queue, depth, paused, consumers: 0, unsettled })
        };
        Queue::ALL.into_iter().map(of).collect()
    }
}

impl Memory {
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let mut memory = Self { before: rows::last_position(connection)?, ..Self::default() };
        for (queue, size) in rows::sizes(connection)? {
            memory.sizes[queue] = size;
        }
        Ok(memory)
    }

    fn grow(&mut self, queue: Queue, by: i64) {
        self.sizes[queue] = self.sizes[queue].saturating_add_signed(by);
        self.growth.push((queue, by));
        self.touched.insert(queue);
    }

    /// Nobody settles it any more: somebody else gets it.
    pub(crate) fn give_back(&mut self, queue: Queue, position: i64) {
        self.let_go(queue, position);
        self.given_back.insert(position);
    }

    fn let_go(&mut self, queue: Queue, position: i64) {
        self.unsettled[queue].remove(&position);
        self.touched.insert(queue);
    }

    fn mark(&self) -> Mark {
        Mark { growth: self.growth.len(), taken: self.taken.len(), left: self.left.len() }
    }

    /// Nothing of the transaction came into the file.
    pub(crate) fn undo(&mut self) {
        self.undo_to(Mark::default());
    }

    /// Nothing of the transaction after this mark comes into the file.
    fn undo_to(&mut self, mark: Mark) {
        for (queue, by) in self.growth.split_off(mark.growth).into_iter().rev() {
            self.sizes[queue] = self.sizes[queue].saturating_add_signed(-by);
        }
        for (queue, position) in self.taken.split_off(mark.taken) {
            self.let_go(queue, position);
        }
        self.left.truncate(mark.left);
    }

    /// The end of a transaction: where something may be due now.
    pub(crate) fn touched(&mut self) -> impl Iterator<Item = Queue> {
        for (queue, position) in std::mem::take(&mut self.left) {
            self.let_go(queue, position);
            self.given_back.remove(&position);
        }
        self.growth.clear();
        self.taken.clear();
        std::mem::take(&mut self.touched).into_iter()
    }
}

/// Whether the file would take another message.
fn is_of_the_message(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
}

/// The log has its place.
fn panicked() -> rusqlite::Error {
    rusqlite::Error::UserFunctionError("the change panicked".into())
}

#[cfg(test)]
mod tests {
    use bursar_broker::Exchange;
    use bursar_testkit::BrokerFolder;
    use uuid::Uuid;

    use super::*;
    use crate::folder;

    const QUEUE: Queue = Queue::Unrouted;

    fn message(number: u32) -> Outgoing {
        let content = Content::new(Uuid::from_u128(number.into()), "test", Vec::new());
        content.to(Exchange::Transactions, "no.such.key")
    }

    #[test]
    fn nothing_is_remembered_of_a_message_that_was_given_back_and_made_room_for_others() {
        let Keep::Newest(most) = QUEUE.keeps() else { panic!("nobody has to read it") };
        let place = BrokerFolder::new();
        let (mut connection, _lock) = folder::open(place.path()).expect("it opens");
        let connection = connection.transaction().expect("a transaction");
        let mut memory = Memory::of(&connection).expect("it can be read");
        let mut desk = Desk {
            connection: &connection,
            memory: &mut memory,
            retries: Retries::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        desk.publish(&[message(1)]).expect("it is published");
        let taken = desk.take(QUEUE, 1).expect("it is there");
        desk.memory.touched().for_each(drop);
        desk.memory.give_back(QUEUE, taken.messages[0].0.position);
        assert_eq!(desk.memory.given_back.len(), 1);
        let more: Vec<Outgoing> = (0..most).map(message).collect();
        desk.publish(&more).expect("they are published");
        desk.memory.touched().for_each(drop);
        assert!(desk.memory.given_back.is_empty());
        assert_eq!(desk.memory.sizes[QUEUE], u64::from(most));
    }
}
