//! `bursar rebuild`.

use std::process::ExitCode;
use std::time::Duration;

use bursar_server::workers::people::{Following, Rebuilt};
use jiff::Timestamp;

use crate::Failure;
use crate::cli::{Rebuild, RebuildCommand};
use crate::config::Config;
use crate::wiring;

/// Clocks of instances on one MongoDB differ by less.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Makes what persons see of cards, wallets and purchases anew from the ledger.
pub(crate) fn rebuild(arguments: &Rebuild) -> Result<ExitCode, Failure> {
    let RebuildCommand::Documents { source, json } = &arguments.what;
    let (config, _) = super::settings(source, &[])?;
    let rebuilt = wiring::runtime()?.block_on(documents(&config))?;
    let text = match json {
        true => serde_json::to_string(&rebuilt)?,
        false => describe(&rebuilt),
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn documents(config: &Config) -> Result<Rebuilt, Failure> {
    let (ledger, people) = wiring::open_documents(config).await?;
    let began_at = match config.mongodb.url {
        Some(_) => Timestamp::now() - CLOCKS_APART,
        // Nobody else has them.
        None => Timestamp::now(),
    };
    let bar = super::drawn::block(false);
    let show = |so_far: &Rebuilt| bar.set_message(describe(so_far));
    let rebuilt = Following::new(ledger.as_ref(), &people).rebuild(began_at, &show).await;
    bar.finish_and_clear();
    rebuilt.map_err(|error| {
        format!("{error}\n  the rebuild is not finished; the same command begins again, and harms nothing")
            .into()
    })
}

fn describe(rebuilt: &Rebuilt) -> String {
    let Rebuilt { persons, purchases, forgotten } = rebuilt;
    format!(
        "{persons} persons with {purchases} purchases made anew; {forgotten} documents that the ledger does not have are gone"
    )
}
