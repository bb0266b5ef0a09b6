//! No statement of a decision, nor a look-up before it, reads a table or an index from one end to the other:
//! its cost would grow with history. What the server counts are rows, so it does not matter by which plan.

use std::time::Duration;

use bursar_core::command::{GroupRef, LinkKind, Says};
use bursar_core::control::Scope;
use bursar_core::{CardId, OwnerId, Window};
use bursar_store::contract::Place;
use bursar_store::contract::given::{self, Funded, usd};
use bursar_store::{
    Backlog, DeadLetterFilter, DeadLetterState, DeadLetters, Endpoints, Outbox, Page, Reader, RecordFilter,
    TransactionRecords,
};
use bursar_store_postgres::PostgresLedger;
use bursar_testkit::PostgresPlace;
use jiff::{SignedDuration, Timestamp};

/// How many rows each table has that grows.
const ROWS: i64 = 20_000;

/// Tens of thousands of rows in every table that grows, and what the planner has to know of them.
const FILL: &str = "
    insert into owners select gen_random_uuid(), (select id from programs limit 1), 'company', 'one', null, 'active', 1,
        now(), 0 from generate_series(1, ROWS);
    insert into accounts select gen_random_uuid(), id, 'USD', 0, 0, 0, 0, 0, 0 from owners;
    insert into cardholders select gen_random_uuid(), id, gen_random_uuid()::text, 'one', 'active' from owners;
    insert into cards select gen_random_uuid(), accounts.owner, cardholders.id, accounts.id, gen_random_uuid()::text,
        null, 'active' from accounts join cardholders on cardholders.owner = accounts.owner;
    insert into controls select gen_random_uuid(), owner, 'card', id, 'one', '{}', 'off' from cards
        where id not in (select id from messages);
    insert into windows select id, 'card', '' from cards;
    insert into messages (id, token, source, scope, state, fingerprint, kind, owner, owner_sequence, at, root,
        processor_time, effect, effect_minor, card, cardholder, account, answer_code, answer)
        select id, id::text, 'marqeta_jit', 0, '', '', 'authorization', owner, 1, now(), id, now(), 'hold', 100, id,
        cardholder, account, 200, '' from cards where id not in (select id from messages);
    vacuum analyze owners, accounts, cardholders, cards, controls, windows, messages";

const LARGE: &str = "'owners', 'accounts', 'cardholders', 'cards', 'controls', 'windows', 'messages'";

/// Rows and entries of indexes that were read of the large tables, from the beginning.
async fn rows_read(place: &PostgresPlace) -> i64 {
    // A backend reports what it read when it ends, at the latest.
    place.until_alone().await;
    place.number(&format!(
        "select ((select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables
                  where relname in ({LARGE}, {LARGE_QUEUES}))
               + (select sum(idx_tup_read) from pg_stat_user_indexes
                  where relname in ({LARGE}, {LARGE_QUEUES})))::bigint"
    ))
}

/// As many rows in what consumers keep, nearly all of which nobody has to look at any more; and a hundred endpoints, one
/// of which is off and has much that waits.
const FILL_QUEUES: &str = "
    update outbox set published_at = now();
    insert into outbox (event, message, kind, owner_sequence, payload, published_at)
        select gen_random_uuid(), id, 'load', 1, '{}', now() from messages;
    insert into endpoints select gen_random_uuid(), id, 'https://example.com/', '#', '', null, null, number <> 1,
        now(), 1, '', null from programs, generate_series(1, 100) as number;
    insert into notifications select gen_random_uuid(), endpoints.id, gen_random_uuid(), 'load', 'delivered', null, 0,
        now(), '' from endpoints, generate_series(1, ROWS / 100) where is_on;
    insert into notifications select gen_random_uuid(), endpoints.id, gen_random_uuid(), 'load', 'due', now(), 0,
        now(), '' from endpoints, generate_series(1, ROWS) where not is_on;
    insert into attempts select id, 1, now(), 7, 200, null from notifications;
    insert into dead_letters select gen_random_uuid(), gen_random_uuid(), 'webhooks', 'load', null, null, null, 4, '', '',
        '', gen_random_uuid(), '', 1, now(), 'replayed', null, now(), '' from generate_series(1, ROWS);
    insert into transaction_records select id, position, 1, null, owner, null, null, card, null, null, null, null, null,
        null, null, 'cleared', 100, 'USD', now(), 'blue bottle w' || position from messages where card is not null;
    vacuum analyze outbox, endpoints, notifications, attempts, dead_letters, transaction_records";

const LARGE_QUEUES: &str = "'outbox', 'notifications', 'attempts', 'dead_letters', 'transaction_records'";

/// A ledger with large tables, and an account in it.
async fn large() -> (PostgresPlace, Funded) {
    let place = PostgresPlace::new();
    let account = given::account(place.open_ledger().as_ref(), usd("100.00")).await;
    for statement in FILL.replace("ROWS", &ROWS.to_string()).split(';') {
        place.execute(statement);
    }
    (place, account)
}

