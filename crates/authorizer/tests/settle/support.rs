//! An authorizer over a real ledger that can be made to wait or to fail.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bursar_authorizer::{Authorizer, Reply, Request, Settings, Settlement, Timeline};
use bursar_cache::Cache;
use bursar_core::{Answer, DeclineReason, MessageId};
use bursar_store::Reader;
use bursar_testkit::given::{self, Call, Funded};
use bursar_testkit::{FaultyLedger, Place, Store, assert_books_are_right};
use jiff::Timestamp;

/// An authorizer and all that is behind it.
pub(crate) struct Desk {
    pub(crate) ledger: Arc<FaultyLedger>,
    pub(crate) authorizer: Authorizer,
    place: Box<dyn Place>,
}

impl Desk {
    pub(crate) fn open(store: Store) -> Self {
        Self::open_with(store, Settings::default())
    }

    pub(crate) fn open_with(store: Store, settings: Settings) -> Self {
        let place = store.place();
        let ledger = FaultyLedger::new(place.open());
        let authorizer =
            Authorizer::start(ledger.clone(), Cache::in_memory(bursar_cache::Settings::default()), settings)
                .expect("a thread a lane");
        Self { ledger, authorizer, place }
    }

    /// A company's account with this much, in dollars.
    pub(crate) async fn account(&self, dollars: &str) -> Funded {
        let account = given::account(self.ledger.as_ref(), given::usd(dollars)).await;
        self.ledger.forget();
        account
    }

    /// Sets the clock that tells the time of decisions.
    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.place.clock().set(now);
    }

    pub(crate) async fn settle(&self, call: &Call) -> Settlement {
        self.authorizer.settle(request(call)).await
    }

    pub(crate) async fn reply(&self, call: &Call) -> Reply {
        self.settle(call).await.reply
    }

    /// Sends the call and returns once the lane has it, with what waits for the answer.
    pub(crate) async fn submit<'a>(&'a self, call: &'a Call) -> Waiting<'a> {
        under_way(Box::pin(self.settle(call))).await
    }

    /// Asks for the answer of the call, and returns once a lane has that.
    pub(crate) async fn recall(&self, call: &Call) -> Waiting<'_> {
        let Request { work, timeline, .. } = request(call);
        under_way(Box::pin(self.authorizer.recall(work, timeline))).await
    }

    pub(crate) async fn available(&self, account: &Funded) -> String {
        given::available(self.ledger.as_ref(), account).await.to_string()
    }

    pub(crate) async fn has_stage_times(&self, message: MessageId) -> bool {
        let record = self.ledger.find_authorization(message).await.expect("readable").expect("stored");
        record.stage_times.is_some()
    }

    pub(crate) async fn stop(&self) {
        self.authorizer.stop(Duration::from_secs(60)).await.expect("a ledger that does not hang");
    }

    /// Stops the authorizer and checks the books.
    pub(crate) async fn close(self) {
        self.stop().await;
        assert_books_are_right(self.place.books());
    }
}

/// A call that the lane has.
pub(crate) type Waiting<'a> = Pin<Box<dyn Future<Output = Settlement> + 'a>>;

async fn under_way(mut waiting: Waiting<'_>) -> Waiting<'_> {
    let is_waiting = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending()));
    assert!(is_waiting.await, "refused at once");
    waiting
}

pub(crate) fn request(call: &Call) -> Request {
    Request { work: call.work(), deadline: call.deadline, timeline: Timeline::begin() }
}

/// The answer that is sent.
pub(crate) fn answer_of(reply: Reply) -> Answer {
    match reply {
        Reply::Decided { answer, .. } | Reply::Repeated(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// Why it was declined, if it was; decided now.
pub(crate) fn declined(reply: &Reply) -> Option<DeclineReason> {
    match reply {
        Reply::Decided { declined, .. } => *declined,
        other => panic!("not decided: {other:?}"),
    }
}
