//! Attempts against subscribers over real HTTP.

mod subscriber;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_webhook_client::{Message, Outcome, Secret, Sender, Sent, Settings};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::Sha256;
use tokio::net::TcpListener;

use subscriber::{Subscriber, Tested, called_by_nobody};

const LONG: Duration = Duration::from_secs(60);

/// The example of the specification's own libraries: secret, id, time, body and signature.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn sender(timeout: Duration, allow_private: bool) -> Result<Sender, String> {
    Sender::new(Settings { timeout, allow_private })
}

/// An attempt with the example's message.
async fn attempt(sender: &Sender, url: &str, secrets: &[Secret]) -> Result<Sent, subscriber::Error> {
    let message = Message { id: ID, at: Timestamp::from_second(AT)?, body: BODY.as_bytes() };
    // A sender that waits forever is to fail and not to hang.
    Ok(tokio::time::timeout(2 * LONG, sender.send(url, &message, secrets)).await?)
}

async fn attempt_at(url: &str, timeout: Duration) -> Result<Sent, subscriber::Error> {
    attempt(&sender(timeout, true)?, url, &[SECRET.parse()?]).await
}

fn words(sent: &Sent) -> &str {
    match &sent.outcome {
        Outcome::Refused(why) | Outcome::Failed(why) => why,
        Outcome::Delivered | Outcome::Gone => "",
    }
}

