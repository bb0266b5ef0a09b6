//! `kill -9` of the real binary under load: no answered decision is lost, none is doubled.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bursar_testkit::Store;
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running, Wallet, ask_to_stop, kill, report};
use crate::home::{Home, own_port};
use crate::on_both_stores;
use crate::simulate::simulate_at;

const ROUNDS: usize = 20;
const CLIENTS: usize = 8;
const ANSWERS_A_ROUND: usize = 100;

/// A swipe that was answered, with its answer.
struct Answered {
    body: String,
    status: u16,
    answer: Vec<u8>,
}

on_both_stores!(what_was_answered_survives_twenty_kills, worker_threads = 2);
async fn what_was_answered_survives_twenty_kills(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let mut server = Arc::new(home.start()?);
    let wallet = server.wallet("1500.00").await?;
    let mut answered: Vec<Answered> = Vec::new();
    for round in 0..ROUNDS {
        answered.extend(swipe_until_killed(server, &wallet, round).await?);
        server = Arc::new(home.start()?);
    }
    assert!(answered.len() >= ROUNDS * ANSWERS_A_ROUND);
    for swipe in &answered {
        let (status, answer) = server.jit(&swipe.body).await?;
        assert_eq!((status, &answer), (swipe.status, &swipe.answer), "{}", swipe.body);
    }
    let report = home.check()?;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    let account = server.get(&format!("/v1/accounts/{}", wallet.account)).await?;
    let approved = answered.iter().filter(|swipe| swipe.status == 200).count();
    // Each approval holds one dollar. The few that were decided and not answered hold theirs too.
    let open = account["open_holds"].as_u64().unwrap_or_default() as usize;
    assert!((approved..=approved + ROUNDS * CLIENTS).contains(&open), "{approved} approved, {account}");
    assert_eq!(account["held"], format!("{open}.00"));
    Ok(())
}

/// What keeps all that is reported from being booked, and what ends that.
fn stall(store: Store) -> [&'static str; 2] {
    match store {
        Store::Sqlite => [
            "create trigger stall before insert on messages when new.source = 'marqeta_report'
             begin select raise(abort, 'not now'); end",
            "drop trigger stall",
        ],
        Store::Postgres => [
            "create function stall() returns trigger language plpgsql as
                 $$ begin raise exception 'not now'; end $$;
             create trigger stall before insert on messages for each row
                 when (new.source = 'marqeta_report') execute function stall()",
            "drop function stall() cascade",
        ],
    }
}

on_both_stores!(a_report_that_was_acknowledged_and_not_booked_survives_a_kill);
async fn a_report_that_was_acknowledged_and_not_booked_survives_a_kill(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("100.00").await?;
    let [stall, go_on] = stall(store);
    home.execute(stall)?;
    let refunds: Vec<Value> = (0..10).map(|number| wallet.refund(&format!("t-{number}"))).collect();
    assert_eq!(server.webhook(&json!({"transactions": refunds})).await?, 200);
    server.kill()?;
    home.execute(go_on)?;
    let server = home.start()?;
    let began = Instant::now();
    while server.get("/v1/inbox").await?["waiting"] != json!(0) {
        assert!(began.elapsed() < PATIENCE, "waited in vain until they are booked");
    }
    let account = server.get(&format!("/v1/accounts/{}", wallet.account)).await?;
    assert_eq!(account["posted"], "110.00");
    let checked = home.check()?;
    assert_eq!(checked["findings"], json!([]), "{checked}");
    Ok(())
}

/// Decisions of a life, at least, before it is killed.
const DECISIONS: u64 = 30;

/// All but silence: what was told to who asked and then died is told by nobody again once its purchase has ended.
const HABITS: &str = "repeated=5,reordered=5,lost=5,late=5,stood_in=5,forced=5";

on_both_stores!(a_whole_simulation_survives_twenty_kills, worker_threads = 2);
async fn a_whole_simulation_survives_twenty_kills(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let (port, api) = (own_port(), format!("127.0.0.1:{}", own_port()));
    home.start()?.kill()?;
    home.add_tokens()?;
    let start = || home.start_asking(port, &api);
    let mut server = start()?;
    let mut simulation = simulate_at("60", &server);
    simulation.args(["--habits", HABITS, "--for", "300s", "--processor-api", &api]);
    let simulation = simulation.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    for _ in 0..ROUNDS {
        server.until(|figures| figures["count"].as_u64() >= Some(DECISIONS)).await?;
        server.kill()?;
        server = start()?;
    }
    server.until(|figures| figures["count"].as_u64() >= Some(DECISIONS)).await?;
    ask_to_stop(simulation.id())?;
    let output = simulation.wait_with_output()?;
    let report = report(&output)?;
    assert_eq!(report["verdicts"], json!({"simulator": "passed"}), "{report}");
    // The server counts those, too, that it could answer no more.
    let are_some = report["decisions"].as_u64() >= Some(DECISIONS * ROUNDS as u64 / 4);
    assert!(are_some && report["unavailable"].as_u64() > Some(0), "{report}");
    let inbox = server.get("/v1/inbox").await?;
    assert_eq!([&inbox["waiting"], &inbox["dead"], &inbox["quarantined"]], [&json!(0); 3], "{inbox}");
    let checked = home.check()?;
    assert_eq!(checked["findings"], json!([]), "{checked}");
    Ok(())
}

/// Swipes with several clients, kills the server when enough answers are in, and keeps what was
/// answered.
async fn swipe_until_killed(
    server: Arc<Running>,
    wallet: &Wallet,
    round: usize,
) -> Result<Vec<Answered>, Error> {
    let count = Arc::new(AtomicUsize::new(0));
    let client = |client: usize| {
        let (server, wallet, count) = (server.clone(), wallet.clone(), count.clone());
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for number in 0.. {
                let body = wallet.swipe(&format!("r{round}-c{client}-{number}"), "1.00");
                let Ok((status, answer)) = server.jit(&body).await else {
                    break;
                };
                assert!(matches!(status, 200 | 402), "{status} {answer:?}");
                answered.push(Answered { body, status, answer });
                if count.fetch_add(1, Ordering::Relaxed) + 1 == ANSWERS_A_ROUND {
                    kill(server.id()).expect("it runs");
                }
            }
            answered
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut answered = Vec::new();
    for client in clients {
        answered.extend(client.await?);
    }
    Ok(answered)
}
