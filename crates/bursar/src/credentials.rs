//! The secrets of an instance: one TOML file that only its owner can read, written at the first start.

mod create;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bursar_documents::DocumentsKey;
use bursar_processors::marqeta;
use bursar_server::QuarantineKey;
use secrecy::SecretString;

use crate::config::located;

/// The fields that hold keys of this instance's own.
const QUARANTINE_KEY: &str = "quarantine_key";
const DOCUMENTS_KEY: &str = "documents_key";

/// What callers have to present, and what secrets the instance has of its own. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The key of `/v1`.
    pub(crate) api_key: SecretString,
    /// What Marqeta sends with a just-in-time funding request.
    pub(crate) marqeta: marqeta::Credentials,
    /// What Marqeta's Core API is asked with, if it is.
    pub(crate) marqeta_api: Option<ApiTokens>,
    /// What notices that nobody can read are sealed with; a server adds one to a file that has none.
    pub(crate) quarantine_key: Option<QuarantineKey>,
    /// What wraps the keys of persons; added in the same way.
    pub(crate) documents_key: Option<DocumentsKey>,
}

/// User name and password of Marqeta's Core API.
#[derive(Debug, Clone)]
pub(crate) struct ApiTokens {
    pub(crate) application: SecretString,
    pub(crate) access: SecretString,
}

impl ApiTokens {
    /// Those of a simulated API.
    pub(crate) fn random() -> Self {
        Self { application: create::secret().into(), access: create::secret().into() }
    }
}

/// Why there are no credentials. Never shows a secret, and always what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file system refused.
    #[error("the credentials file {path} cannot be {action}: {source}; check the folder and its owner")]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    /// Others could read or replace the secrets.
    #[error("the credentials file {path} is open to other users (mode {mode:04o}): run chmod 600 {path}")]
    Open { path: PathBuf, mode: u32 },
    /// The file does not say what it has to.
    #[error("the credentials file {path} is not right:{}", list(problems))]
    Broken { path: PathBuf, problems: Vec<String> },
}

/// Reads the credentials, and writes new random ones first if there is no file; keys of the instance's own are
/// added to a file that has none. The flag says whether this start wrote the file, so that it can say where it is.
///
/// # Errors
/// A file that cannot be read or written, that others can read, or that is not right.
pub(crate) fn load_or_create(path: &Path) -> Result<(Credentials, bool), Error> {
    let is_new = match path.try_exists() {
        Ok(true) => false,
        Ok(false) => create::create(path).map_err(io_error(path, "written"))?,
        Err(error) => return Err(io_error(path, "read")(error)),
    };
    let credentials = load(path)?;
    if credentials.quarantine_key.is_some() && credentials.documents_key.is_some() {
        return Ok((credentials, is_new));
    }
    create::add_own_keys(path).map_err(io_error(path, "completed with keys of its own"))?;
    Ok((load(path)?, is_new))
}

/// Reads the credentials.
///
/// # Errors
/// As [`load_or_create`], and if there is no file.
pub(crate) fn load(path: &Path) -> Result<Credentials, Error> {
    let mut file = File::open(path).map_err(io_error(path, "read"))?;
    // The opened file, not the path: it cannot be another one by the time it is read.
    let mode = file.metadata().map_err(io_error(path, "read"))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(Error::Open { path, mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io_error(path, "read"))?;
    parse(&text).map_err(|problems| Error::Broken { path: path.to_owned(), problems })
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, action, source }
}

