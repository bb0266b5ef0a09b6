//! Holds of which nothing more is heard, and who ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bursar_authorizer::{Authorizer, Reply, Request, Timeline};
use bursar_cache::Cache;
use bursar_core::command::{GroupRef, Says};
use bursar_core::hold_days::{Days, DaysByMerchant};
use bursar_core::hold_group::Effect;
use bursar_core::message::Source;
use bursar_core::{Details, DiscrepancyKind, GroupStatus, HoldGroup, Mcc, MessageId};
use bursar_server::workers::sweeper::{Figures, Settings, Sweeper};
use bursar_store::{DiscrepancyFilter, Ledger, ListedDiscrepancy, Page, StoreError};
use bursar_testkit::given::{self, Call, Funded, usd};
use bursar_testkit::{FaultyLedger, Place, ReadFault, Store, assert_books_are_right, on_both_stores};
use jiff::SignedDuration;
use serde_json::json;

use crate::Tested;
use crate::running::{Error, Running};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An instance that sweeps when it is told to.
struct Instance {
    ledger: Arc<dyn Ledger>,
    authorizer: Authorizer,
    sweeper: Sweeper,
    figures: Arc<Figures>,
}

impl Instance {
    fn on(place: &dyn Place) -> Result<Self, Error> {
        Self::over(place.open(), 1_000)
    }

    fn over(ledger: Arc<dyn Ledger>, slice: u32) -> Result<Self, Error> {
        let authorizer = Authorizer::start(
            ledger.clone(),
            Cache::in_memory(bursar_cache::Settings::default()),
            bursar_authorizer::Settings::default(),
        )?;
        let figures = Arc::<Figures>::default();
        let settings = Settings { slice, ..Settings::default() };
        let sweeper = Sweeper::new(authorizer.clone(), settings, figures.clone());
        Ok(Self { ledger, authorizer, sweeper, figures })
    }

    async fn send(&self, call: &Call) -> MessageId {
        let sent = given::sent(self.ledger.as_ref(), call).await;
        assert_eq!(sent.declined(), None, "{call:?}");
        sent.id()
    }

    /// A hold that was asked for by our own door: no processor will say anything of it.
    async fn hold(&self, account: &Funded, mcc: &str) -> MessageId {
        let mut call = given::authorization(account, usd("1.00"));
        call.command.key.source = Source::Api;
        self.send(&call.asking(|asked| asked.merchant.mcc = Mcc::parse(mcc).ok())).await
    }

    async fn group(&self, hold: MessageId) -> HoldGroup {
        let found = self.ledger.find_authorization(hold).await.expect("readable").expect("an authorization");
        found.group.expect("a hold group")
    }

    async fn status(&self, hold: MessageId) -> GroupStatus {
        self.group(hold).await.books().expect("64 bits").status
    }

    async fn statuses(&self, holds: &[MessageId]) -> Vec<GroupStatus> {
        let mut statuses = Vec::new();
        for hold in holds {
            statuses.push(self.status(*hold).await);
        }
        statuses
    }

    /// Those about holds that nobody ever confirmed, which stay when they are closed.
    async fn discrepancies(&self) -> Vec<ListedDiscrepancy> {
        let page = Page { after: None, limit: 100 };
        let listed = self.ledger.list_discrepancies(DiscrepancyFilter::default(), page).await;
        let is_doubt = |of: &ListedDiscrepancy| of.discrepancy.kind == DiscrepancyKind::Unconfirmed;
        listed.expect("readable").into_iter().filter(is_doubt).collect()
    }

    /// How far the sweep of so many days has come.
    async fn kept(&self, days: u16) -> i64 {
        let sweeps = self.ledger.list_sweeps().await.expect("readable");
        sweeps.iter().find(|sweep| sweep.days == days).map_or(0, |sweep| sweep.position)
    }

    async fn stop(self) -> Tested {
        self.authorizer.stop(Duration::from_secs(60)).await?;
        Ok(())
    }

