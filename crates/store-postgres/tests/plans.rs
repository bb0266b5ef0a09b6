//! No statement of a decision, nor a look-up before it, reads a table or an index from one end to the other:
//! its cost would grow with history. What the server counts are rows, so it does not matter by which plan.

use bursar_core::Window;
use bursar_core::command::{GroupRef, LinkKind, Says};
use bursar_core::control::Scope;
use bursar_store::contract::Place;
use bursar_store::contract::given::{self, Funded, usd};
use bursar_store::{Page, Reader};
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
                  where relname in ({LARGE}))
               + (select sum(idx_tup_read) from pg_stat_user_indexes where relname in ({LARGE})))::bigint"
    ))
}

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