/// How many rows this reads, made by a ledger of its own.
async fn read_by(place: &PostgresPlace, work: impl AsyncFn(&PostgresLedger)) -> i64 {
    let before = rows_read(place).await;
    let ledger = place.try_open_ledger().expect("a ledger");
    work(&ledger).await;
    drop(ledger);
    rows_read(place).await - before
}

/// Often enough for a plan that does without the values.
const ROUNDS: i64 = 8;

/// Far more than what follows reads, and far less than a table has.
const READ_MAX: i64 = ROUNDS * 300;

/// Every kind of decision that a swipe can lead to.
async fn decide(ledger: &PostgresLedger, account: &Funded) {
    for _ in 0..ROUNDS {
        let swipe = given::authorization(account, usd("2.00"));
        given::sent(ledger, &swipe).await;
        given::settled(ledger, &swipe.again()).await;
        let group = || GroupRef::Key(swipe.key().clone());
        given::sent(ledger, &given::increment(account, group(), usd("1.00"))).await;
        let token = swipe.key().token.clone();
        let clearing = given::report(account, &format!("{token}-cleared"), Says::Capture, usd("1.00"));
        given::sent(ledger, &clearing.following(token.as_str()).sharing(LinkKind::Order, token.as_str()))
            .await;
        given::sent(ledger, &given::reversal(account, group())).await;
        let unknown = given::unknown_card(&given::new_token("card"), usd("1.00"));
        given::sent(ledger, &unknown).await;
        given::sent(ledger, &given::load(account, usd("1.00"))).await;
    }
}

/// What is looked up before a decision.
async fn look_up(ledger: &PostgresLedger, account: &Funded) {
    for _ in 0..ROUNDS {
        let route = ledger.find_route(&account.card_token).await.expect("readable");
        assert_eq!(route, Some(account.route()));
        let holder = ledger.find_cardholder_by_token(&account.user_token).await.expect("readable");
        assert_eq!(holder.map(|holder| holder.id), Some(account.cardholder));
        let unknown = given::new_token("nobody");
        assert_eq!(ledger.find_route(&unknown).await, Ok(None));
        assert_eq!(ledger.find_cardholder_by_token(&unknown).await, Ok(None));
    }
}

#[tokio::test]
async fn what_a_decision_reads_does_not_grow_with_the_tables() {
    let (place, account) = large().await;
    let read = read_by(&place, async |ledger| decide(ledger, &account).await).await;
    assert!(read < READ_MAX, "{ROUNDS} rounds of decisions read {read} rows");
    let begin_to_count = async |ledger: &PostgresLedger| {
        let limit = given::limit(Window::Lifetime, usd("50.00"));
        given::control(ledger, &account, Scope::Card(account.card), limit).await;
    };
    let read = read_by(&place, begin_to_count).await;
    assert!(read < READ_MAX, "a limit that begins to count reads {read} rows");
}

#[tokio::test]
async fn what_is_looked_up_for_a_swipe_does_not_grow_with_the_tables() {
    let (place, account) = large().await;
    let read = read_by(&place, async |ledger| look_up(ledger, &account).await).await;
    assert!(read < READ_MAX, "{ROUNDS} rounds of look-ups read {read} rows");
}

#[tokio::test]
async fn a_walk_along_old_messages_reads_no_more_than_its_slice() {
    const SLICE: u32 = 100;
    let (place, _) = large().await;
    place.execute("update accounts set open_holds = 1");
    place.execute("vacuum analyze accounts");
    place.clock().set(Timestamp::now() + SignedDuration::from_hours(48));
    let walk = async |ledger: &PostgresLedger| {
        let mut page = Page { after: Some(ROWS / 2), limit: SLICE };
        for _ in 0..2 {
            let slice = ledger.list_idle(SignedDuration::from_hours(24), page).await.expect("readable");
            assert_eq!((slice.groups.len(), slice.has_more), (SLICE as usize, true));
            page.after = Some(slice.position);
        }
    };
    let read = read_by(&place, walk).await;
    assert!(read < READ_MAX, "two slices of {SLICE} messages read {read} rows");
}

/// What is asked again and again, whether or not there is anything to do.
#[derive(Debug, Clone, Copy)]
enum Poll {
    Lease,
    Backlog,
    Take,
    CountNotifications,
    CountLetters,
    ListOpenLetters,
    ForgetEvents,
    ForgetNotifications,
    ForgetLetters,
}

async fn poll(ledger: &PostgresLedger, poll: Poll) {
    let long_ago = Timestamp::UNIX_EPOCH;
    for _ in 0..ROUNDS {
        match poll {
            Poll::Lease => assert_eq!(ledger.lease(10, LEASE).await, Ok(Vec::new())),
            Poll::Backlog => assert_eq!(ledger.backlog().await, Ok(Backlog::default())),
            Poll::Take => assert_eq!(ledger.take_notifications(10, LEASE, &[]).await, Ok(Vec::new())),
            Poll::CountNotifications => assert_eq!(ledger.count_notifications().await, Ok((0, None))),
            Poll::CountLetters => assert_eq!(ledger.count_dead_letters().await, Ok(0)),
            Poll::ListOpenLetters => {
                let open =
                    DeadLetterFilter { state: Some(DeadLetterState::Open), ..DeadLetterFilter::default() };
                let page = Page { after: None, limit: 10 };
                assert_eq!(ledger.list_dead_letters(&open, page).await, Ok(Vec::new()));
            }
            Poll::ForgetEvents => assert_eq!(ledger.forget_published(long_ago, 10).await, Ok(0)),
            Poll::ForgetNotifications => assert_eq!(ledger.forget_notifications(long_ago, 10).await, Ok(0)),
            Poll::ForgetLetters => assert_eq!(ledger.forget_dead_letters(long_ago, 10).await, Ok(0)),
        }
    }
}

