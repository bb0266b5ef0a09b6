//! Logs: to standard error, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the logs. `RUST_LOG` outranks the level. What the migrations say at each first start is
/// no news to an operator.
pub(crate) fn start(level: &str, json: bool) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{level},refinery_core=warn")));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A second start, by a test, changes nothing.
    let _ = match json {
        true => builder.json().try_init(),
        false => builder.try_init(),
    };
}