    /// Ends it, and checks the books of the place.
    async fn close(self, place: &dyn Place) -> Tested {
        self.stop().await?;
        assert_books_are_right(place.books());
        Ok(())
    }
}

on_both_stores!(a_hold_expires_after_the_days_of_its_program_and_merchant);
async fn a_hold_expires_after_the_days_of_its_program_and_merchant(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let other = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let by_merchant = DaysByMerchant::new([("lodging".to_owned(), 30), ("5812".to_owned(), 2)])?;
    instance.send(&given::program_change(account.program, Some(Days::new(5)?), Some(by_merchant))).await;
    let mut holds = Vec::new();
    for (account, mcc) in [(&account, "5812"), (&account, "5411"), (&other, "5812"), (&account, "7011")] {
        holds.push(instance.hold(account, mcc).await);
    }
    for (ended, days) in [2, 5, 7, 30].into_iter().enumerate() {
        place.clock().set_after_noon(DAY * days - SignedDuration::from_micros(1));
        instance.sweeper.run().await?;
        let is_open = |hold: usize| if hold < ended { GroupStatus::Expired } else { GroupStatus::Open };
        let expected: Vec<GroupStatus> = (0..4).map(is_open).collect();
        assert_eq!(instance.statuses(&holds).await, expected, "just before {days} days");
        place.clock().set_after_noon(DAY * days);
        instance.sweeper.run().await?;
        assert_eq!(instance.status(holds[ended]).await, GroupStatus::Expired, "after {days} days");
    }
    assert_eq!((instance.figures.expired(), instance.figures.unconfirmed()), (4, 0));
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("100.00"));
    instance.close(place.as_ref()).await
}

on_both_stores!(a_hold_is_kept_for_as_long_as_before_where_its_days_were_lowered_meanwhile);
async fn a_hold_is_kept_for_as_long_as_before_where_its_days_were_lowered_meanwhile(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let short = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let change = |account: &Funded| given::program_change(account.program, Days::new(2).ok(), None);
    instance.send(&change(&short)).await;
    let hold = instance.hold(&account, "5411").await;
    place.clock().set_after_noon(DAY * 3);
    instance.sweeper.run().await?;
    // The sweep of two days, which is the other program's too, has passed the hold by now.
    instance.send(&change(&account)).await;
    let later = instance.hold(&account, "5411").await;
    for (days, expected) in
        [(5, [GroupStatus::Open, GroupStatus::Expired]), (7, [GroupStatus::Expired, GroupStatus::Expired])]
    {
        place.clock().set_after_noon(DAY * days);
        instance.sweeper.run().await?;
        assert_eq!(instance.statuses(&[hold, later]).await, expected, "after {days} days");
    }
    instance.close(place.as_ref()).await
}

on_both_stores!(a_hold_is_kept_for_as_long_as_its_own_message_says_if_that_is_longer);
async fn a_hold_is_kept_for_as_long_as_its_own_message_says_if_that_is_longer(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let mut holds = Vec::new();
    for hold_days in [Some(20), Some(3), None, Some(1_000)] {
        let mut call = given::authorization(&account, usd("1.00"));
        call.command.key.source = Source::Api;
        let details = Details { hold_days, ..Details::default() };
        holds.push(instance.send(&call.asking(|asked| asked.details = details.told())).await);
    }
    // What tells of fewer days later takes none away.
    let mut increment = given::increment(&account, GroupRef::Message(holds[0]), usd("1.00"));
    increment.command.key.source = Source::Api;
    let details = Details { hold_days: Some(10), ..Details::default() };
    instance.send(&increment.asking(|asked| asked.details = details.told())).await;
    let (open, expired) = (GroupStatus::Open, GroupStatus::Expired);
    for (days, expected) in [
        (3, [open, open, open, open]),
        (7, [open, expired, expired, open]),
        (19, [open, expired, expired, open]),
        (20, [expired, expired, expired, open]),
        (365, [expired, expired, expired, expired]),
    ] {
        place.clock().set_after_noon(DAY * days);
        // The first run finds out that there is another number of days.
        instance.sweeper.run().await?;
        instance.sweeper.run().await?;
        assert_eq!(instance.statuses(&holds).await, expected, "after {days} days");
    }
    instance.close(place.as_ref()).await
}

