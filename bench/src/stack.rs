//! The whole stack on this machine: nginx, two instances and every service, and each target that there is for them.

use std::net::SocketAddr;
use std::time::Duration;

use bursar_http_client::HttpClient;
use serde_json::Value;

use crate::front::Front;
use crate::reads::{self, Taken};
use crate::server::{self, Bursar};
use crate::table::{Row, Table};
use crate::{Arguments, Error, queues, seconds, start, wrk};

/// Requests a second of the open loops.
const RATE: u32 = 1000;

/// Connections of the closed loop.
const CONNECTIONS: u32 = 64;

const PERSONS: usize = 50;

/// Companies of the simulator's world.
const COMPANIES: &str = "50";

/// What is read of PostgreSQL each time, and what of MongoDB; the rest may come from a cache.
const OF_POSTGRES: [&str; 3] = ["account", "card", "transaction"];
const OF_MONGODB: [&str; 3] = ["profile", "wallets", "history"];
const CACHED: [&str; 2] = ["cardholder", "control"];

/// The instances behind nginx. The second ends with this.
struct Stack {
    bursar: Bursar,
    other: tokio::process::Child,
    addresses: [SocketAddr; 2],
    front: Front,
}

/// Figures that are looked at again and again, at their worst.
#[derive(Default)]
struct Worst {
    depth: u64,
    utilisation: f64,
}

pub(crate) async fn measure(arguments: &Arguments, table: &mut Table) -> Result<(), Error> {
    let mut stack = Stack::start(arguments).await?;
    let mut worst = Worst::default();
    let report = tokio::select! {
        report = stack.swipes(seconds(arguments)) => report?,
        ended = stack.watch(&mut worst) => return ended,
    };
    for address in stack.addresses {
        queues::drain(&stack.bursar, address).await?;
    }
    let profiles = stack.profiles().await?;
    decisions(&report, &profiles, table);
    messages(&profiles, &worst, table);
    hits(&profiles, table);
    stack.note_transactions().await?;
    let taken = tokio::select! {
        taken = stack.reads(seconds(arguments)) => taken?,
        ended = stack.watch(&mut worst) => return ended,
    };
    answers(&taken, table)?;
    services(&stack, &worst, table).await?;
    closed_loop(&stack, seconds(arguments), table).await?;
    server::end(&mut stack.other).await?;
    stack.bursar.stop_and_check().await
}

impl Stack {
    /// With some purchases made already, and figures that know nothing of them.
    async fn start(arguments: &Arguments) -> Result<Self, Error> {
        let mut bursar = start(arguments, arguments.companies).await?;
        bursar.admit(PERSONS).await?;
        wrk::run(bursar.target(), CONNECTIONS, Duration::from_secs(1)).await?;
        queues::drain(&bursar, bursar.address()).await?;
        let bursar = bursar.restart().await?;
        let (other, address) = bursar.beside().await?;
        let addresses = [bursar.address(), address];
        Ok(Self { front: Front::before(addresses)?, bursar, other, addresses })
    }

    async fn swipes(&self, time: Duration) -> Result<Value, Error> {
        let at = (&*self.front.url(), Some(&*self.front.trusted()));
        self.bursar.simulate_at(at, &["--companies", COMPANIES], RATE, time).await
    }

    async fn note_transactions(&mut self) -> Result<(), Error> {
        let list = self.bursar.get(self.addresses[0], "/v1/transactions?limit=200").await?;
        for item in list["items"].as_array().into_iter().flatten() {
            let path = format!("/v1/transactions/{}", item["id"].as_str().unwrap_or_default());
            self.bursar.target.readable.push(("transaction", path));
        }
        Ok(())
    }

    /// Of everything that can be read in turn, as many of each kind.
    async fn reads(&self, time: Duration) -> Result<Taken, Error> {
        let (http, url) = (HttpClient::trusting(&self.front.trusted(), None)?, self.front.url());
        let readable = &self.bursar.target.readable;
        let kinds = OF_POSTGRES.into_iter().chain(OF_MONGODB).chain(CACHED);
        let mut each: Vec<_> =
            kinds.map(|kind| readable.iter().filter(move |(of, _)| *of == kind).cycle()).collect();
        let count = each.len();
        let mixed: Vec<_> = (0..count * 1000).filter_map(|at| each[at % count].next().cloned()).collect();
        reads::run((&http, &url, self.bursar.api_key()), &mixed, RATE, time).await
    }

    async fn profiles(&self) -> Result<[Value; 2], Error> {
        let [one, other] = self.addresses;
        Ok([self.bursar.get(one, "/v1/profile").await?, self.bursar.get(other, "/v1/profile").await?])
    }

