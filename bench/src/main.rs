//! Measures a Bursar against a do-nothing server: one run, one machine, one table.
//!
//! Both get the same requests from the same client (`wrk`), so the ratio means something where
//! absolute times do not. The Bursar is the release binary with everything on, and `bursar check`
//! has to pass on its books afterwards.

mod reference;
mod server;
mod table;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
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
    let seconds = Duration::from_secs(arguments.seconds);
    let mut table = Table::default();
    for &connections in &arguments.connections {
        let reference = server::Reference::start().await?;
        let base = wrk::run(reference.target(), connections, seconds).await?;
        table.push(Row::load("do-nothing server", connections, &base, None));
        drop(reference);
        for (name, companies) in [("bursar, spread", arguments.companies), ("bursar, one account", 1)] {
            let bursar = server::Bursar::start(&arguments.bursar, companies, !arguments.no_controls).await?;
            let load = wrk::run(bursar.target(), connections, seconds).await?;
            table.push(Row::load(name, connections, &load, Some(&base)));
            bursar.stop_and_check().await?;
        }
    }
    table.print();
    if arguments.loads_only {
        return Ok(());
    }
    table.clear();
    let bursar = server::Bursar::start(&arguments.bursar, 1, !arguments.no_controls).await?;
    table.push(Row::value("start to ready, empty folder", format!("{} ms", bursar.start_ms())));
    bursar.decide(100_000).await?;
    table.push(Row::value("resident after 100,000 authorizations", format!("{} MB", bursar.resident_mb()?)));
    let restarted = bursar.restart().await?;
    table.push(Row::value("start to ready, 100,000 authorizations", format!("{} ms", restarted.start_ms())));
    for (name, latency) in restarted.open_loop(1000, seconds).await? {
        table.push(Row::value(&format!("open loop at 1,000/s, {name}"), latency));
    }
    restarted.stop_and_check().await?;
    for stored in [10_000, 1_000_000] {
        let bursar =
            server::Bursar::start(&arguments.bursar, arguments.companies, !arguments.no_controls).await?;
        bursar.decide(stored).await?;
        for (name, latency) in bursar.open_loop(1000, seconds).await? {
            let name = format!("open loop at 1,000/s with {stored} authorizations stored, {name}");
            table.push(Row::value(&name, latency));
        }
        bursar.stop_and_check().await?;
    }
    table.print();
    Ok(())
}