on_both_stores!(what_moves_a_hold_keeps_it_for_as_long_again);
async fn what_moves_a_hold_keeps_it_for_as_long_again(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let mut holds = Vec::new();
    for _ in 0..4 {
        holds.push(instance.hold(&account, "5411").await);
    }
    place.clock().set_after_noon(DAY * 4);
    let group = |hold: usize| GroupRef::Message(holds[hold]);
    let mut increment = given::increment(&account, group(0), usd("1.00"));
    increment.command.key.source = Source::Api;
    instance.send(&increment).await;
    instance.send(&given::capture(&account, group(1), usd("0.40"))).await;
    instance.send(&given::partial_reversal(&account, group(2), usd("0.40"))).await;
    place.clock().set_after_noon(DAY * 7);
    instance.sweeper.run().await?;
    let (open, expired) = (GroupStatus::Open, GroupStatus::Expired);
    assert_eq!(instance.statuses(&holds).await, [open, open, open, expired]);
    place.clock().set_after_noon(DAY * 11);
    instance.sweeper.run().await?;
    assert_eq!(instance.statuses(&holds).await, [expired, GroupStatus::Closed, expired, expired]);
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("99.60"));
    // What is captured afterwards is posted all the same.
    instance.send(&given::final_capture(&account, group(3), usd("1.00"))).await;
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("98.60"));
    instance.close(place.as_ref()).await
}

on_both_stores!(a_hold_that_the_processor_never_confirmed_is_listed_and_not_ended);
async fn a_hold_that_the_processor_never_confirmed_is_listed_and_not_ended(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let swipe = |token: &str| given::authorization(&account, usd("1.00")).message(token);
    let unconfirmed = instance.send(&swipe("t-1")).await;
    let confirmed = instance.send(&swipe("t-2")).await;
    instance.send(&given::report(&account, "t-2", Says::Hold, usd("1.00"))).await;
    let adopted = instance.send(&given::report(&account, "t-3", Says::Hold, usd("1.00"))).await;
    place.clock().set_after_noon(DAY * 7);
    for _ in 0..2 {
        instance.sweeper.run().await?;
    }
    let holds = [unconfirmed, confirmed, adopted];
    let (open, expired) = (GroupStatus::Open, GroupStatus::Expired);
    assert_eq!(instance.statuses(&holds).await, [open, expired, expired]);
    assert_eq!((instance.figures.expired(), instance.figures.unconfirmed()), (2, 1));
    let listed = instance.discrepancies().await;
    let doubt = listed.first().ok_or("no discrepancy")?;
    let root = doubt.message.group.as_ref().map(|group| group.root);
    assert_eq!((doubt.discrepancy.kind, root), (DiscrepancyKind::Unconfirmed, Some(unconfirmed)));
    assert_eq!(doubt.closing, None);
    // Whose place it claims is no word of the hold.
    let claim = given::report(&account, "t-4", Says::Claim, usd("1.00")).following("t-1");
    given::sent(instance.ledger.as_ref(), &claim).await;
    assert_eq!(instance.discrepancies().await[0].closing, None);
    // The processor's word came late; its days begin with that.
    instance.send(&given::report(&account, "t-1", Says::Hold, usd("1.00"))).await;
    assert!(instance.discrepancies().await[0].closing.is_some(), "there is none any more");
    place.clock().set_after_noon(DAY * 14);
    instance.sweeper.run().await?;
    assert_eq!(instance.status(unconfirmed).await, expired);
    instance.close(place.as_ref()).await
}

