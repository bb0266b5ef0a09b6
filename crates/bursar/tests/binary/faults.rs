//! What callers and disks do wrong, against the real binary.

use std::io::Write;
use std::net::TcpStream;

use bursar_testkit::Store;
use serde_json::json;

use crate::common::{Error, Running, ask_to_stop, bursar};
use crate::home::Home;
use crate::on_both_stores;

/// A raw request: the head, then as much of the body as is wanted.
fn send_part(server: &Running, body: &str, bytes: usize) -> Result<TcpStream, Error> {
    let address = server.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address)?;
    let credentials =
        reqwest::Client::new().get(&server.base).basic_auth("marqeta", Some(&server.password)).build()?;
    let authorization = credentials.headers()[reqwest::header::AUTHORIZATION].to_str()?.to_owned();
    write!(
        connection,
        "POST /jit/marqeta HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    connection.write_all(&body.as_bytes()[..bytes.min(body.len())])?;
    Ok(connection)
}

on_both_stores!(hang_ups_in_mid_request_change_nothing);
async fn hang_ups_in_mid_request_change_nothing(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("100.00").await?;
    for number in 0..10 {
        let body = wallet.swipe(&format!("cut-{number}"), "1.00");
        drop(send_part(&server, &body, body.len() / 2)?);
        drop(send_part(&server, &body, usize::MAX)?);
    }
    // Whether the server saw a whole request before its caller left is the race that this is
    // about: asked again, each is decided exactly once.
    for number in 0..10 {
        let (status, answer) = server.jit(&wallet.swipe(&format!("cut-{number}"), "1.00")).await?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
    let account = server.get(&format!("/v1/accounts/{}", wallet.account)).await?;
    assert_eq!((&account["held"], &account["open_holds"]), (&json!("10.00"), &json!(10)));
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}

/// Of the embedded ledger: PostgreSQL serves any number of instances.
#[tokio::test]
async fn a_folder_in_use_and_a_port_in_use_are_refused_with_what_to_do() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    let port = server.base.rsplit(':').next().unwrap_or_default().to_owned();
    let serve = |port: &str, folder: &std::path::Path| {
        let output = bursar(&["serve", "--port", port, "--data-dir"]).arg(folder).output();
        output.map(|output| (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (succeeded, message) = serve("0", folder.path())?;
    assert!(!succeeded && message.contains("in use by another running Bursar"), "{message}");
    assert!(message.contains(&folder.path().display().to_string()), "{message}");
    assert!(message.contains("stop that one, or choose another with --data-dir"), "{message}");
    let other = folder.path().join("other");
    let (succeeded, message) = serve(&port, &other)?;
    assert!(!succeeded && message.contains(&port) && message.contains("--port"), "{message}");
    assert!(!other.exists(), "nothing was begun");
    Ok(())
}

on_both_stores!(no_card_number_and_no_secret_is_stored);
async fn no_card_number_and_no_secret_is_stored(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("100.00").await?;
    let (status, _) = server.jit(&wallet.swipe("masked", "1.00")).await?;
    assert_eq!(status, 200);
    let listed = server.get("/v1/authorizations").await?;
    let merchant = &listed["items"][0]["merchant"];
    assert_eq!(merchant["name"], "CAFE ************1111");
    assert_eq!(merchant["id"], "4111111111111111", "an identifier is kept as it is");
    let stored = home.stored()?;
    assert!(stored.contains("CAFE ************1111"), "it is looked for where it would be");
    assert!(!stored.contains("CAFE 4111111111111111"));
    for secret in home.secrets(&server) {
        assert!(!stored.contains(&secret));
    }
    Ok(())
}

/// Of the embedded ledger: PostgreSQL has no file here that can be gone.
#[tokio::test]
async fn a_file_that_is_gone_means_503_and_not_ready() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    let wallet = server.wallet("100.00").await?;
    assert_eq!(server.jit(&wallet.swipe("before", "1.00")).await?.0, 200);
    std::fs::rename(folder.path().join("ledger.db"), folder.path().join("away"))?;
    assert_eq!(server.jit(&wallet.swipe("gone", "1.00")).await?.0, 503);
    let ready = server.http.get(format!("{}/ready", server.base)).send().await?;
    assert_eq!(ready.status(), 503);
    std::fs::rename(folder.path().join("away"), folder.path().join("ledger.db"))?;
    assert_eq!(server.jit(&wallet.swipe("gone", "1.00")).await?.0, 200);
    ask_to_stop(server.id())?;
    let log = server.ended()?.stderr;
    let line = log.lines().find(|line| line.contains("no decision: ")).ok_or("no line")?;
    assert_eq!(line.matches("ledger.db is gone").count(), 1, "its reason, once: {line}");
    Ok(())
}
