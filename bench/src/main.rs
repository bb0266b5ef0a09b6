//! Measures a Bursar against a do-nothing server: one run, one machine, one table.
//!
//! Both get the same requests from the same client (`wrk`), so the ratio means something where
//! absolute times do not. The Bursar is the release binary with everything on, and `bursar check`
//! has to pass on its books afterwards.

mod front;
mod machine;
mod postgres;
mod queues;
mod reads;
mod reference;
mod server;
mod stack;
mod table;
mod world;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use server::Services;
use table::{Row, Table};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Measures a Bursar against a do-nothing server.
#[derive(Debug, Parser)]
struct Arguments {
    /// The release binary to measure.
    #[arg(long, default_value = "target/release/bursar")]
    bursar: PathBuf,
    /// How long each load runs, in seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Companies, each with one account, that the spread load is spread over.
    #[arg(long, default_value_t = 100)]
    companies: usize,
    /// Open connections of the closed-loop loads.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<u32>,
    /// Cards without spending controls: otherwise each has three limits and a list of categories.
    #[arg(long)]
    no_controls: bool,
    /// Keep the ledger on this PostgreSQL server, in databases made for it; the role has to be allowed to make
    /// them.
    #[arg(long, value_name = "URL", env = "BURSAR_BENCH_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// Have the queues on this RabbitMQ, in a virtual host that nobody else uses.
    #[arg(long, value_name = "URL", env = "BURSAR_BENCH_RABBITMQ_URL", hide_env_values = true)]
    rabbitmq: Option<String>,
    /// Cache in this Redis, which is emptied by nobody.
    #[arg(long, value_name = "URL", env = "BURSAR_BENCH_REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// Have the documents of persons in this MongoDB, in a database of their own, which stays.
    #[arg(long, value_name = "URL", env = "BURSAR_BENCH_MONGODB_URL", hide_env_values = true)]
    mongodb: Option<String>,
    /// Only the whole stack: nginx, two instances, every service.
    #[arg(long, requires_all = ["postgres", "rabbitmq", "redis", "mongodb"], conflicts_with_all = ["queues", "loads_only"])]
    stack: bool,
    /// Only what events and queues cost, and how fast they are.
    #[arg(long, requires_all = ["postgres", "rabbitmq", "mongodb"], conflicts_with = "loads_only")]
    queues: bool,
    /// Only the closed-loop loads.
    #[arg(long)]
    loads_only: bool,
    /// Serve the do-nothing reference on this port and do nothing else.
    #[arg(long, hide = true)]
    reference: Option<u16>,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.reference {
        Some(port) => runtime.block_on(reference::serve(port)),
        None => runtime.block_on(measure(&arguments)),
    }
}

/// Each load runs against both servers, one after the other, a moment apart.
async fn measure(arguments: &Arguments) -> Result<(), Error> {
    let mut table = Table::default();
    if arguments.queues {
        tokio::task::block_in_place(|| machine::measure(&mut table))?;
        queues::measure(arguments, &mut table).await?;
        table.print();
        return Ok(());
    }
    if arguments.stack {
        tokio::task::block_in_place(|| machine::measure(&mut table))?;
        table.print();
        table.clear();
        stack::measure(arguments, &mut table).await?;
        table.print();
        return Ok(());
    }
    let best = loads(arguments, &mut table).await?;
    if let Some(postgres) = &arguments.postgres {
        one_transaction_each(arguments, postgres, best, &mut table).await?;
    }
    table.print();
    if arguments.loads_only {
        return Ok(());
    }
    table.clear();
    tokio::task::block_in_place(|| machine::measure(&mut table))?;
    figures(arguments, &mut table).await?;
    table.print();
    Ok(())
}

fn seconds(arguments: &Arguments) -> Duration {
    Duration::from_secs(arguments.seconds)
}

async fn start(arguments: &Arguments, companies: usize) -> Result<server::Bursar, Error> {
    let services = Services {
        postgres: arguments.postgres.as_deref(),
        rabbitmq: arguments.rabbitmq.as_deref(),
        redis: arguments.redis.as_deref(),
        mongodb: arguments.mongodb.as_deref(),
    };
    server::Bursar::start(&arguments.bursar, services, companies, !arguments.no_controls).await
}

/// Closed loops. Returns how many authorizations a second the last spread load had.
async fn loads(arguments: &Arguments, table: &mut Table) -> Result<f64, Error> {
    let mut last = 0.0;
    for &connections in &arguments.connections {
        let reference = server::Reference::start().await?;
        let base = wrk::run(reference.target(), connections, seconds(arguments)).await?;
        table.push(Row::load("do-nothing server", connections, &base, None));
        drop(reference);
        for (name, companies) in [("bursar, one account", 1), ("bursar, spread", arguments.companies)] {
            let bursar = start(arguments, companies).await?;
            let load = wrk::run(bursar.target(), connections, seconds(arguments)).await?;
            table.push(Row::load(name, connections, &load, Some(&base)));
            bursar.stop_and_check().await?;
            last = load.per_second;
        }
    }
    Ok(last)
}

/// What the same PostgreSQL does for who gives each authorization a transaction.
async fn one_transaction_each(
    arguments: &Arguments,
    postgres: &str,
    bursar: f64,
    table: &mut Table,
) -> Result<(), Error> {
    table.print();
    table.clear();
    for clients in [16, 64] {
        for (name, accounts) in [("spread", arguments.companies), ("one account", 1)] {
            let rate =
                postgres::one_transaction_each(postgres, accounts, clients, seconds(arguments)).await?;
            let name = format!("a transaction each, {clients} clients, {name}");
            table
                .push(Row::value(&name, format!("{rate:.0}/s; bursar, spread, does {:.1} x", bursar / rate)));
        }
    }
    Ok(())
}

async fn figures(arguments: &Arguments, table: &mut Table) -> Result<(), Error> {
    let bursar = start(arguments, 1).await?;
    table.push(Row::value("start to ready, empty ledger", format!("{} ms", bursar.start_ms())));
    bursar.decide(100_000).await?;
    table.push(Row::value("resident after 100,000 authorizations", format!("{} MB", bursar.resident_mb()?)));
    let restarted = bursar.restart().await?;
    table.push(Row::value("start to ready, 100,000 authorizations", format!("{} ms", restarted.start_ms())));
    for (name, latency) in restarted.open_loop(1000, seconds(arguments)).await? {
        table.push(Row::value(&format!("open loop at 1,000/s, {name}"), latency));
    }
    restarted.stop_and_check().await?;
    for stored in [10_000, 1_000_000] {
        let bursar = start(arguments, arguments.companies).await?;
        bursar.decide(stored).await?;
        for (name, latency) in bursar.open_loop(1000, seconds(arguments)).await? {
            let name = format!("open loop at 1,000/s with {stored} authorizations stored, {name}");
            table.push(Row::value(&name, latency));
        }
        bursar.stop_and_check().await?;
    }
    Ok(())
}
