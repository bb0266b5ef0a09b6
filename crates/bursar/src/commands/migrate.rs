//! `bursar migrate`.

use std::fmt::Write;
use std::process::ExitCode;

use bursar_store::schema::Schema;

use crate::Failure;
use crate::cli::Migrate;
use crate::place::Place;
use crate::services::postgres;
use crate::wiring;

/// Brings the schema of a ledger up to date, or says what would run.
pub(crate) fn migrate(arguments: &Migrate) -> Result<ExitCode, Failure> {
    let (config, _) = super::settings(&arguments.source, &[])?;
    let (place, runtime) = (Place::of(&config)?, wiring::runtime()?);
    let schema = match (&place, arguments.dry_run) {
        (Place::Postgres(options), true) => runtime.block_on(postgres::schema(options)),
        (Place::Postgres(options), false) => runtime.block_on(postgres::migrate(options)),
        (Place::Folder(folder), true) => bursar_store_sqlite::schema(folder),
        (Place::Folder(folder), false) => bursar_store_sqlite::migrate(folder),
    };
    let schema = schema.map_err(|error| place.failed(&error, "--data-dir"))?;
    let text = match arguments.json {
        true => json(&schema, arguments.dry_run)?,
        false => describe(&schema, arguments.dry_run),
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn json(schema: &Schema, dry_run: bool) -> Result<String, Failure> {
    let mut json = serde_json::to_value(schema)?;
    json["dry_run"] = dry_run.into();
    Ok(json.to_string())
}

/// With the statements where they have not run yet.
fn describe(schema: &Schema, dry_run: bool) -> String {
    let Schema { found, known, pending } = schema;
    if pending.is_empty() {
        return format!("the schema is up to date: version {found}");
    }
    let what = if dry_run { "would run" } else { "ran" };
    let mut text = format!("the schema had version {found}, and this Bursar's is {known}; {what}:");
    if dry_run {
        text = text.replacen("had", "has", 1);
    }
    for migration in pending {
        let _ = write!(text, "\n  V{} {}", migration.version, migration.name);
        if dry_run {
            migration.sql.trim_end().lines().for_each(|line| {
                let _ = write!(text, "\n    {line}");
            });
        }
    }
    text
}
