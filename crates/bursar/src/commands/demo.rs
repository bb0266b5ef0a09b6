//! `bursar demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bursar_simulator::world::PROGRAM_NAME;
use bursar_simulator::{Habits, ProcessorApi};

use crate::Failure;
use crate::cli::Demo;
use crate::config::Config;
use crate::credentials::ApiTokens;
use crate::wiring;

use super::simulate::{Driven, drive};

/// Where the demo keeps its data unless told otherwise: never in a real server's folder.
const FOLDER: &str = "bursar-demo";

/// How often each of the network's habits shows unless told otherwise, in percent.
const HABITS_PERCENT: u32 = 5;

/// A demo is short: what the processor does not confirm it is asked about after a few seconds, whatever else is set.
const ASKING_SOON: [(&str, &str); 4] = [
    ("sweeper.switch", "on"),
    ("sweeper.interval_s", "1"),
    ("sweeper.unconfirmed_after_s", "5"),
    ("marqeta.timeout_ms", "5000"),
];

/// Serves, swipes and judges: `bursar check` on the books, the simulator on the decisions.
pub(crate) fn demo(arguments: &Demo) -> Result<ExitCode, Failure> {
    let folder = arguments.source.data_dir.is_none().then(|| ("data.dir", FOLDER.to_owned()));
    let mut overrides: Vec<(&str, String)> = folder.into_iter().collect();
    overrides.push(("log.level", "error".to_owned()));
    // Nobody real is asked about what is made up.
    overrides.push(("marqeta.base_url", String::new()));
    let (config, _) = super::settings(&arguments.source, &overrides)?;
    wiring::start_logs(&config)?;
    let runtime = wiring::runtime()?;
    let tokens = ApiTokens::random();
    let api = runtime.block_on(bind_api(&config, arguments, &tokens))?;
    if let Some(api) = &api {
        overrides.push(("marqeta.base_url", api.url()));
        overrides.extend(ASKING_SOON.map(|(key, value)| (key, value.to_owned())));
    }
    let (config, _) = super::settings(&arguments.source, &overrides)?;
    let mut driven = runtime.block_on(serve_and_drive(&config, tokens, api, arguments))?;
    driven.check = Some(super::check::check_books(&config)?.findings);
    driven.print(arguments.load.json)?;
    Ok(if driven.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The processor's API, where it has anything to tell, and the ledger nothing that it does not know.
async fn bind_api(
    config: &Config,
    arguments: &Demo,
    tokens: &ApiTokens,
) -> Result<Option<ProcessorApi>, Failure> {
    if arguments.load.swipes_only {
        return Ok(None);
    }
    if wiring::has_programs_beside(config, PROGRAM_NAME).await? {
        eprintln!(
            "the ledger has programs of others: nobody is asked about their holds, nor about the demo's"
        );
        return Ok(None);
    }
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Some(ProcessorApi::bind(any, &tokens.application, &tokens.access).await?))
}

/// The server stops before its books are checked: what it still had to write is written.
async fn serve_and_drive(
    config: &Config,
    tokens: ApiTokens,
    api: Option<ProcessorApi>,
    arguments: &Demo,
) -> Result<Driven, Failure> {
    let bursar = wiring::start_with(config, Some(tokens)).await?;
    eprintln!("{}\n", bursar.greeting(config));
    let (url, credentials) = (bursar.url(), bursar.credentials.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(bursar.run(async {
        let _ = stopped.await;
    }));
    let driven = drive(&url, &credentials, api, &arguments.load, Habits::all(HABITS_PERCENT)).await;
    let _ = stop.send(());
    serving.await??;
    driven
}
