//! Starting where something listens already, and stopping while something runs.

use std::time::Duration;

use bursar_server::{BindError, Server, Settings};
use bursar_testkit::{Store, on_both_stores};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Tested;
use crate::running::{API_KEY, Running, answered, until};

on_both_stores!(a_taken_port_is_said_so_with_what_to_do);
async fn a_taken_port_is_said_so_with_what_to_do(store: Store) -> Tested {
    let running = Running::start(store).await?;
    let refused = Server::bind(running.address).err();
    let Some(error @ BindError::Taken(address)) = refused else {
        return Err(format!("{refused:?}").into());
    };
    assert_eq!(address, running.address);
    let text = error.to_string();
    for part in [&running.address.to_string(), "--port", "BURSAR__SERVER__LISTEN"] {
        assert!(text.contains(part), "{text}");
    }
    Ok(())
}

on_both_stores!(a_request_that_runs_when_the_server_stops_gets_its_answer);
async fn a_request_that_runs_when_the_server_stops_gets_its_answer(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let mut running = TcpStream::connect(server.address).await?;
    let body = r#"{"name": "P", "time_zone": "UTC", "currencies": ["USD"]}"#;
    let head = format!(
        "POST /v1/programs HTTP/1.1\r\nHost: bursar\r\nAuthorization: Bearer {API_KEY}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    running.write_all(head.as_bytes()).await?;
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        assert_ne!(running.read_buf(&mut text).await?, 0, "closed before the body");
    }
    assert!(text.starts_with(b"HTTP/1.1 100"), "the handler waits for the body");
    server.stop.send(()).map_err(|()| "the server is gone")?;
    // Accepting has ended once a new connection is refused.
    let address = server.address;
    until("connections are refused", async || Ok(TcpStream::connect(address).await.is_err())).await?;
    running.write_all(body.as_bytes()).await?;
    text.clear();
    running.read_to_end(&mut text).await?;
    assert!(text.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&text));
    server.task.await??;
    Ok(())
}

on_both_stores!(a_connection_that_a_proxy_keeps_is_served_once_more_while_no_new_one_is_accepted);
async fn a_connection_that_a_proxy_keeps_is_served_once_more_while_no_new_one_is_accepted(
    store: Store,
) -> Tested {
    let settings = Settings { linger: Duration::from_secs(3600), ..Settings::default() };
    let server = Running::start_with(store, settings).await?;
    let address = server.address;
    let mut kept = TcpStream::connect(address).await?;
    let asked = async |kept: &mut TcpStream, ends_with: &str| -> Result<String, crate::running::Error> {
        kept.write_all(b"GET /live HTTP/1.1\r\nHost: bursar\r\n\r\n").await?;
        let mut text = Vec::new();
        while !text.ends_with(ends_with.as_bytes()) {
            assert_ne!(kept.read_buf(&mut text).await?, 0, "it is closed");
        }
        Ok(String::from_utf8(text)?.to_ascii_lowercase())
    };
    let live = "{\"status\":\"live\"}";
    assert!(!asked(&mut kept, live).await?.contains("connection: close"));
    server.stop.send(()).map_err(|()| "the server is gone")?;
    until("connections are refused", async || Ok(TcpStream::connect(address).await.is_err())).await?;
    let last = asked(&mut kept, live).await?;
    assert!(last.starts_with("http/1.1 200") && last.contains("connection: close"), "{last}");
    let mut more = Vec::new();
    assert_eq!(kept.read_to_end(&mut more).await?, 0);
    // Long before the time that it would have.
    server.task.await??;
    Ok(())
}

on_both_stores!(a_server_that_stops_says_so_first_and_goes_on_serving_meanwhile);
async fn a_server_that_stops_says_so_first_and_goes_on_serving_meanwhile(store: Store) -> Tested {
    let settings = Settings { drain: Duration::from_secs(3600), ..Settings::default() };
    let server = Running::start_with(store, settings).await?;
    server.given("USD", Some("10.00")).await?;
    server.stop.send(()).map_err(|()| "the server is gone")?;
    let get = |path: &str| answered(server.client.get(format!("http://{}{path}", server.address)));
    until("it is not ready", async || Ok(get("/ready").await?.status == 503)).await?;
    let swipe = server.client.post(format!("http://{}/v1/authorizations", server.address));
    let swipe = swipe.bearer_auth(API_KEY).header("Idempotency-Key", "while-stopping");
    let body = json!({"card": "card-1", "amount": "1.00", "currency": "USD"});
    let decided = answered(swipe.json(&body)).await?;
    assert_eq!((decided.status.as_u16(), &decided.json()["status"]), (200, &json!("approved")));
    server.task.abort();
    Ok(())
}
