//! No statement of a decision reads a table from one end to the other: its cost would grow with history.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::Window;
use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_store::contract::given::{self, usd};
use bursar_testkit::PostgresPlace;
use tokio_postgres::NoTls;

/// Tens of thousands of rows in every table that grows, and what the planner has to know of them.
const FILL: &str = "
    insert into owners select gen_random_uuid(), (select id from programs limit 1), 'company', 'one', null, 'active', 1,
        now(), 0 from generate_series(1, 20000);
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
    vacuum analyze";

const LARGE: &str = "'owners', 'accounts', 'cardholders', 'cards', 'controls', 'windows', 'messages'";

#[tokio::test]
async fn no_statement_of_a_decision_scans_a_large_table() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    for statement in FILL.split(';') {
        place.execute(statement);
    }
    drop(ledger);
    let scans = async || -> i64 {
        let (client, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
        tokio::spawn(connection);
        // A backend reports its scans when it ends, at the latest.
        let others =
            "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                      and backend_type = 'client backend'";
        let alone = async {
            while !client.query(others, &[]).await.expect("an answer").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), alone).await.expect("the ledger's connections end");
        let scans =
            format!("select sum(seq_scan)::bigint from pg_stat_user_tables where relname in ({LARGE})");
        client.query_one(&scans, &[]).await.expect("an answer").get(0)
    };
    let before = scans().await;

    let ledger = place.open_ledger();
    // Often enough for a plan that does without the values.
    for _ in 0..8 {
        let swipe = given::authorization(&account, usd("2.00"));
        given::sent(ledger.as_ref(), &swipe).await;
        given::settled(ledger.as_ref(), &swipe.again()).await;
        let group = || GroupRef::Key(swipe.key().clone());
        given::sent(ledger.as_ref(), &given::increment(&account, group(), usd("1.00"))).await;
        given::sent(ledger.as_ref(), &given::reversal(&account, group())).await;
        let unknown = given::unknown_card(&given::new_token("card"), usd("1.00"));
        given::sent(ledger.as_ref(), &unknown).await;
    }
    let limit = given::limit(Window::Lifetime, usd("50.00"));
    given::control(ledger.as_ref(), &account, Scope::Card(account.card), limit).await;
    given::sent(ledger.as_ref(), &given::load(&account, usd("1.00"))).await;
    assert_eq!(Arc::strong_count(&ledger), 1);
    drop(ledger);
    assert_eq!(scans().await - before, 0, "scans of {LARGE}");
}
