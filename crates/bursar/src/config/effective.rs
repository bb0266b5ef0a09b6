//! The listing of `bursar config`: every setting, its value and where it came from.

use std::fmt;
use std::path::Path;

use comfy_table::{Table, presets};
use config::ValueKind;
use serde::Serialize;
use serde_json::Value as Json;

use super::read::shown;

/// Every setting in the order of `config/default.toml`. Serializes as a list of rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Effective {
    pub(super) rows: Vec<Row>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// Section and name: `server.listen`.
    pub(super) key: &'static str,
    /// A text or a number.
    pub(super) value: Json,
    /// `default`, `file …`, `environment variable …` or `command line`.
    pub(super) origin: String,
}

impl Effective {
    pub(super) fn add(&mut self, key: &'static str, value: &ValueKind, origin: &str) {
        let value = match value {
            ValueKind::I64(number) => (*number).into(),
            ValueKind::String(text) => text.as_str().into(),
            other => shown(other).into(),
        };
        self.rows.push(Row { key, value, origin: origin.to_owned() });
    }

    /// Shows that the setting is there, and not what it is.
    pub(super) fn redact(&mut self, key: &'static str) {
        for row in self.rows.iter_mut().filter(|row| row.key == key) {
            row.value = REDACTED.into();
        }
    }

    pub(super) fn is_redacted(&self, key: &str) -> bool {
        self.rows.iter().any(|row| row.key == key && row.value == REDACTED)
    }

    /// Adds what a credentials file holds: that each secret is there, never what it is.
    pub(crate) fn add_credentials(&mut self, file: &Path, credentials: &crate::credentials::Credentials) {
        let username = credentials.marqeta.username.as_str();
        let next = credentials.marqeta.password_next.as_ref();
        let rows = [
            Some(("credentials.api_key", REDACTED)),
            credentials.quarantine_key.as_ref().map(|_| ("credentials.quarantine_key", REDACTED)),
            credentials.documents_key.as_ref().map(|_| ("credentials.documents_key", REDACTED)),
            Some(("credentials.marqeta.username", username)),
            Some(("credentials.marqeta.password", REDACTED)),
            next.map(|_| ("credentials.marqeta.password_next", REDACTED)),
            credentials
                .marqeta
                .webhook_secrets
                .first()
                .map(|_| ("credentials.marqeta.webhook_secret", REDACTED)),
        ];
        self.rows.extend(rows.into_iter().flatten().map(|(key, value)| Row {
            key,
            value: value.into(),
            origin: format!("file {}", file.display()),
        }));
    }
}

/// What stands for a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// A table for people.
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["setting", "value", "from"]);
        for row in &self.rows {
            table.add_row([row.key, &row.value.to_string(), &row.origin]);
        }
        write!(f, "{}", table.trim_fmt())
    }
}
