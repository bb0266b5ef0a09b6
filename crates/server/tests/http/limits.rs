//! What one client may cost the others. No case here asks the ledger, so one store is enough.

use std::time::Duration;

use bursar_server::Settings;
use bursar_testkit::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Tested;
use crate::running::{API_KEY, Running, answered, until};

const LIVE: &[u8] = b"GET /live HTTP/1.1\r\nHost: bursar\r\n\r\n";

/// Time-outs that a test can wait for, and a busy machine can meet.
fn short() -> Settings {
    Settings {
        header_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(1),
        ..Settings::default()
    }
}

/// Reads the answer to [`LIVE`] and leaves the connection open.
async fn is_live(connection: &mut TcpStream) -> std::io::Result<bool> {
    connection.write_all(LIVE).await?;
    let mut text = Vec::new();
    while !text.ends_with(b"\"live\"}") {
        if connection.read_buf(&mut text).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Everything that comes until the server closes the connection.
pub(crate) async fn read_until_closed(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close, too.
    let _ = connection.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() -> Tested {
    let server = Running::start(Store::Sqlite).await?;
    for kib in [257, 600] {
        let body = format!(r#"{{"name": "{}"}}"#, "x".repeat(kib * 1024));
        let refused = server.post_as("k", "/v1/programs", &body).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (413, "body_too_large"), "{kib} KiB");
    }
    assert_eq!(server.get("/v1/programs").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_slow_head_is_closed_on_a_new_connection_and_on_a_kept_one() -> Tested {
    let server = Running::start_with(Store::Sqlite, short()).await?;
    let mut idle = TcpStream::connect(server.address).await?;
    assert!(is_live(&mut idle).await?);
    let mut silent = TcpStream::connect(server.address).await?;
    assert_eq!(read_until_closed(&mut silent).await, "");
    // The time-out has passed, and a connection that only waits for its next request is kept.
    assert!(is_live(&mut idle).await?);
    let mut new = TcpStream::connect(server.address).await?;
    new.write_all(b"GET /live HTTP/1.1\r\nHo").await?;
    assert_eq!(read_until_closed(&mut new).await, "");
    let mut kept = TcpStream::connect(server.address).await?;
    assert!(is_live(&mut kept).await?);
    kept.write_all(b"GET /live HTTP/1.1\r\nHo").await?;
    read_until_closed(&mut kept).await;
    assert_eq!(server.get("/live").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_slow_body_is_408() -> Tested {
    let server = Running::start_with(Store::Sqlite, short()).await?;
    let mut slow = TcpStream::connect(server.address).await?;
    let head = format!(
        "POST /v1/programs HTTP/1.1\r\nHost: bursar\r\nAuthorization: Bearer {API_KEY}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await?;
    let answer = read_until_closed(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_and_the_others_unharmed() -> Tested {
    let settings = Settings { connections_max: 2, ..Settings::default() };
    let server = Running::start_with(Store::Sqlite, settings).await?;
    let mut first = TcpStream::connect(server.address).await?;
    let mut second = TcpStream::connect(server.address).await?;
    assert!(is_live(&mut first).await? && is_live(&mut second).await?);
    let mut third = TcpStream::connect(server.address).await?;
    assert_eq!(read_until_closed(&mut third).await, "");
    assert!(is_live(&mut first).await? && is_live(&mut second).await?);
    Ok(())
}

/// Requests more than the buffers between take, and reads none of their answers.
#[tokio::test]
async fn who_takes_no_answer_is_closed_and_leaves_its_place() -> Tested {
    let settings =
        Settings { connections_max: 1, answer_timeout: Duration::from_millis(100), ..Settings::default() };
    let server = Running::start_with(Store::Sqlite, settings).await?;
    let mut deaf = TcpStream::connect(server.address).await?;
    let large = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: bursar\r\n\r\n";
    deaf.write_all(&large.repeat(20)).await?;
    // The only place is taken until the server gives up on who holds it.
    let address = server.address;
    let is_free = async || Ok(is_live(&mut TcpStream::connect(address).await?).await.unwrap_or(false));
    until("its place is free", is_free).await
}

/// `100 Continue` is no answer: what is read after it is a body, with the time-out of bodies.
#[tokio::test]
async fn a_body_that_was_asked_for_has_the_time_of_a_body() -> Tested {
    let settings = Settings { body_timeout: Duration::from_secs(3), ..short() };
    let server = Running::start_with(Store::Sqlite, settings).await?;
    let mut slow = TcpStream::connect(server.address).await?;
    let head = format!(
        "POST /v1/programs HTTP/1.1\r\nHost: bursar\r\nAuthorization: Bearer {API_KEY}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await?;
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        assert_ne!(slow.read_buf(&mut text).await?, 0, "closed before the body");
    }
    slow.write_all(b"{").await?;
    let answer = read_until_closed(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn more_requests_than_the_key_may_make_are_told_to_wait() -> Tested {
    let settings = Settings { api_rate_max: Some(5), ..Settings::default() };
    let server = Running::start_with(Store::Sqlite, settings).await?;
    let is_told = async || {
        let answered = server.get("/v1/mcc-groups").await?;
        if answered.status == 429 {
            assert_eq!(
                (answered.code().as_str(), answered.headers["retry-after"].to_str()?),
                ("too_many_requests", "1")
            );
        }
        Ok(answered.status == 429)
    };
    // More than five come within a second at some time.
    until("it is told to wait", is_told).await?;
    until("it may go on", async || Ok(server.get("/v1/mcc-groups").await?.status == 200)).await?;
    assert_eq!(answered(server.client.get(server.url("/ready"))).await?.status, 200);
    Ok(())
}
