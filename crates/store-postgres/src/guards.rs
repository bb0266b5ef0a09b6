//! What a server has to be set to before an answer may rest on its COMMIT.

use bursar_store::StoreError;
use tokio_postgres::Client;

use crate::error::before_commit;
use crate::identity;

/// The oldest server that is known to do what the statements here ask of it.
const OLDEST: i32 = 150_000;

/// Settings without which a commit could be lost, and what they have to be.
const SAFE: [(&str, &[&str]); 3] = [
    ("fsync", &["on"]),
    // `local` and stronger flush here.
    ("synchronous_commit", &["on", "local", "remote_write", "remote_apply"]),
    ("full_page_writes", &["on"]),
];

/// Whether decisions may be made over this connection.
///
/// # Errors
/// Which setting is unsafe, that the server only reads, or that the database keeps half a ledger.
pub(crate) async fn check_ledger(client: &Client) -> Result<(), StoreError> {
    check(client).await?;
    identity::read(client).await?.refuse_unfinished()
}

/// # Errors
/// Which setting is unsafe, or that the server only reads.
pub(crate) async fn check(client: &Client) -> Result<(), StoreError> {
    let select = "select current_setting('server_version_num')::int, current_setting('server_version'),
                  pg_is_in_recovery() or current_setting('transaction_read_only')::bool,
                  current_setting('fsync'), current_setting('synchronous_commit'),
                  current_setting('full_page_writes'), current_setting('server_encoding')";
    let row = client.query_one(select, &[]).await.map_err(|error| before_commit(&error))?;
    let (version, name): (i32, &str) = (row.get(0), row.get(1));
    let (found, encoding): (_, &str) = ([row.get(3), row.get(4), row.get(5)], row.get(6));
    if encoding != "UTF8" {
        return Err(StoreError::Unavailable(format!(
            "the database has the encoding {encoding}, which has no place for every name; make one with UTF8"
        )));
    }
    refusal(version, name, row.get(2), found).map_or(Ok(()), |why| Err(StoreError::Unavailable(why)))
}

/// Why nothing may be decided on this server, if so; `found` are the settings in the order of [`SAFE`].
fn refusal(version: i32, name: &str, is_read_only: bool, found: [&str; 3]) -> Option<String> {
    if version < OLDEST {
        return Some(format!("PostgreSQL {name} is too old: 15 or newer is needed"));
    }
    if is_read_only {
        let why =
            "the server is read-only (a standby, or default_transaction_read_only): nothing can be decided";
        return Some(why.to_owned());
    }
    let unsafe_one = SAFE.iter().zip(found).find(|((_, safe), found)| !safe.contains(found));
    unsafe_one.map(|((setting, _), found)| {
        format!("{setting} is \"{found}\": answered decisions could be lost; set it to \"on\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unsafe_setting_is_named() {
        let on = ["on", "on", "on"];
        assert_eq!(refusal(150_000, "15.0", false, on), None);
        assert_eq!(refusal(170_002, "17.2", false, ["on", "remote_apply", "on"]), None);
        for (version, is_read_only, found, named) in [
            (149_999, false, on, "too old"),
            (150_000, true, on, "read-only"),
            (150_000, false, ["off", "on", "on"], "fsync is \"off\""),
            (150_000, false, ["on", "off", "on"], "synchronous_commit is \"off\""),
            (150_000, false, ["on", "on", "off"], "full_page_writes is \"off\""),
        ] {
            let why = refusal(version, "the version", is_read_only, found).expect(named);
            assert!(why.contains(named), "{why}");
        }
    }
}
