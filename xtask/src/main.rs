//! Developer tasks, run as `cargo xtask <task>` from anywhere in the repository.

mod bench;
mod certs;
mod embedded;
mod layers;
mod say;
mod services;
mod tally;
mod test;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::say::say;

/// What went wrong, for the person at the terminal.
type Error = String;

/// Developer tasks of Bursar.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks the format, clippy, the layers and the embedded Bursar, then runs all tests.
    Test,
    /// Checks which crate uses which against the table in xtask/src/layers.rs.
    Layers,
    /// The real services that tests run against, for this checkout alone.
    Services {
        #[command(subcommand)]
        deed: services::Deed,
    },
    /// Makes a self-signed certificate for trying the stack of deploy/.
    Certs,
    /// Measures a Bursar against a do-nothing server, and prints a table.
    Bench {
        /// Passed on; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    if let Err(error) = enter_repository() {
        return failed(error);
    }
    match task {
        Task::Test => test::run(),
        Task::Layers => layers::run().map_or_else(failed, |()| ExitCode::SUCCESS),
        Task::Services { deed } => services::run(deed).map_or_else(failed, |()| ExitCode::SUCCESS),
        Task::Certs => certs::run().map_or_else(failed, |()| ExitCode::SUCCESS),
        Task::Bench { arguments } => bench::run(&arguments).map_or_else(failed, |()| ExitCode::SUCCESS),
    }
}

fn failed(error: Error) -> ExitCode {
    say(error);
    ExitCode::FAILURE
}

/// Every path and every command of a task is relative to the root.
fn enter_repository() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::set_current_dir(&root).map_err(|error| format!("cannot enter {}: {error}", root.display()))
}