    /// Until it is dropped.
    async fn watch(&self, worst: &mut Worst) -> Result<(), Error> {
        loop {
            for profile in self.profiles().await? {
                worst.depth = worst.depth.max(queues::depth(&profile).unwrap_or_default());
                let pools = profile["pools"].as_array().cloned().unwrap_or_default();
                let used = pools.iter().filter_map(|pool| pool["utilisation"].as_f64());
                worst.utilisation = used.fold(worst.utilisation, f64::max);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// How much of what was looked up is found, by level.
fn hits(profiles: &[Value; 2], table: &mut Table) {
    let rate = |level: &str| {
        let rates = profiles.iter().map(|profile| profile["cache"][level]["hit_rate"].as_f64());
        rates
            .map(|rate| rate.map_or("-".to_owned(), |rate| format!("{rate:.3}")))
            .collect::<Vec<_>>()
            .join(", ")
    };
    table.push(Row::aimed("found in memory, of each instance", rate("memory"), "over 0.8"));
    table.push(Row::aimed("found in Redis of what was not", rate("shared"), "over 0.8"));
}

/// What the processor sees of its swipes, and what the server does in that time.
fn decisions(report: &Value, profiles: &[Value; 2], table: &mut Table) {
    let seen = |name: &str| ms(&report["latency"][name]);
    let mut row = |name: &str, value: String, aim: &str| table.push(Row::aimed(name, value, aim));
    row("swipes at 1,000/s through nginx, p50", seen("p50_us"), "");
    row("p95", seen("p95_us"), "10 ms (200)");
    row("p99", seen("p99_us"), "20 ms (500)");
    row("p99.9", seen("p999_us"), "50 ms");
    for (name, stages, aim) in [
        ("each lookup of a decision", &["user_lookup", "card_lookup", "limits_lookup"][..], "10 ms"),
        ("its wait for the next batch", &["queue_wait"], ""),
        ("its locks and reads", &["load"], ""),
        ("the decision", &["decision"], "5 ms"),
        ("its commit by PostgreSQL", &["commit"], "50 ms"),
        ("all of an authorization", &["total"], "100 ms"),
    ] {
        let quantile = |name: &str| {
            let of = profiles.iter().flat_map(|profile| stages.iter().map(move |of| stage(profile, of)));
            of.filter_map(|stage| stage[name].as_f64()).fold(0.0, f64::max) / 1000.0
        };
        row(
            &format!("{name}, p95 and p99"),
            format!("{:.1}, {:.1} ms", quantile("p95_us"), quantile("p99_us")),
            aim,
        );
    }
}

fn stage<'a>(profile: &'a Value, name: &str) -> &'a Value {
    let all = profile["windows"].as_array().and_then(|windows| windows.last());
    let stages = all.and_then(|all| all["stages"].as_array());
    stages.and_then(|stages| stages.iter().find(|stage| stage["stage"] == name)).unwrap_or(&Value::Null)
}

fn messages(profiles: &[Value; 2], worst: &Worst, table: &mut Table) {
    let slowest = |of: &dyn Fn(&Value) -> Value| {
        let each = profiles.iter().map(of);
        let us = each.filter_map(|latency| latency["p99_us"].as_f64()).fold(f64::NAN, f64::max);
        format!("{:.1} ms", us / 1000.0)
    };
    for (what, figure) in queues::PUBLISHED {
        let published = slowest(&|profile| profile["relay"][figure].clone());
        table.push(Row::aimed(&format!("{what}, p99"), published, "10 ms"));
    }
    for name in queues::CONSUMED {
        let consume =
            slowest(&|profile| queues::queue(profile, name).map_or(Value::Null, |of| of["consume"].clone()));
        table.push(Row::aimed(&format!("{name}: consumed, p99"), consume, "50 ms"));
    }
    table.push(Row::aimed("deepest queue", worst.depth.to_string(), "1,000"));
}

fn answers(taken: &Taken, table: &mut Table) -> Result<(), Error> {
    for (name, kinds, aim) in [
        ("API reads at 1,000/s through nginx", &[][..], "20 ms"),
        ("what is read of PostgreSQL each time", &OF_POSTGRES, "50 ms"),
        ("what is read of MongoDB each time", &OF_MONGODB, "50 ms"),
        ("what a cache may have", &CACHED, "5 ms"),
    ] {
        let [p95, p99] = [taken.quantile(kinds, 0.95)?, taken.quantile(kinds, 0.99)?];
        table.push(Row::aimed(&format!("{name}, p95 and p99"), format!("{p95:.1}, {p99:.1} ms"), aim));
    }
    Ok(())
}

async fn services(stack: &Stack, worst: &Worst, table: &mut Table) -> Result<(), Error> {
    let health = stack.bursar.get(stack.addresses[0], "/health").await?;
    if health["status"] != "healthy" {
        return Err(format!("the stack is not healthy: {health}").into());
    }
    let used = format!("{:.0} %", worst.utilisation * 100.0);
    table.push(Row::aimed("busiest pool of PostgreSQL's connections", used, "60 to 80 %"));
    let bytes = health["details"]["redis"]["condition"]["memory_bytes"].as_f64().unwrap_or(f64::NAN);
    table.push(Row::aimed("memory of Redis", format!("{:.0} MB", bytes / 1e6), "500 MB"));
    Ok(())
}

async fn closed_loop(stack: &Stack, time: Duration, table: &mut Table) -> Result<(), Error> {
    let mut target = stack.bursar.target().clone();
    target.url = format!("{}/jit/marqeta", stack.front.url());
    let load = wrk::run(&target, CONNECTIONS, time).await?;
    let name = format!("swipes a second, {CONNECTIONS} connections through nginx");
    table.push(Row::aimed(&name, format!("{:.0}", load.per_second), "1,000"));
    table.push(Row::aimed(
        "their p99, and broken connections",
        format!("{}, {}", load.p99, load.errors),
        "500 ms, 0",
    ));
    Ok(())
}

fn ms(us: &Value) -> String {
    format!("{:.1} ms", us.as_f64().unwrap_or(f64::NAN) / 1000.0)
}