on_both_stores!(the_processor_s_expiry_and_ours_end_a_hold_once_in_either_order);
async fn the_processor_s_expiry_and_ours_end_a_hold_once_in_either_order(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let expiry =
        |token: &str, of: &str| given::report(&account, token, Says::Expire, usd("0.00")).following(of);
    for token in ["t-1", "t-2"] {
        instance.send(&given::authorization(&account, usd("1.00")).message(token)).await;
        instance.send(&given::report(&account, token, Says::Hold, usd("1.00"))).await;
    }
    instance.send(&expiry("e-1", "t-1")).await;
    place.clock().set_after_noon(DAY * 8);
    instance.sweeper.run().await?;
    assert_eq!(instance.figures.expired(), 1);
    instance.send(&expiry("e-2", "t-2")).await;
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("100.00"));
    for token in ["t-1", "t-2"] {
        let late = given::report(&account, &format!("c-{token}"), Says::FinalCapture, usd("1.00"));
        instance.send(&late.following(token)).await;
    }
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("98.00"));
    instance.close(place.as_ref()).await
}

on_both_stores!(holds_that_were_brought_together_expire_as_one);
async fn holds_that_were_brought_together_expire_as_one(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::on(place.as_ref())?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let mut holds = Vec::new();
    for token in ["t-1", "t-2"] {
        holds.push(instance.send(&given::report(&account, token, Says::Hold, usd("5.00"))).await);
    }
    place.clock().set_after_noon(DAY * 4);
    let advice = given::report(&account, "t-3", Says::Replace, usd("8.00"));
    instance.send(&advice.following("t-1").following("t-2")).await;
    place.clock().set_after_noon(DAY * 7);
    instance.sweeper.run().await?;
    assert_eq!(instance.statuses(&holds).await, [GroupStatus::Open, GroupStatus::Open]);
    assert_eq!(given::available(instance.ledger.as_ref(), &account).await, usd("92.00"));
    place.clock().set_after_noon(DAY * 11);
    instance.sweeper.run().await?;
    assert_eq!(instance.statuses(&holds).await, [GroupStatus::Expired, GroupStatus::Expired]);
    assert_eq!((instance.figures.expired(), instance.figures.left()), (1, 0));
    instance.close(place.as_ref()).await
}

/// Two instances share the database; the embedded ledger has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_expire_each_hold_once() -> Tested {
    const HOLDS: u64 = 60;
    let place = Store::Postgres.place();
    let mut one = Instance::over(place.open(), 7)?;
    let mut other = Instance::over(place.open(), 7)?;
    let account = given::account(one.ledger.as_ref(), usd("100.00")).await;
    let mut holds = Vec::new();
    for _ in 0..HOLDS {
        holds.push(one.hold(&account, "5411").await);
    }
    place.clock().set_after_noon(DAY * 8);
    // A run may end early where both want one owner; the next goes on.
    for _ in 0..100 {
        let ran = tokio::join!(one.sweeper.run(), other.sweeper.run());
        if one.figures.expired() + other.figures.expired() == HOLDS && ran.0.is_ok() && ran.1.is_ok() {
            break;
        }
    }
    let (one_ran, other_ran) = tokio::join!(one.sweeper.run(), other.sweeper.run());
    one_ran.and(other_ran)?;
    assert_eq!(one.figures.expired() + other.figures.expired(), HOLDS);
    for hold in holds {
        let messages = one.group(hold).await.messages;
        assert_eq!(messages.iter().filter(|message| message.effect == Effect::Expire).count(), 1);
    }
    other.stop().await?;
    one.close(place.as_ref()).await
}

