//! `bursar serve`.

use std::pin::pin;
use std::process::ExitCode;

use crate::Failure;
use crate::cli::Serve;
use crate::wiring::{self, until_stopped};

/// Serves until Ctrl-C or SIGTERM, then finishes what runs.
pub(crate) fn serve(arguments: &Serve) -> Result<ExitCode, Failure> {
    let roles = arguments.roles.clone().map(|roles| ("server.roles", roles));
    let (config, _) = super::settings(&arguments.source, roles.as_slice())?;
    wiring::start_logs(&config)?;
    wiring::runtime()?.block_on(async {
        let mut stopped = pin!(until_stopped()?);
        let bursar = tokio::select! {
            bursar = wiring::start(&config) => bursar?,
            // Nothing was served, so nothing is to be finished, and a look-up of a name could not be ended.
            () = &mut stopped => std::process::exit(0),
        };
        super::print(&bursar.greeting(&config))?;
        super::print(&format!("listening on {}", bursar.url()))?;
        match bursar.run(stopped).await {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // To put everything away in order would wait for the store, and it may hang.
            Err(error) => {
                eprintln!("bursar: {error}");
                std::process::exit(1)
            }
        }
    })
}
