//! What events and queues cost a decision, and how fast they are.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Bursar;
use crate::table::{Row, Table};
use crate::{Arguments, Error, seconds, start, wrk};

/// A server that leaves events where they are: what it decides costs what it cost without queues.
const ROLES_WITHOUT: &str = "api,sweeper";

/// Loads without and with relay and consumers, in turn.
const ROUNDS: usize = 3;

/// Connections of each load.
const CONNECTIONS: u32 = 64;

/// Decisions a second of the open loop.
const RATE: u32 = 1000;

/// Queues with a consumer that an authorization's event comes to.
pub(crate) const CONSUMED: [&str; 2] = ["transaction-processing-queue", "events-queue"];

/// A relay's figures of an event, from the longest to the part that is not ours.
pub(crate) const PUBLISHED: [(&str, &str); 3] = [
    ("from decision to published", "age"),
    ("from commit to published", "publish"),
    ("of that RabbitMQ's", "confirm"),
];

/// An open loop, closed loops in turn, and how fast what they left is published.
pub(crate) async fn measure(arguments: &Arguments, table: &mut Table) -> Result<(), Error> {
    // With figures that know nothing of what was made, and before a million decisions, which the store cleans up after.
    let mut bursar = start(arguments, arguments.companies).await?.restart().await?;
    open_loop(arguments, &bursar, table).await?;
    let (mut without, mut with, mut relayed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bursar = bursar.restart_as(ROLES_WITHOUT).await?;
        without.push(said("swipes/s without", load(arguments, &bursar).await?));
        bursar = bursar.restart().await?;
        relayed.push(said("events/s published of the backlog", drain(&bursar, bursar.address()).await?));
        with.push(said("swipes/s with", load(arguments, &bursar).await?));
        said("events/s published of the backlog", drain(&bursar, bursar.address()).await?);
    }
    let (without, with) = (median(without), median(with));
    table.push(Row::value("swipes/s without relay and consumers", format!("{without:.0}")));
    table.push(Row::value("swipes/s with them", format!("{with:.0}, {:.2} x", with / without)));
    table.push(Row::value("events/s published of a backlog", format!("{:.0}", median(relayed))));
    bursar.stop_and_check().await
}

/// This takes minutes: whoever waits sees that it goes on.
fn said(what: &str, figure: f64) -> f64 {
    eprintln!("{figure:.0} {what}");
    figure
}

async fn load(arguments: &Arguments, bursar: &Bursar) -> Result<f64, Error> {
    bursar.tidy().await?;
    Ok(wrk::run(bursar.target(), CONNECTIONS, seconds(arguments)).await?.per_second)
}

/// Waits until all is published and consumed, as this instance sees it. How many events a second it published meanwhile.
pub(crate) async fn drain(bursar: &Bursar, instance: SocketAddr) -> Result<f64, Error> {
    let published = |profile: &Value| profile["relay"]["published"].as_f64().unwrap_or_default();
    let (before, began) = (published(&bursar.get(instance, "/v1/profile").await?), Instant::now());
    let mut rate = None;
    loop {
        let profile = bursar.get(instance, "/v1/profile").await?;
        let is_published = profile["relay"]["waiting"] == 0;
        if is_published && rate.is_none() {
            rate = Some((published(&profile) - before) / began.elapsed().as_secs_f64());
        }
        if let Some(rate) = rate.filter(|_| depth(&profile) == Some(0)) {
            return Ok(rate);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Messages that wait in the queues or with a consumer; `None` while the broker says nothing.
pub(crate) fn depth(profile: &Value) -> Option<u64> {
    let of = |name: &&str| {
        let queue = queue(profile, name)?;
        Some(queue["depth"].as_u64()? + queue["unacked"].as_u64()?)
    };
    CONSUMED.iter().map(of).sum()
}

pub(crate) fn queue<'a>(profile: &'a Value, name: &str) -> Option<&'a Value> {
    profile["queues"].as_array()?.iter().find(|queue| queue["queue"] == name)
}

async fn open_loop(arguments: &Arguments, bursar: &Bursar, table: &mut Table) -> Result<(), Error> {
    let mut deepest = 0;
    let watching = async {
        loop {
            deepest = deepest.max(depth(&bursar.profile().await?).unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let report = tokio::select! {
        report = bursar.simulate(RATE, seconds(arguments)) => report?,
        ended = watching => return ended,
    };
    drain(bursar, bursar.address()).await?;
    let profile = bursar.profile().await?;
    let p99 = |of: &Value| format!("{:.1} ms", of["p99_us"].as_f64().unwrap_or(f64::NAN) / 1000.0);
    let name = |what: &str| format!("open loop at {RATE}/s, {what}");
    table.push(Row::value(&name("decision, p99"), p99(&report["latency"])));
    for (what, figure) in PUBLISHED {
        table.push(Row::value(&name(&format!("{what}, p99")), p99(&profile["relay"][figure])));
    }
    for consumed in CONSUMED {
        let latency = queue(&profile, consumed).map_or(Value::Null, |queue| queue["consume"].clone());
        table.push(Row::value(&name(&format!("{consumed}, consume, p99")), p99(&latency)));
    }
    table.push(Row::value(&name("deepest"), deepest.to_string()));
    Ok(())
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