on_both_stores!(a_run_that_was_cut_off_is_gone_on_with_after_a_restart);
async fn a_run_that_was_cut_off_is_gone_on_with_after_a_restart(store: Store) -> Tested {
    let place = store.place();
    let ledger = FaultyLedger::new(place.open());
    let mut instance = Instance::over(ledger.clone(), 3)?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let mut holds = Vec::new();
    for number in 0..20 {
        let hold = match number {
            10 => instance.send(&given::authorization(&account, usd("1.00"))).await,
            _ => instance.hold(&account, "5411").await,
        };
        holds.push(hold);
    }
    place.clock().set_after_noon(DAY * 7);
    let gone = StoreError::Unavailable("the test cuts it off".to_owned());
    ledger.set_read_fault_after(15, ReadFault::Fails(gone));
    assert!(instance.sweeper.run().await.is_err(), "it was cut off");
    assert!(instance.figures.last_run().is_some_and(|run| run.error.is_some()));
    ledger.set_read_fault(None);
    let expired = instance.figures.expired();
    let kept = instance.kept(7).await;
    assert!((1..19).contains(&expired) && kept > 0, "{expired} {kept}");
    instance.stop().await?;
    drop(ledger);
    let mut again = Instance::over(place.open(), 3)?;
    again.sweeper.run().await?;
    assert_eq!((again.figures.expired(), again.figures.unconfirmed()), (19 - expired, 1));
    assert!(again.kept(7).await > kept);
    again.sweeper.run().await?;
    assert_eq!(again.figures.expired(), 19 - expired, "each was ended once");
    again.stop().await?;
    let ledger = FaultyLedger::new(place.open());
    let mut last = Instance::over(ledger.clone(), 1)?;
    last.sweeper.run().await?;
    assert!(ledger.reads() < 10, "it begins where the others ended");
    drop(ledger);
    last.close(place.as_ref()).await
}

on_both_stores!(a_hold_that_cannot_be_ended_holds_nobody_up_and_is_tried_again);
async fn a_hold_that_cannot_be_ended_holds_nobody_up_and_is_tried_again(store: Store) -> Tested {
    let place = store.place();
    let ledger = FaultyLedger::new(place.open());
    let mut instance = Instance::over(ledger.clone(), 1)?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let holds = [instance.hold(&account, "5411").await, instance.hold(&account, "5411").await];
    place.clock().set_after_noon(DAY * 7);
    ledger.refuse_data_of(&given::token(&holds[0].to_string()));
    instance.sweeper.run().await?;
    let (open, expired) = (GroupStatus::Open, GroupStatus::Expired);
    assert_eq!(instance.statuses(&holds).await, [open, expired]);
    assert_eq!(instance.figures.left(), 1);
    let kept = instance.kept(7).await;
    let first = instance.ledger.list_idle(DAY * 7, Page { after: Some(kept), limit: 100 }).await?;
    assert_eq!(first.groups.first().map(|group| group.message), Some(holds[0]), "a restart finds it again");
    ledger.refuse_data_of(&given::token("nobody"));
    instance.sweeper.run().await?;
    assert_eq!(instance.statuses(&holds).await, [expired, expired]);
    assert_eq!(instance.figures.left(), 0);
    drop(ledger);
    instance.close(place.as_ref()).await
}

on_both_stores!(a_hold_that_moves_while_its_expiry_waits_is_kept_and_ended_later);
async fn a_hold_that_moves_while_its_expiry_waits_is_kept_and_ended_later(store: Store) -> Tested {
    let place = store.place();
    let ledger = place.open();
    let faulty = FaultyLedger::new(ledger.clone());
    let mut instance = Instance::over(faulty.clone(), 1_000)?;
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let hold = instance.hold(&account, "5411").await;
    place.clock().set_after_noon(DAY * 7);
    faulty.forget();
    let gate = faulty.close_gate().await;
    let moves = async {
        faulty.entered().await;
        let mut more = given::increment(&account, GroupRef::Message(hold), usd("5.00"));
        more.command.key.source = Source::Api;
        let more = given::sent(ledger.as_ref(), &more).await;
        drop(gate);
        more.declined()
    };
    let (swept, declined) = tokio::join!(instance.sweeper.run(), moves);
    swept?;
    assert_eq!((declined, instance.status(hold).await), (None, GroupStatus::Open));
    assert_eq!((instance.figures.expired(), instance.figures.left()), (0, 0));
    place.clock().set_after_noon(DAY * 14);
    instance.sweeper.run().await?;
    assert_eq!((instance.status(hold).await, instance.figures.expired()), (GroupStatus::Expired, 1));
    drop((faulty, ledger));
    instance.close(place.as_ref()).await
}

