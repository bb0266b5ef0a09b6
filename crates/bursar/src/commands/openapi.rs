//! `bursar openapi`.

use std::process::ExitCode;

use crate::Failure;

/// Prints the description of `/v1` that the server gives at `/openapi.json`.
pub(crate) fn openapi() -> Result<ExitCode, Failure> {
    super::print(&bursar_server::openapi_json())?;
    Ok(ExitCode::SUCCESS)
}