/// As a subscriber computes it, from what it got.
fn expected_signature(secret: &str, signed: &str) -> Result<String, subscriber::Error> {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_"))?;
    let mac = Hmac::<Sha256>::new_from_slice(&key)?.chain_update(signed);
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[tokio::test]
async fn the_published_example_is_sent_with_the_published_signature() -> Tested {
    let subscriber = Subscriber::answering(|| StatusCode::OK.into_response()).await?;
    let sent = attempt_at(&subscriber.url("/hooks?tenant=7"), LONG).await?;
    assert_eq!((sent.status, &sent.outcome), (Some(200), &Outcome::Delivered));
    let [got] = &subscriber.got()[..] else { return Err("not one request".into()) };
    assert_eq!(
        (got.method.as_str(), got.target.to_string().as_str(), got.body.as_str()),
        ("POST", "/hooks?tenant=7", BODY)
    );
    let own = concat!("Bursar/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("webhook-id", ID),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", SIGNATURE),
        ("content-type", "application/json"),
        ("user-agent", own),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    assert_eq!(got.headers.len(), 7, "nothing else but host and content-length: {:?}", got.headers);
    Ok(())
}

#[tokio::test]
async fn while_two_secrets_are_in_rotation_either_verifies_what_was_sent() -> Tested {
    let subscriber = Subscriber::answering(|| StatusCode::NO_CONTENT.into_response()).await?;
    let secrets = [Secret::random(), Secret::random()];
    let sent = attempt(&sender(LONG, true)?, &subscriber.url("/"), &secrets).await?;
    assert_eq!(sent.outcome, Outcome::Delivered);
    let got = subscriber.got().remove(0);
    let signed = format!("{}.{}.{}", got.header("webhook-id"), got.header("webhook-timestamp"), got.body);
    let expected: Result<Vec<String>, _> =
        secrets.iter().map(|secret| expected_signature(secret.to_text().expose_secret(), &signed)).collect();
    assert_eq!(got.header("webhook-signature"), expected?.join(" "));
    Ok(())
}

#[tokio::test]
async fn the_status_decides_and_no_redirect_is_followed() -> Tested {
    for (status, outcome, words_of_it) in [
        (200, "Delivered", ""),
        (299, "Delivered", ""),
        (301, "Failed", "redirects are not followed"),
        (307, "Failed", "307 Temporary Redirect"),
        (404, "Failed", "404 Not Found"),
        (410, "Gone", ""),
        (500, "Failed", "500 Internal Server Error"),
    ] {
        let answer =
            move || (StatusCode::from_u16(status).unwrap_or_default(), [(header::LOCATION, "/other")]);
        let subscriber = Subscriber::answering(move || answer().into_response()).await?;
        let sent = attempt_at(&subscriber.url("/"), LONG).await?;
        assert_eq!(sent.status, Some(status));
        assert!(format!("{:?}", sent.outcome).starts_with(outcome), "{status}: {:?}", sent.outcome);
        assert!(words(&sent).contains(words_of_it), "{status}: {}", words(&sent));
        assert_eq!(subscriber.got().len(), 1, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn of_an_answer_without_end_little_is_read_and_the_status_counts() -> Tested {
    // It ends all the same, far behind what the system's buffers hold, for the sake of who reads on.
    const CHUNKS: usize = 4096;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let subscriber = Subscriber::answering(move || {
        let count = Arc::clone(&count);
        let chunk = move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(&[b' '; 64 * 1024]))
        };
        Response::new(Body::from_stream(stream::repeat_with(chunk).take(CHUNKS)))
    })
    .await?;
    let sent = attempt_at(&subscriber.url("/"), LONG).await?;
    assert_eq!((sent.status, &sent.outcome), (Some(200), &Outcome::Delivered));
    assert!(written.load(Ordering::Relaxed) < CHUNKS);
    Ok(())
}

#[tokio::test]
async fn the_status_counts_even_if_the_rest_of_the_answer_breaks_off_or_never_comes() -> Tested {
    const HALF: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 10\r\n\r\nhalf";
    // The second timeout passes in any case; it is long enough for the status.
    for (closes, timeout) in [(true, LONG), (false, Duration::from_secs(2))] {
        let url = subscriber::writing(BODY, HALF, closes)?;
        let sent = attempt_at(&url, timeout).await?;
        assert_eq!((sent.status, &sent.outcome), (Some(202), &Outcome::Delivered), "closes: {closes}");
    }
    Ok(())
}

#[tokio::test]
async fn who_takes_the_call_and_stays_silent_is_given_up() -> Tested {
    // The system accepts; nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/", listener.local_addr()?);
        let sent = attempt_at(&url, Duration::from_millis(20)).await?;
        assert_eq!(sent.status, None);
        assert_eq!(sent.outcome, Outcome::Failed("there was no answer in 20ms".to_owned()), "{scheme}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_there_is_told_with_the_reason() -> Tested {
    // No server of a test has a port that only root may take.
    let sent = attempt_at("http://127.0.0.1:1/the-path", LONG).await?;
    assert!(matches!(&sent.outcome, Outcome::Failed(why) if why.contains("refused")), "{sent:?}");
    let shown = format!("{sent:?}");
    assert!(!shown.contains("the-path") && !shown.contains("MfKQ"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() -> Tested {
    let url = subscriber::with_own_certificate()?;
    let sent = attempt_at(&url, LONG).await?;
    assert!(
        matches!(&sent.outcome, Outcome::Failed(why) if why.contains("invalid peer certificate")),
        "{sent:?}"
    );
    Ok(())
}

#[tokio::test]
async fn nobody_is_called_in_private_whatever_the_url_calls_it() -> Tested {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let sender = sender(LONG, false)?;
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let sent = attempt(&sender, &format!("https://{host}:{port}/"), &[SECRET.parse()?]).await?;
        let is_refused = matches!(&sent.outcome, Outcome::Refused(why) if why.contains("this machine"));
        assert!(is_refused && sent.status.is_none(), "{host}: {sent:?}");
    }
    assert!(called_by_nobody(listener)?);
    Ok(())
}

#[tokio::test]
async fn what_is_not_fit_to_be_sent_is_refused_without_a_call() -> Tested {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let sender = sender(LONG, true)?;
    let sent = attempt(&sender, &format!("{url}#part"), &[SECRET.parse()?]).await?;
    assert!(matches!(&sent.outcome, Outcome::Refused(why) if why.contains("fragment")), "{sent:?}");
    let sent = attempt(&sender, &url, &[]).await?;
    assert!(matches!(&sent.outcome, Outcome::Refused(why) if why.contains("no secret")), "{sent:?}");
    for id in ["", "a.b", "a b", "a\nb", "\u{e4}"] {
        let message = Message { id, at: Timestamp::UNIX_EPOCH, body: b"{}" };
        let sent = sender.send(&url, &message, &[SECRET.parse()?]).await;
        assert!(matches!(&sent.outcome, Outcome::Refused(why) if why.contains("id")), "{id}: {sent:?}");
    }
    assert!(called_by_nobody(listener)?);
    Ok(())
}
