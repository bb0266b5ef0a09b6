//! A server on a ledger that can be made to fail.

use std::sync::Arc;

use bursar_server::Settings;
use bursar_store::books::Books;
use bursar_testkit::{FaultyLedger, Place, SetClock, Store};

use crate::running::{Error, Running};

/// A place whose ledger may fail.
struct FaultyPlace {
    place: Box<dyn Place>,
    ledger: Arc<FaultyLedger>,
}

impl Place for FaultyPlace {
    fn open(&self) -> Arc<dyn bursar_store::Store> {
        self.ledger.clone()
    }

    fn books(&self) -> Box<dyn Books> {
        self.place.books()
    }

    fn clock(&self) -> &SetClock {
        self.place.clock()
    }
}

/// A place, and the ledger that is opened in it.
pub(crate) fn place(store: Store) -> (Box<dyn Place>, Arc<FaultyLedger>) {
    let place = store.place();
    let ledger = FaultyLedger::new(place.open());
    (Box::new(FaultyPlace { place, ledger: Arc::clone(&ledger) }), ledger)
}

/// A server, and its ledger.
pub(crate) async fn start(store: Store) -> Result<(Running, Arc<FaultyLedger>), Error> {
    let (place, ledger) = place(store);
    Ok((Running::start_in(place, Settings::default()).await?, ledger))
}
