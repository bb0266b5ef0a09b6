//! The URL of a database: shown without its password, and refused by the part that is wrong.

use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The form of a URL.
pub const URL_FORM: &str = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// A URL as it may be shown: the user, the hosts and the database, whatever form it has.
#[must_use]
pub fn describe(url: &str) -> String {
    let Ok(config) = read(url) else {
        return "PostgreSQL, by a URL that cannot be read".to_owned();
    };
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<String> = hosts.collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    format!(
        "PostgreSQL {} at {} port {}, database {}",
        config.get_user().unwrap_or("(no user)"),
        hosts.join(", "),
        if ports.is_empty() { "5432".to_owned() } else { ports.join(", ") },
        config.get_dbname().or(config.get_user()).unwrap_or("(none)"),
    )
}

/// Which part of a URL is wrong, as what follows "the URL"; `None` if it can be connected to.
#[must_use]
pub fn url_problem(url: &str) -> Option<String> {
    read(url).err()
}

/// Reads it, or says which part is wrong: nothing is quoted that could be of the password.
pub(crate) fn read(url: &str) -> Result<Config, String> {
    let config = Config::from_str(url).map_err(|error| unreadable(url, &error))?;
    match incomplete(url, &config) {
        Some(why) => Err(why.to_owned()),
        None => Ok(config),
    }
}

/// The parser's own words name the option; what they say of a URL that it took apart in the wrong places
/// may be the end of the password.
fn unreadable(url: &str, error: &tokio_postgres::Error) -> String {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return "does not begin with postgres://".to_owned();
    }
    if has_many_ats(url) {
        return MANY_ATS.to_owned();
    }
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let quoted = cause.split('`').nth(1).unwrap_or_default();
    match (quoted, cause.starts_with("unknown option")) {
        ("sslmode" | "sslrootcert", _) => "has an option of TLS that it cannot have: sslmode is disable, prefer or require, \
             which verifies as verify-full does, and the file of the CA is no part of it but the setting postgres.ca_file"
            .to_owned(),
        ("host", false) => "has a host that cannot be read".to_owned(),
        ("port", false) => NO_PORT.to_owned(),
        ("", _) => "has an option without a value, or an escape (%XX) that is no text".to_owned(),
        (option, false) => format!("has a value that its option {option} cannot have"),
        (option, true) => format!("has the unknown option {option}"),
    }
}

/// What the parser takes and no server is reached by.
fn incomplete(url: &str, config: &Config) -> Option<&'static str> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let before_options = url.split('?').next().unwrap_or_default();
    if url.contains("://") && has_many_ats(before_options) {
        Some(MANY_ATS)
    } else if count == 0 || hosts.iter().any(|host| *host == Host::Tcp(String::new())) {
        Some("names no host")
    } else if ports.contains(&0) {
        Some(NO_PORT)
    } else if ports.len() > 1 && ports.len() != count {
        Some("has another number of ports than of hosts")
    } else if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        Some("has another number of hostaddr than of hosts")
    } else {
        None
    }
}

const NO_PORT: &str = "has a port that is no number from 1 to 65535";

const MANY_ATS: &str = "has an @ too many: in a user or a password it is written %40";

/// The host begins behind the first, so it would be shown with the rest of the password.
fn has_many_ats(url: &str) -> bool {
    url.matches('@').count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_wrong_is_named_and_never_the_password() {
        for (url, part) in [
            ("mysql://me:s3cret@db/x", "does not begin with postgres://"),
            ("me:s3cret@db:5432/x", "does not begin with postgres://"),
            ("", "names no host"),
            ("postgres://me:s3cret@/x", "names no host"),
            ("postgres://me:s3cret@:5432/x", "names no host"),
            ("postgres://me:s3cret@[::1/x", "has a host"),
            ("postgres://me:s3cret@db:54x/x", "has a port"),
            ("postgres://me:s3cret@db:0/x", "has a port"),
            ("postgres://me:s3cret@db:65536/x", "has a port"),
            ("postgres://me:s3cret", "has a port"),
            ("postgres://me:s3cret@one,two/x?port=1", "number of ports"),
            ("postgres://me:s3cret@one,two/x?hostaddr=10.0.0.1", "number of hostaddr"),
            ("postgres://me:s3cret@db/x?sslmod=require", "the unknown option sslmod"),
            ("postgres://me:s3cret@db/x?sslmode=verify-full", "prefer or require"),
            ("postgres://me:s3cret@db/x?sslrootcert=/ca.pem", "postgres.ca_file"),
            ("postgres://me:s3cret@db/x?connect_timeout=5s", "its option connect_timeout cannot"),
            ("postgres://me:s3cret@db/x?sslmode", "an option without a value"),
            ("postgres://me:a@s3cret@db/x", "an @ too many"),
            ("postgres://me:a@s/s3cret@db/x", "an @ too many"),
            ("postgres://me:a@s?s3cret=1@db/x", "an @ too many"),
        ] {
            let why = url_problem(url).unwrap_or_default();
            assert!(why.contains(part) && !why.contains("s3cret"), "{url}: {why}");
            let shown = describe(url);
            assert!(!shown.contains("s3cret"), "{url}: {shown}");
        }
    }

    #[test]
    fn what_can_be_connected_to_is_shown_without_the_password() {
        for (url, shown) in [
            ("postgres://me:s3cret@db/x", "PostgreSQL me at db port 5432, database x"),
            ("postgresql://me:%40s3cret@db:5433", "PostgreSQL me at db port 5433, database me"),
            ("postgres://me@one:1,two:2/x", "PostgreSQL me at one, two port 1, 2, database x"),
            ("postgres://me@/x?hostaddr=10.0.0.1", "PostgreSQL me at 10.0.0.1 port 5432, database x"),
            ("postgres://me@%2Frun%2Fpostgresql/x", "PostgreSQL me at /run/postgresql port 5432, database x"),
            ("host=db user=me password=s3cret", "PostgreSQL me at db port 5432, database me"),
        ] {
            assert_eq!((url_problem(url), describe(url)), (None, shown.to_owned()), "{url}");
        }
    }
}