on_both_stores!(holds_that_cannot_be_read_are_tried_again);
async fn holds_that_cannot_be_read_are_tried_again(store: Store) -> Tested {
    let place = store.place();
    let ledger = FaultyLedger::new(place.open());
    let mut instance = Instance::over(ledger.clone(), 1_000)?;
    let account = given::account(instance.ledger.as_ref(), usd("100.00")).await;
    let holds = [instance.hold(&account, "5411").await, instance.hold(&account, "5411").await];
    place.clock().set_after_noon(DAY * 7);
    // The programs, how far the sweeps have come and what is old enough are read before them.
    let damaged = StoreError::Corrupt("the test damaged it".to_owned());
    ledger.set_read_fault_after(4, ReadFault::Fails(damaged));
    assert!(instance.sweeper.run().await.is_err(), "nor can the other sweep read anything");
    assert_eq!(instance.figures.left(), 2, "each was looked at");
    ledger.set_read_fault(None);
    instance.sweeper.run().await?;
    assert_eq!(instance.statuses(&holds).await, [GroupStatus::Expired; 2]);
    assert_eq!(instance.figures.left(), 0);
    drop(ledger);
    instance.close(place.as_ref()).await
}

/// How many holds are captured while they are swept.
const RACES: usize = 200;

on_both_stores!(a_hold_that_is_captured_while_it_is_swept_ends_once, worker_threads = 4);
async fn a_hold_that_is_captured_while_it_is_swept_ends_once(store: Store) -> Tested {
    let place = store.place();
    let mut instance = Instance::over(place.open(), 10)?;
    let account = given::account(instance.ledger.as_ref(), usd("1000.00")).await;
    let mut holds = Vec::new();
    for _ in 0..RACES {
        holds.push(instance.hold(&account, "5411").await);
    }
    place.clock().set_after_noon(DAY * 8);
    let next = AtomicUsize::new(0);
    let (authorizer, figures) = (instance.authorizer.clone(), instance.figures.clone());
    // Now behind the sweeper, now before it: each captures what it is about to look at, or has just ended.
    let capture = async {
        while let Some(hold) = holds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let call = given::final_capture(&account, GroupRef::Message(*hold), usd("1.00"));
            let request = Request { work: call.work(), deadline: None, timeline: Timeline::begin() };
            let reply = authorizer.settle(request).await.reply;
            assert!(matches!(reply, Reply::Decided { declined: None, .. }), "{reply:?}");
        }
    };
    let (swept, ()) = tokio::join!(instance.sweeper.run(), capture);
    swept?;
    instance.sweeper.run().await?;
    let expired = figures.expired();
    let mut ended_by_expiry = 0;
    for hold in &holds {
        let messages = instance.group(*hold).await.messages;
        let expiries = messages.iter().filter(|message| message.effect == Effect::Expire).count();
        assert!(expiries <= 1, "{messages:?}");
        ended_by_expiry += expiries as u64;
        assert_eq!(instance.status(*hold).await, GroupStatus::Closed);
    }
    assert_eq!(ended_by_expiry, expired);
    let books = given::books_of(instance.ledger.as_ref(), &account).await;
    assert_eq!((books.posted_minor, books.held_minor, books.open_holds), (80_000, 0, 0));
    drop(authorizer);
    instance.close(place.as_ref()).await
}