/// What is looked for among records: what few of them have, an owner, a card and a word; a word that each of them has;
/// and one that none has.
async fn search(ledger: &PostgresLedger, place: &PostgresPlace) {
    let text = |of: &str| {
        place.texts(&format!("select {of}::text from transaction_records where position = 12345")).remove(0)
    };
    let id = |of: &str| text(of).parse().expect("an id");
    let (owner, card) = (OwnerId::new(id("owner")), CardId::new(id("card")));
    let rare = text("split_part(words, ' ', 3)");
    let any = RecordFilter::default;
    let of_word = |word: &str| RecordFilter { words: vec![word.to_owned()], ..any() };
    let page = Page { after: None, limit: 10 };
    for _ in 0..ROUNDS {
        let of_few = [
            RecordFilter { owner: Some(owner), ..any() },
            RecordFilter { card: Some(card), ..any() },
            of_word(&rare),
            RecordFilter { card: Some(card), ..of_word("blue") },
        ];
        for filter in of_few {
            let found = ledger.search_records(&filter, page).await.expect("readable");
            assert!((1..10).contains(&found.len()), "{filter:?}: {found:?}");
        }
        for filter in [any(), of_word("bl")] {
            let found = ledger.search_records(&filter, page).await.expect("readable");
            assert!(found.len() == 10 && found.is_sorted_by_key(|found| -found.position), "{filter:?}");
        }
        assert_eq!(ledger.search_records(&of_word("nobody"), page).await, Ok(Vec::new()));
    }
}

const LEASE: Duration = Duration::from_secs(5);

/// A ledger in which what consumers keep is large, too.
async fn large_queues() -> PostgresPlace {
    let (place, _) = large().await;
    place.clock().set(Timestamp::now());
    for statement in FILL_QUEUES.replace("ROWS", &ROWS.to_string()).split(';') {
        place.execute(statement);
    }
    place
}

#[tokio::test]
async fn what_is_asked_again_and_again_does_not_grow_with_the_tables() {
    let place = large_queues().await;
    for of in [
        Poll::Lease,
        Poll::Backlog,
        Poll::Take,
        Poll::CountNotifications,
        Poll::CountLetters,
        Poll::ListOpenLetters,
        Poll::ForgetEvents,
        Poll::ForgetNotifications,
        Poll::ForgetLetters,
    ] {
        let read = read_by(&place, async |ledger| poll(ledger, of).await).await;
        assert!(read < READ_MAX, "{ROUNDS} rounds of {of:?} read {read} rows");
    }
    for (of, index) in [
        (Poll::Lease, "outbox_unpublished"),
        (Poll::CountLetters, "dead_letters_open"),
        (Poll::ForgetNotifications, "notifications_to_forget"),
        (Poll::ForgetLetters, "dead_letters_to_forget"),
    ] {
        place.execute(&format!("drop index {index}"));
        let read = read_by(&place, async |ledger| poll(ledger, of).await).await;
        assert!(read >= ROUNDS * ROWS, "{ROUNDS} rounds of {of:?} read {read} rows without {index}");
    }
}

#[tokio::test]
async fn what_a_search_of_records_reads_does_not_grow_with_the_tables() {
    let place = large_queues().await;
    // Three searches look through a thousand of the newest first, by index and row.
    let read = read_by(&place, async |ledger| search(ledger, &place).await).await;
    assert!(read < READ_MAX + ROUNDS * 3 * 2_000, "{ROUNDS} rounds of searches read {read} rows");
    for index in ["words", "by_owner", "by_card"] {
        place.execute(&format!("drop index transaction_records_{index}"));
        let read = read_by(&place, async |ledger| search(ledger, &place).await).await;
        assert!(read >= ROUNDS * ROWS, "{read} rows without the index {index}");
    }
}

/// The measure can turn red, whatever plan the server then chooses.
#[tokio::test]
async fn without_its_index_a_decision_reads_a_whole_table_and_so_does_a_look_up() {
    let (place, account) = large().await;
    place.execute("drop index messages_by_root");
    let read = read_by(&place, async |ledger| decide(ledger, &account).await).await;
    assert!(read >= ROUNDS * ROWS, "{read} rows without the index of groups");
    place.execute("alter table cards drop constraint cards_token_key");
    let read = read_by(&place, async |ledger| look_up(ledger, &account).await).await;
    assert!(read >= ROUNDS * ROWS, "{read} rows without the index of cards' tokens");
}
