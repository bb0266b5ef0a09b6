//! What a body or a connection may cost.

use std::time::Duration;

use bursar_server::Settings;
use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{state, swipe, with};
use crate::Tested;
use crate::limits::read_until_closed;
use crate::running::{JIT_PASSWORD, Running};

on_both_stores!(a_body_over_the_limit_is_413_and_has_no_effect);
async fn a_body_over_the_limit_is_413_and_has_no_effect(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let before = state(&server, &given).await?;
    let good = swipe("swipe", "1.00");
    let filled = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    for bytes in [256 * 1024 + 1, 600 * 1024] {
        let refused = server.jit(&filled(bytes)).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (413, "body_too_large"), "{bytes}");
    }
    assert_eq!(state(&server, &given).await?, before);
    assert_eq!(server.jit(&filled(256 * 1024)).await?.status, 200);
    Ok(())
}

on_both_stores!(nesting_over_32_levels_is_400_and_has_no_effect);
async fn nesting_over_32_levels_is_400_and_has_no_effect(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let before = state(&server, &given).await?;
    // The body itself is the first level.
    let nested = |levels: usize| (1..levels).fold(Value::Null, |inner, _| json!([inner]));
    let good = swipe("swipe", "1.00");
    let refused = server.jit(&with(&good, "/more", Some(nested(33)))?).await?;
    assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (400, &json!("body")));
    let refused = server.jit(&"[".repeat(200_000)).await?;
    assert_eq!(refused.status, 400);
    assert_eq!(state(&server, &given).await?, before);
    assert_eq!(server.jit(&with(&good, "/more", Some(nested(32)))?).await?.status, 200);
    Ok(())
}

on_both_stores!(slow_heads_and_slow_bodies_are_cut_off_and_others_go_on_being_answered);
async fn slow_heads_and_slow_bodies_are_cut_off_and_others_go_on_being_answered(store: Store) -> Tested {
    let settings = Settings {
        header_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(1),
        ..Settings::default()
    };
    let server = Running::start_with(store, settings).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let credentials = server.client.get(server.url("/")).basic_auth("marqeta", Some(JIT_PASSWORD)).build()?;
    let authorization = credentials.headers()["authorization"].to_str()?.to_owned();
    let head = format!(
        "POST /jit/marqeta HTTP/1.1\r\nHost: bursar\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    );
    let mut slow_head = TcpStream::connect(server.address).await?;
    slow_head.write_all(&head.as_bytes()[..head.len() / 2]).await?;
    let mut slow_body = TcpStream::connect(server.address).await?;
    slow_body.write_all(format!("{head}{}", &swipe("slow", "1.00")[..100]).as_bytes()).await?;
    assert_eq!(server.jit(&swipe("meanwhile", "1.00")).await?.status, 200);
    assert_eq!(read_until_closed(&mut slow_head).await, "");
    let answer = read_until_closed(&mut slow_body).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
    assert_eq!(server.jit(&swipe("afterwards", "1.00")).await?.status, 200);
    let (account, listed) = state(&server, &given).await?;
    assert_eq!(account["held"], "2.00");
    assert_eq!(listed.len(), 2, "nothing of the slow one");
    Ok(())
}
