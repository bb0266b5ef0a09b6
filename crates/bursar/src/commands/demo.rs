//! `bursar demo`.

use std::process::ExitCode;

use bursar_simulator::Habits;

use crate::Failure;
use crate::cli::Demo;
use crate::config::Config;
use crate::wiring;

use super::simulate::{Driven, drive};

/// Where the demo keeps its data unless told otherwise: never in a real server's folder.
const FOLDER: &str = "bursar-demo";

/// How often each of the network's habits shows unless told otherwise, in percent.
const HABITS_PERCENT: u32 = 5;

/// Serves, swipes and judges: `bursar check` on the books, the simulator on the decisions.
pub(crate) fn demo(arguments: &Demo) -> Result<ExitCode, Failure> {
    let folder = arguments.source.data_dir.is_none().then(|| ("data.dir", FOLDER.to_owned()));
    let quiet = ("log.level", "error".to_owned());
    let overrides: Vec<(&str, String)> = folder.into_iter().chain([quiet]).collect();
    let (config, _) = super::settings(&arguments.source, &overrides)?;
    wiring::start_logs(&config)?;
    let mut driven = wiring::runtime()?.block_on(serve_and_drive(&config, arguments))?;
    driven.check = Some(super::check::check_books(&config)?.findings);
    driven.print(arguments.load.json)?;
    Ok(if driven.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server stops before its books are checked: what it still had to write is written.
async fn serve_and_drive(config: &Config, arguments: &Demo) -> Result<Driven, Failure> {
    let bursar = wiring::start(config).await?;
    eprintln!("{}\n", bursar.greeting(config));
    let (url, credentials) = (bursar.url(), bursar.credentials.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(bursar.run(async {
        let _ = stopped.await;
    }));
    let driven = drive(&url, &credentials, &arguments.load, Habits::all(HABITS_PERCENT)).await;
    let _ = stop.send(());
    serving.await??;
    driven
}