fn list(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Reads field by field: the errors of serde show the values that they do not like.
fn parse(text: &str) -> Result<Credentials, Vec<String>> {
    let table: toml::Table = text.parse().map_err(|error| vec![located(text, &error)])?;
    let mut fields = Fields { table, problems: Vec::new() };
    let api_key = fields.required("api_key", api_key_problem);
    let quarantine_key = fields.optional(QUARANTINE_KEY, own_key_problem);
    let documents_key = fields.optional(DOCUMENTS_KEY, documents_key_problem);
    let username = fields.required("marqeta.username", username_problem);
    let password = fields.required("marqeta.password", password_problem);
    let password_next = fields.optional("marqeta.password_next", password_problem);
    let webhook_secrets = ["marqeta.webhook_secret", "marqeta.webhook_secret_next"];
    let webhook_secrets = webhook_secrets.map(|key| fields.optional(key, webhook_secret_problem));
    let application = fields.optional("marqeta.application_token", token_problem);
    let access = fields.optional("marqeta.access_token", token_problem);
    fields.finish()?;
    Ok(Credentials {
        api_key: api_key.into(),
        marqeta: marqeta::Credentials {
            username,
            password: password.into(),
            password_next: password_next.map(SecretString::from),
            webhook_secrets: webhook_secrets.into_iter().flatten().map(SecretString::from).collect(),
        },
        marqeta_api: application.zip(access).map(|(application, access)| ApiTokens {
            application: application.into(),
            access: access.into(),
        }),
        quarantine_key: quarantine_key.as_deref().and_then(read_key).map(QuarantineKey::new),
        documents_key: documents_key.as_deref().and_then(read_key).map(DocumentsKey::new),
    })
}

/// Takes fields out of the file; what is left in the end is unknown.
struct Fields {
    table: toml::Table,
    problems: Vec<String>,
}

impl Fields {
    /// The text of a field, empty if it is missing or wrong: a problem then stops the start.
    fn required(&mut self, key: &str, check: Check) -> String {
        let before = self.problems.len();
        let value = self.optional(key, check);
        if value.is_none() && self.problems.len() == before {
            self.problems.push(format!("{key} is missing"));
        }
        value.unwrap_or_default()
    }

    fn optional(&mut self, key: &str, check: Check) -> Option<String> {
        let value = match key.split_once('.') {
            None => self.table.remove(key),
            Some((section, name)) => match self.table.get_mut(section) {
                Some(toml::Value::Table(section)) => section.remove(name),
                _ => None,
            },
        };
        let problem = match &value {
            None => return None,
            Some(toml::Value::String(text)) => check(text),
            Some(_) => Some("has to be a text in quotes"),
        };
        self.problems.extend(problem.map(|problem| format!("{key} {problem}")));
        value.and_then(|value| value.as_str().map(str::to_owned))
    }

    fn finish(mut self) -> Result<(), Vec<String>> {
        for (key, value) in &self.table {
            match value {
                toml::Value::Table(section) if key == "marqeta" => self
                    .problems
                    .extend(section.keys().map(|name| format!("{key}.{name} is unknown: remove it"))),
                _ => self.problems.push(format!("{key} is unknown: remove it")),
            }
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(self.problems),
        }
    }
}

/// Says what is wrong with a value, without the value.
type Check = fn(&str) -> Option<&'static str>;

fn api_key_problem(key: &str) -> Option<&'static str> {
    let good = key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_graphic());
    (!good).then_some("has to have at least 32 visible ASCII characters; remove the file for a new one")
}

fn own_key_problem(key: &str) -> Option<&'static str> {
    read_key(key).is_none().then_some("has to have 64 hexadecimal digits; remove the line for a new one")
}

/// A new one opens nothing that was sealed before.
fn documents_key_problem(key: &str) -> Option<&'static str> {
    read_key(key).is_none().then_some(
        "has to have 64 hexadecimal digits; take the line from a copy of this file, if there are documents",
    )
}

fn read_key(hex: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if hex.len() != 2 * key.len() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(place..place + 2)?, 16).ok()?;
    }
    Some(key)
}

fn username_problem(name: &str) -> Option<&'static str> {
    let good = (1..=50).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    (!good || name.contains(':')).then_some("has to have 1 to 50 visible ASCII characters and no colon")
}

fn token_problem(token: &str) -> Option<&'static str> {
    let good = (1..=200).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    (!good || token.contains(':')).then_some("has to have 1 to 200 visible ASCII characters and no colon")
}

/// Marqeta's rules for the secret of a webhook.
fn webhook_secret_problem(secret: &str) -> Option<&'static str> {
    let good = (20..=50).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    (!good).then_some("has to have 20 to 50 visible ASCII characters")
}

/// Marqeta's rules for a password.
fn password_problem(password: &str) -> Option<&'static str> {
    let has = |class: fn(&u8) -> bool| password.bytes().any(|byte| class(&byte));
    let good = (20..=100).contains(&password.len())
        && password.bytes().all(|byte| byte.is_ascii_graphic())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_punctuation);
    (!good).then_some(
        "has to have 20 to 100 visible ASCII characters, among them a digit, a small letter, a capital \
         letter and a symbol",
    )
}
