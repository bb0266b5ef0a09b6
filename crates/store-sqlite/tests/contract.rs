//! The suite that every ledger passes.

use bursar_testkit::SqlitePlace;

bursar_store::ledger_contract!(SqlitePlace::new());
