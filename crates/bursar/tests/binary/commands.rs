//! `config`, `openapi`, and `serve` from its start to SIGTERM.

use std::io::{Read, Write};
use std::net::TcpStream;

use bursar_testkit::Store;
use serde_json::{Value, json};

use crate::common::{Ended, Error, Running, ask_to_stop, binary, bursar, until};
use crate::home::Home;
use crate::on_both_stores;

on_both_stores!(config_shows_where_each_setting_came_from_and_no_secret);
async fn config_shows_where_each_setting_came_from_and_no_secret(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    // Its first start makes the credentials.
    let server = home.start()?;
    let file = home.folder().join("settings.toml");
    std::fs::write(&file, "[lanes]\nqueue_max = 77\n")?;
    let config = |form: &[&str]| {
        let mut config = home.bursar(&["config", "--data-dir"]);
        config.arg(home.folder()).arg("--config").arg(&file).args(form);
        config.env("BURSAR__LOG__LEVEL", "warn").output()
    };
    let output = config(&["--json"])?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let row = |key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or(&Value::Null);
        (row["value"].clone(), row["origin"].as_str().unwrap_or_default().to_owned())
    };
    let at = |file: &std::path::Path| format!("file {}", file.display());
    assert_eq!(row("server.listen"), (json!("127.0.0.1:3000"), "default".to_owned()));
    assert_eq!(row("lanes.queue_max"), (json!(77), at(&file)));
    assert_eq!(row("log.level"), (json!("warn"), "environment variable BURSAR__LOG__LEVEL".to_owned()));
    assert_eq!(row("data.dir"), (json!(home.folder()), "command line".to_owned()));
    let credentials = at(&home.folder().join("credentials.toml"));
    for secret in ["credentials.api_key", "credentials.marqeta.password"] {
        assert_eq!(row(secret), (json!("[redacted]"), credentials.clone()));
    }
    let table = config(&[])?;
    for output in [output, table] {
        let shown = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
        assert!(shown.contains("lanes.queue_max"), "{shown}");
        for secret in home.secrets(&server) {
            assert!(!shown.contains(&secret), "{shown}");
        }
    }
    Ok(())
}

#[test]
fn every_unknown_setting_is_refused_at_once_with_what_was_meant() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut serve = bursar(&["serve", "--port", "0", "--data-dir"]);
    serve.arg(folder.path().join("data"));
    let unknown = [("BURSAR__SERVER__LISTENN", "127.0.0.1:0"), ("BURSAR__LOG__LEVLE", "info")];
    let output = serve.envs(unknown).output()?;
    let message = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{message}");
    for named in [
        "(environment variable BURSAR__SERVER__LISTENN) is unknown: did you mean BURSAR__SERVER__LISTEN?",
        "(environment variable BURSAR__LOG__LEVLE) is unknown: did you mean BURSAR__LOG__LEVEL?",
    ] {
        assert!(message.contains(named), "{message}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    Ok(())
}

#[tokio::test]
async fn openapi_prints_what_the_server_gives() -> Result<(), Error> {
    let output = bursar(&["openapi"]).output()?;
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    assert!(printed["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{printed}");
    assert!(printed["paths"]["/v1/authorizations"]["post"].is_object());
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    assert_eq!(server.get("/openapi.json").await?, printed);
    Ok(())
}

on_both_stores!(a_swipe_in_flight_at_sigterm_is_decided_answered_and_kept);
async fn a_swipe_in_flight_at_sigterm_is_decided_answered_and_kept(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("10.00").await?;
    let body = wallet.swipe("in-flight", "1.00");
    let mut connection = begin_swipe(&server, &body)?;
    ask_to_stop(server.id())?;
    // It has heard once a new connection is refused.
    let address = server.base.trim_start_matches("http://").to_owned();
    until("the server refuses connections", || TcpStream::connect(&address).is_err());
    connection.write_all(body.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, funding) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    let base = server.base.clone();
    let ended = server.ended()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("listening on {base}")), "{}", ended.stdout);
    let server = home.start()?;
    assert_eq!(server.jit(&body).await?, (200, funding.as_bytes().to_vec()));
    Ok(())
}

on_both_stores!(a_second_signal_ends_it_at_once);
async fn a_second_signal_ends_it_at_once(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("10.00").await?;
    let body = wallet.swipe("in-flight", "1.00");
    let _in_flight = begin_swipe(&server, &body)?;
    ask_to_stop(server.id())?;
    let address = server.base.trim_start_matches("http://").to_owned();
    until("the server refuses connections", || TcpStream::connect(&address).is_err());
    // It still waits for the body, and would for seconds.
    ask_to_stop(server.id())?;
    let ended = server.ended()?;
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("second signal"), "{}", ended.stderr);
    Ok(())
}

