//! The suite that every ledger passes.

use bursar_testkit::PostgresPlace;

bursar_store::ledger_contract!(PostgresPlace::new());
