//! Writes the first credentials.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{DOCUMENTS_KEY, QUARANTINE_KEY, password_problem};

/// Writes new random credentials, completely or not at all, and never over a file that is there.
/// False if another process was faster: then its file counts.
pub(super) fn create(path: &Path) -> io::Result<bool> {
    let folder = folder_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = draft_in(folder);
    let placed = write(&draft, &text()).and_then(|()| place(&draft, path));
    // Also after a failure: it may hold secrets that nobody will ever use.
    let removed = fs::remove_file(&draft);
    let is_new = placed?;
    removed?;
    File::open(folder)?.sync_all()?;
    Ok(is_new)
}

/// Adds the keys of the instance's own that a file does not have; all else stays as it is. Two that start at once add
/// one of each together: the file is locked, and whoever comes second finds another in its place, or the keys.
pub(super) fn add_own_keys(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.lock()?;
    let text = fs::read_to_string(path)?;
    let has = text.parse::<toml::Table>().unwrap_or_default();
    let missing = [(QUARANTINE_KEY, quarantine_key as fn() -> String), (DOCUMENTS_KEY, documents_key)];
    let missing = missing.into_iter().filter(|(name, _)| !has.contains_key(*name));
    let added: String = missing.map(|(_, make)| make()).collect();
    if added.is_empty() {
        return Ok(());
    }
    let folder = folder_of(path);
    let draft = draft_in(folder);
    // Before all else: what comes after the first section is of that section.
    let placed = write(&draft, &format!("{added}{text}")).and_then(|()| fs::rename(&draft, path));
    if placed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    placed?;
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn draft_in(folder: &Path) -> PathBuf {
    folder.join(format!(".credentials-{}", hex(&rand::random::<[u8; 8]>())))
}

fn quarantine_key() -> String {
    let key = secret();
    format!(
        r#"# What webhooks that nobody can read are encrypted with, in the inbox: 64 hexadecimal digits. All instances on a
# ledger have the same; who changes it can read no more what was sealed before.
{QUARANTINE_KEY} = "{key}"

"#
    )
}

fn documents_key() -> String {
    let key = secret();
    format!(
        r#"# What wraps the keys of persons, which seal their documents: 64 hexadecimal digits. All instances on the same documents
# have the same, and backups of documents are worth nothing without it. It is never changed: what was sealed opens with
# no other.
{DOCUMENTS_KEY} = "{key}"

"#
    )
}

fn write(draft: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the draft its name. A link, because a rename would replace the file of another process
/// that starts at the same time.
fn place(draft: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn text() -> String {
    let api_key = format!("bursar_{}", secret());
    let (password, own_keys) = (password(), quarantine_key() + &documents_key());
    format!(
        r#"# The secrets of this Bursar. Keep the file to yourself (mode 0600). Restart after a change.

# Callers of /v1 send it: Authorization: Bearer <api_key>
api_key = "{api_key}"

{own_keys}# What Marqeta sends with every just-in-time funding request: basic_auth_username and
# basic_auth_password of the program gateway. A password has 20 to 100 characters, among them a digit,
# a small letter, a capital letter and a symbol.
[marqeta]
username = "marqeta"
password = "{password}"
# To change the password without a declined swipe: set the new one here, restart, give it to Marqeta,
# then move it up to password and restart.
# password_next = ""
# The webhook's secret (20 to 50 characters): with it every webhook has to be signed, by HMAC with SHA-1 or
# SHA-256. A new one is set as webhook_secret_next for two weeks: what Marqeta had queued keeps the old one.
# webhook_secret = ""
# webhook_secret_next = ""
# What Marqeta's Core API is asked with, where marqeta.base_url is set: the program's application token and admin
# access token.
# application_token = ""
# access_token = ""
"#
    )
}

/// 32 characters with every class that Marqeta asks for. The symbols mean nothing to a shell, to
/// JSON or to TOML.
fn password() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    loop {
        let password: String =
            (0..32).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
        // Drawn again rather than patched: all that pass are equally likely.
        if password_problem(&password).is_none() {
            return password;
        }
    }
}

/// 256 random bits.
pub(super) fn secret() -> String {
    hex(&rand::random::<[u8; 32]>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