#[test]
fn file_descriptors_are_raised_as_far_as_allowed_and_too_few_are_refused() -> Result<(), Error> {
    let limited = |limit: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(binary());
        shell
    };
    let folder = tempfile::tempdir()?;
    let mut server = Running::start_with(limited("-Sn 100"), folder.path(), &[])?;
    assert_eq!(server.terminate()?.code(), Some(0));
    let refused =
        Running::start_with(limited("-n 100"), folder.path(), &[]).err().ok_or("it started")?.to_string();
    for part in ["server.connections_max is 4096", "4168 file descriptors", "allows 100", "ulimit -Hn"] {
        assert!(refused.contains(part), "{refused}");
    }
    let fewer = [("BURSAR__SERVER__CONNECTIONS_MAX", "20")];
    let mut server = Running::start_with(limited("-n 100"), folder.path(), &fewer)?;
    assert_eq!(server.terminate()?.code(), Some(0));
    Ok(())
}

/// Sends the head of a swipe and returns when the handler waits for the body.
fn begin_swipe(server: &Running, body: &str) -> Result<TcpStream, Error> {
    let address = server.base.trim_start_matches("http://");
    let signed = server.http.get(&server.base).basic_auth("marqeta", Some(&server.password)).build()?;
    let authorization = signed.headers()[reqwest::header::AUTHORIZATION].to_str()?;
    let mut connection = TcpStream::connect(address)?;
    write!(
        connection,
        "POST /jit/marqeta HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        said.extend(byte);
    }
    match said.starts_with(b"HTTP/1.1 100") {
        true => Ok(connection),
        false => Err(String::from_utf8_lossy(&said).into()),
    }
}

on_both_stores!(no_secret_no_card_number_and_nothing_of_a_body_is_logged_even_when_all_is);
async fn no_secret_no_card_number_and_nothing_of_a_body_is_logged_even_when_all_is(
    store: Store,
) -> Result<(), Error> {
    let home = Home::on(store)?;
    let trace = [("BURSAR__LOG__LEVEL", "trace"), ("BURSAR__PROFILER__WARNING_MS", "1")];
    let server = home.start_with(&trace)?;
    let wallet = server.wallet("10.00").await?;
    let good = wallet.swipe("logged", "1.00");
    for (body, status) in [
        (good.clone(), 200),
        (good.clone(), 200),
        (wallet.swipe("logged", "2.00"), 402),
        (wallet.swipe("too-much", "11.00"), 402),
        (wallet.swipe("unknown", "1.00").replace("pgfs.authorization", "pgfs.unknown"), 402),
        (wallet.swipe("no-json", "1.00").replace("\"Springfield\"", "Springfield"), 400),
        (wallet.swipe("no-object", "1.00").replace("\"mcc\":\"5814\"", "\"mcc\":[4111111111111111]"), 400),
    ] {
        assert_eq!(server.jit(&body).await?.0, status, "{body}");
    }
    let jit = format!("{}/jit/marqeta", server.base);
    let wrong = server.http.post(jit).basic_auth("marqeta", Some("Guessed-password-1")).body(good);
    assert_eq!(wrong.send().await?.status(), 401);
    let listed = server.http.get(format!("{}/v1/cards", server.base)).bearer_auth("guessed-key");
    assert_eq!(listed.send().await?.status(), 401);
    for path in ["/v1/cards/4111111111111111", "/v1/cards?4111111111111111=1", "/4111111111111111"] {
        let refused =
            server.http.get(format!("{}{path}", server.base)).bearer_auth(&server.api_key).send().await?;
        assert!(refused.status().is_client_error(), "{path}");
        let text = refused.text().await?;
        assert!(!text.contains("4111111111111111"), "{path}: {text}");
    }
    let merchant = json!({"name": "SHOP 4111111111111111", "city": "Shelbyville"});
    let swipe = json!({"card": wallet.card, "amount": "1.00", "currency": "USD", "merchant": merchant});
    server.post("/v1/authorizations", &swipe).await?;
    let secrets = home.secrets(&server);
    ask_to_stop(server.id())?;
    let Ended { status, stdout, stderr } = server.ended()?;
    assert_eq!(status.code(), Some(0), "{stderr}");
    let log = stdout + &stderr;
    // Logs are on: requests are traced, and the alert on the unknown method is there.
    assert!(log.contains("started processing request") && log.contains("pgfs.unknown"), "{log}");
    let guesses = ["Guessed-password-1", "guessed-key", "Basic ", "Bearer "];
    let bodies = ["4111111111111111", "Springfield", "Shelbyville", "CAFE", "SHOP", "gpa_order\":", "mcc\""];
    for hidden in secrets.iter().map(String::as_str).chain(guesses).chain(bodies) {
        assert!(!log.contains(hidden), "{hidden} is in the log: {log}");
    }
    Ok(())
}
