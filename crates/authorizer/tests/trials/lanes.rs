//! The way to a ledger that the server takes: by an authorizer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar_authorizer::{Authorizer, Reply, Request, Settings, Timeline, Unavailable};
use bursar_cache::Cache;
use bursar_store::{Ledger, Reader};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::PostgresPlace;
use bursar_testkit::given::{self, Call, usd};
use bursar_testkit::trial::{Door, Known};

/// What the clients wait for an answer. Long for a ledger that works.
const BUDGET: Duration = Duration::from_secs(1);

/// An authorizer that stops when it is dropped.
pub(crate) struct Lanes(Authorizer);

impl Lanes {
    pub(crate) fn over(ledger: Arc<dyn Ledger>) -> Arc<Self> {
        let authorizer = Authorizer::start(
            ledger,
            Cache::in_memory(bursar_cache::Settings::default()),
            Settings::default(),
        );
        Arc::new(Self(authorizer.expect("a thread a lane")))
    }
}

#[async_trait]
impl Door for Lanes {
    async fn send(&self, call: &Call) -> Known {
        let deadline = Some(Instant::now() + BUDGET);
        let request = Request { work: call.work(), deadline, timeline: Timeline::begin() };
        match self.0.settle(request).await.reply {
            Reply::Decided { answer, .. } | Reply::Repeated(answer) => Known::Answered(answer),
            Reply::Conflict => Known::Conflict,
            Reply::Unavailable(why @ (Unavailable::Busy | Unavailable::Held | Unavailable::Late)) => {
                Known::Failed(why.to_string())
            }
            Reply::Unavailable(why) => Known::Unknown(why.to_string()),
        }
    }

    fn reader(&self) -> &dyn Reader {
        self.0.ledger().as_ref()
    }
}

/// A ledger in this place by this URL, which gives up soon.
pub(crate) async fn ledger(place: &PostgresPlace, url: String) -> Arc<PostgresLedger> {
    let soon = Duration::from_millis(300);
    let options = Options {
        url,
        lane_timeout: soon,
        lock_timeout: soon / 2,
        connect_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(10),
        ..place.options()
    };
    Arc::new(PostgresLedger::open(options).await.expect("a database of its own"))
}

/// The database and its lanes work: that one owner is long in other hands says nothing about them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_another_instance_holds_makes_nothing_unready() {
    let place = PostgresPlace::new();
    let lanes = Lanes::over(ledger(&place, place.url()).await);
    let funded = given::account(lanes.0.ledger().as_ref(), usd("10.00")).await;
    let held = place.hold(&format!("select 1 from owners where id = '{}' for update", funded.owner.uuid()));
    let call = given::authorization(&funded, usd("1.00"));
    let known = lanes.send(&call).await;
    assert!(matches!(&known, Known::Failed(why) if why.contains("same owner")), "{known:?}");
    lanes.0.ready().await.expect("it can decide");
    held.batch_execute("rollback").await.expect("let go");
    assert!(matches!(lanes.send(&call).await, Known::Answered(_)));
}
