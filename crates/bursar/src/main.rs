//! The binary: configuration, wiring, commands.

mod cli;
mod commands;

mod config;
mod credentials;
mod descriptors;
mod embedded_queues;
mod place;
mod services;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use bursar_http_client::with_causes;
use clap::Parser;

use cli::{Cli, Command};

/// What a command fails with: one line for the operator, and what to do.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An answer is made of many small pieces, which the system's own allocator takes longer for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = match command {
        Command::Serve(arguments) => commands::serve(&arguments),
        Command::Demo(arguments) => commands::demo(&arguments),
        Command::Simulate(arguments) => commands::simulate(&arguments),
        Command::Check(arguments) => commands::check(&arguments),
        Command::Copy(arguments) => commands::copy(&arguments),
        Command::Migrate(arguments) => commands::migrate(&arguments),
        Command::Rebuild(arguments) => commands::rebuild(&arguments),
        Command::Dlq(arguments) => commands::dlq(&arguments),
        Command::Probe(arguments) => commands::probe(&arguments),
        Command::Config(arguments) => commands::config(&arguments),
        Command::Openapi => commands::openapi(),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("bursar: {}", with_causes(failure.as_ref()));
        ExitCode::FAILURE
    })
}
