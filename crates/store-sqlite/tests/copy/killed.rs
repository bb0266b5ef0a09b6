//! A copy that ends after any of its steps goes on there, and writes every row once.

use bursar_store::books::Books;
use bursar_store::copy::{CopyError, Row, Side, Source, Table, Target, Value};
use bursar_store::{Identity, StoreError};
use bursar_testkit::{PostgresPlace, SqlitePlace};
use uuid::Uuid;

use crate::given_ledger::{assert_finished, copy, every_row, rich};

/// A target that takes so many steps and no more.
struct Stops<'a> {
    target: &'a mut dyn Target,
    left: usize,
    rows: u64,
}

impl Stops<'_> {
    fn step(&mut self) -> Result<(), StoreError> {
        let stopped = || StoreError::Unavailable("the test stopped it".into());
        self.left = self.left.checked_sub(1).ok_or_else(stopped)?;
        Ok(())
    }
}

impl Side for Stops<'_> {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        self.target.identity()
    }

    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.target.rows(table, after, limit)
    }
}

impl Target for Stops<'_> {
    fn begin(&mut self, source: Uuid) -> Result<(), StoreError> {
        self.target.begin(source)
    }

    fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        self.step()?;
        self.rows += rows.len() as u64;
        self.target.write(table, rows)
    }

    fn remove(&mut self, table: &'static Table, keys: Vec<Row>) -> Result<(), StoreError> {
        self.step()?;
        self.target.remove(table, keys)
    }

    fn complete(&mut self) -> Result<(), StoreError> {
        self.step()?;
        self.target.complete()
    }

    fn books(&mut self) -> Result<Box<dyn Books>, StoreError> {
        self.target.books()
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.step()?;
        self.target.finish()
    }
}

/// Runs it again and again, each run a little longer than the last, until it is finished. How many rows
/// were written, and how often it was stopped.
fn in_pieces(
    mut source: impl FnMut() -> Box<dyn Source>,
    mut target: impl FnMut() -> Box<dyn Target>,
) -> (u64, usize) {
    let mut written = 0;
    for steps in 1.. {
        let mut open = target();
        let mut stops = Stops { target: open.as_mut(), left: steps, rows: 0 };
        let run = copy(source().as_mut(), &mut stops);
        written += stops.rows;
        match run {
            Ok(report) => {
                assert_finished(&report);
                return (written, steps - 1);
            }
            Err(CopyError::Target(StoreError::Unavailable(why))) => assert_eq!(why, "the test stopped it"),
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("it ends")
}

#[tokio::test]
async fn a_copy_that_is_stopped_after_any_batch_goes_on_and_writes_every_row_once() {
    let (first, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    rich(&first).await;
    let rows: usize =
        every_row(&first).iter().filter(|(name, _)| *name != "keys").map(|(_, of)| of.len()).sum();
    let there = in_pieces(|| Box::new(first.source()), || Box::new(database.target().expect("ours")));
    let back = in_pieces(|| Box::new(database.source()), || Box::new(second.target().expect("ours")));
    for (written, stopped) in [there, back] {
        assert_eq!(written, rows as u64);
        assert!(stopped > 5, "it was stopped {stopped} times");
    }
    assert_eq!(every_row(&first), every_row(&second));
}

#[tokio::test]
async fn a_copy_that_was_killed_just_after_its_end_says_again_that_it_is_finished() {
    let (first, database) = (SqlitePlace::new(), PostgresPlace::new());
    rich(&first).await;
    assert_finished(&copy(&mut first.source(), &mut database.target().expect("empty")).expect("copied"));
    let again = copy(&mut first.source(), &mut database.target().expect("a copy")).expect("compared");
    assert_finished(&again);
    assert_eq!((again.was_finished, again.written), (true, 0));
}
