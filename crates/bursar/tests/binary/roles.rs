//! Instances on one PostgreSQL and one RabbitMQ that share the work by roles.

use std::process::Stdio;
use std::time::Instant;

use bursar_testkit::{MongoPlace, RabbitPlace, Store};
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running, report};
use crate::home::Home;
use crate::simulate::simulate_at;

/// Starts one that does this part of the work.
fn start(
    home: &Home,
    (rabbitmq, mongodb): &(RabbitPlace, MongoPlace),
    roles: &str,
) -> Result<Running, Error> {
    let mut command = home.bursar(&["serve", "--roles", roles]);
    command.env("BURSAR__RABBITMQ__URL", rabbitmq.url()).env("BURSAR__MONGODB__URL", mongodb.url());
    Running::launch(command, home.folder())
}

fn queue<'a>(profile: &'a Value, name: &str) -> &'a Value {
    let queues = profile["queues"].as_array().map(Vec::as_slice).unwrap_or_default();
    queues.iter().find(|queue| queue["queue"] == name).unwrap_or(&Value::Null)
}

/// Waits until the profile of the one is so.
async fn until(server: &Running, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value, Error> {
    let began = Instant::now();
    loop {
        let profile = server.get("/v1/profile").await?;
        if is_so(&profile) {
            return Ok(profile);
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}: {profile}");
    }
}

/// All that there is of a list, page after page.
async fn all(server: &Running, path: &str) -> Result<Vec<Value>, Error> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}?limit=100{after}")).await?;
        items.extend(page["items"].as_array().ok_or_else(|| page.to_string())?.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(items),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_and_workers_share_the_work_and_one_of_them_may_be_killed() -> Result<(), Error> {
    let (home, services) = (Home::on(Store::Postgres)?, (RabbitPlace::new().await, MongoPlace::new()));
    let api = start(&home, &services, "api,sweeper")?;
    let [dying, other] = [(); 2].map(|()| start(&home, &services, "relay,worker"));
    let (dying, other) = (dying?, other?);
    let mut simulation = simulate_at("100", &api);
    let simulation =
        simulation.args(["--for", "8s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let has_share = |profile: &Value| {
        let done = |name| queue(profile, name)["done"].as_u64().unwrap_or_default();
        let queues = ["transaction-processing-queue", "events-queue", "webhook-queue"];
        profile["relay"]["published"].as_u64() >= Some(20) && queues.iter().all(|name| done(name) >= 20)
    };
    until(&dying, "it has its share", has_share).await?;
    dying.kill()?;
    until(&other, "the other has its share", has_share).await?;
    let simulated = report(&simulation.wait_with_output()?)?;
    assert_eq!(simulated["verdicts"], json!({"simulator": "passed"}), "{simulated}");
    let is_done = |profile: &Value| {
        let waiting = |queue: &Value| {
            ["depth", "paused", "unacked"].iter().map(|of| queue[*of].as_u64().unwrap_or(1)).sum::<u64>()
        };
        let queues = profile["queues"].as_array().map(Vec::as_slice).unwrap_or_default();
        profile["relay"]["waiting"] == 0 && !queues.is_empty() && queues.iter().all(|of| waiting(of) == 0)
    };
    let profile = until(&api, "all is published and consumed", is_done).await?;
    assert_eq!((&profile["relay"]["published"], &profile["dead_letters"]), (&json!(0), &json!(0)));
    let purchases = all(&api, "/v1/transactions").await?;
    let records = all(&api, "/v1/transaction-records").await?;
    assert!(!records.is_empty());
    assert_eq!(records.len(), purchases.len());
    for record in &records {
        let path = format!("/v1/transactions/{}", record["id"].as_str().unwrap_or_default());
        let told = api.get(&path).await?;
        assert_eq!((&record["status"], &record["amount"]), (&told["status"], &told["amount"]), "{path}");
    }
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}