on_both_stores!(a_server_sweeps_by_itself_and_tells_of_it);
async fn a_server_sweeps_by_itself_and_tells_of_it(store: Store) -> Tested {
    let place = store.place();
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let mut hold = given::authorization(&account, usd("1.00"));
    hold.command.key.source = Source::Api;
    let hold = given::sent(ledger.as_ref(), &hold).await.id();
    drop(ledger);
    place.clock().set_after_noon(DAY * 7);
    let server = Running::start_in(place, bursar_server::Settings::default()).await?;
    let sweeper = async || -> Result<serde_json::Value, Error> {
        Ok(server.get("/v1/profile").await?.json()["sweeper"].clone())
    };
    crate::running::until("a hold expired", async || Ok(sweeper().await?["expired"] == 1)).await?;
    let found = server.get(&format!("/v1/authorizations/{hold}")).await?.json();
    assert_eq!(found["hold"]["status"], "expired");
    assert_eq!(found["hold"]["messages"][1]["source"], "sweeper");
    let figures = sweeper().await?;
    assert_eq!(
        (&figures["is_on"], &figures["unconfirmed"], &figures["left"]),
        (&json!(true), &json!(0), &json!(0))
    );
    Ok(())
}

on_both_stores!(a_server_whose_sweeper_is_off_sweeps_nothing);
async fn a_server_whose_sweeper_is_off_sweeps_nothing(store: Store) -> Tested {
    let sweeper = Settings { is_on: false, interval: Duration::from_millis(1), ..Settings::default() };
    let settings = bursar_server::Settings { sweeper, ..bursar_server::Settings::default() };
    let server = Running::start_with(store, settings).await?;
    server.given("USD", Some("100.00")).await?;
    let figures = server.get("/v1/profile").await?.json()["sweeper"].clone();
    assert_eq!((&figures["is_on"], &figures["last_run_at"]), (&json!(false), &serde_json::Value::Null));
    Ok(())
}

on_both_stores!(the_days_of_a_program_are_set_and_changed);
async fn the_days_of_a_program_are_set_and_changed(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let usual = json!({"name": "P", "time_zone": "Etc/UTC", "currencies": ["USD"]});
    let made = server.make("/v1/programs", usual.clone()).await?;
    assert_eq!((&made["hold_days"], &made["hold_days_by_group"]), (&json!(7), &json!({})));
    let mut own = usual;
    (own["hold_days"], own["hold_days_by_group"]) = (json!(5), json!({"lodging": 30}));
    let made = server.make("/v1/programs", own.clone()).await?;
    assert_eq!((&made["hold_days"], &made["hold_days_by_group"]), (&json!(5), &json!({"lodging": 30})));
    let path = format!("/v1/programs/{}", made["id"].as_str().ok_or("no id")?);
    let changes = format!("{path}/changes");
    let changed = server.make(&changes, json!({"hold_days_by_group": {"fuel": 2}})).await?;
    assert_eq!((&changed["hold_days"], &changed["hold_days_by_group"]), (&json!(5), &json!({"fuel": 2})));
    let changed = server.make(&changes, json!({"hold_days": 6})).await?;
    assert_eq!(server.get(&path).await?.json(), changed);
    assert_eq!((&changed["hold_days"], &changed["hold_days_by_group"]), (&json!(6), &json!({"fuel": 2})));
    for (wrong, field) in [
        (json!({"hold_days": 0}), "hold_days"),
        (json!({"hold_days": 366}), "hold_days"),
        (json!({"hold_days_by_group": {"hotels": 3}}), "hold_days_by_group"),
        (json!({"hold_days_by_group": {"lodging": 0}}), "hold_days_by_group"),
    ] {
        let refused = server.post(&changes, &wrong).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["errors"][0]["field"]),
            (400, &json!(field)),
            "{wrong}"
        );
        own[field] = wrong[field].clone();
        assert_eq!(server.post("/v1/programs", &own).await?.status.as_u16(), 400, "{wrong}");
    }
    let unknown =
        server.post("/v1/programs/019b7e1e-0000-7000-8000-000000000000/changes", &json!({})).await?;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "program_unknown"));
    Ok(())
}
