//! The stores that there are, and cases that run on each of them.

use std::process::{ExitCode, Termination};

use bursar_store::contract::Place;

use crate::place::{PostgresPlace, SqlitePlace};

/// A store that a case runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// The embedded one.
    Sqlite,
    /// The one that instances share.
    Postgres,
}

impl Store {
    /// A new, empty place; it is noon.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn place(self) -> Box<dyn Place> {
        match self {
            Self::Sqlite => Box::new(SqlitePlace::new()),
            Self::Postgres => Box::new(PostgresPlace::new()),
        }
    }
}

/// Makes two tests of a case, an `async fn` that is given the [`Store`]: `on_sqlite` and `on_postgres`, in
/// a module with its name. With `worker_threads`, its tasks run at the same time.
///
/// A case that is not named here is code that nobody calls, which clippy finds.
///
/// ```
/// # use bursar_testkit::{Store, on_both_stores};
/// on_both_stores!(a_new_ledger_works, worker_threads = 2);
/// async fn a_new_ledger_works(store: Store) {
///     store.place().open().probe().await.expect("it works");
/// }
/// ```
#[macro_export]
macro_rules! on_both_stores {
    ($case:ident $(, worker_threads = $threads:literal)?) => {
        mod $case {
            $crate::on_store!(on_sqlite, Sqlite, super::$case $(, worker_threads = $threads)?);
            $crate::on_store!(on_postgres, Postgres, super::$case $(, worker_threads = $threads)?);
        }
    };
}

/// The first of the two tests alone, for what is built without PostgreSQL.
#[macro_export]
macro_rules! on_sqlite {
    ($case:ident $(, worker_threads = $threads:literal)?) => {
        mod $case {
            $crate::on_store!(on_sqlite, Sqlite, super::$case $(, worker_threads = $threads)?);
        }
    };
}

/// One test of a case.
#[doc(hidden)]
#[macro_export]
macro_rules! on_store {
    ($test:ident, $store:ident, $case:path $(, worker_threads = $threads:literal)?) => {
        #[tokio::test($(flavor = "multi_thread", worker_threads = $threads)?)]
        async fn $test() {
            $crate::assert_passed($case($crate::Store::$store).await);
        }
    };
}

/// Fails the test of a case that returned an error, which is printed.
///
/// # Panics
/// It did.
#[track_caller]
pub fn assert_passed(returned: impl Termination) {
    assert_eq!(returned.report(), ExitCode::SUCCESS, "the case returned an error");
}
