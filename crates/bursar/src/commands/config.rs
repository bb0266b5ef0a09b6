//! `bursar config`.

use std::process::ExitCode;

use crate::Failure;
use crate::cli::Config;
use crate::credentials;

/// Prints every setting, its value and where it came from.
pub(crate) fn config(arguments: &Config) -> Result<ExitCode, Failure> {
    let (config, mut effective) = super::settings(&arguments.source, &[])?;
    let file = &config.credentials.file;
    // Before the first start there are none, and this command is not the one to make them.
    if file.exists() {
        effective.add_credentials(file, &credentials::load(file)?);
    }
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&effective)?,
        false => effective.to_string(),
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
