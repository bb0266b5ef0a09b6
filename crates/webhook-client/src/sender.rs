//! One attempt to deliver, and how it ended.

use std::error::Error;
use std::time::{Duration, Instant};

use bursar_http_client::{read_body, tls, with_causes};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::resolver::{NotPublic, Resolver};
use crate::secret::{Secret, signatures};
use crate::url::url_problem;

/// So much of an answer is read, and nobody looks at it: a connection serves again only if its answer ended.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const US: &str = concat!("Bursar/", env!("CARGO_PKG_VERSION"));

/// How subscribers are called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long one attempt takes, at most, resolving, connecting and reading included. The specification
    /// recommends 15 to 30 s.
    pub timeout: Duration,
    /// Whether a subscriber may be on this machine or in a private network, and do without TLS.
    pub allow_private: bool,
}

/// One event, as one attempt sends it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The event's own, the same in every attempt: visible ASCII without a full stop.
    pub id: &'a str,
    /// When this attempt is made, to the second: subscribers refuse what is old.
    pub at: Timestamp,
    /// JSON.
    pub body: &'a [u8],
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the subscriber answered, if it did.
    pub status: Option<u16>,
    /// What that means.
    pub outcome: Outcome,
    /// From the call to the end of the answer, or to when it was given up.
    pub took: Duration,
}

/// What an attempt came to. Its words hold neither a secret nor any part of the URL's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The subscriber has it: any 2xx.
    Delivered,
    /// The subscriber asks not to be called any more: 410.
    Gone,
    /// We called nobody: the URL, where its host leads to, or the message is not fit, and why.
    Refused(String),
    /// Anything else, and what; the subscriber may have it all the same.
    Failed(String),
}

/// Makes attempts, many at a time; it keeps connections for those that follow within a minute or so.
#[derive(Debug)]
pub struct Sender {
    http: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    settings: Settings,
}

impl Sender {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The system has no CA certificates. Where private addresses are allowed it may lack them, for `http` is
    /// allowed too.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(settings.allow_private));
        // The TLS around it judges the scheme.
        tcp.enforce_http(false);
        // It is split between the addresses of a name: one that is dead leaves time for the next.
        tcp.set_connect_timeout(Some(settings.timeout));
        let tls = tls(!settings.allow_private).map_err(|why| format!("no webhook can be sent: {why}"))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // Without a timer, a connection stays open until its subscriber is called again.
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { http, settings })
    }

    /// Sends one message to one subscriber, once, signed with each secret: two while one follows the other.
    ///
    /// It ends within the timeout. Redirects are not followed. What the connection is made to is looked at, not
    /// what the name meant earlier.
    pub async fn send(&self, url: &str, message: &Message<'_>, secrets: &[Secret]) -> Sent {
        let begin = Instant::now();
        let (status, outcome) = match self.request(url, message, secrets) {
            Ok(request) => self.call(request, begin).await,
            Err(why) => (None, Outcome::Refused(why)),
        };
        Sent { status, outcome, took: begin.elapsed() }
    }

    /// The request, or why there is none.
    fn request(
        &self,
        url: &str,
        message: &Message<'_>,
        secrets: &[Secret],
    ) -> Result<Request<Full<Bytes>>, String> {
        if let Some(why) = url_problem(url, self.settings.allow_private) {
            return Err(format!("the URL {why}"));
        }
        if secrets.is_empty() {
            return Err("there is no secret to sign with".to_owned());
        }
        // A full stop would let one id and time be read as another's.
        if message.id.is_empty() || !message.id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.') {
            return Err("the message's id is not visible ASCII without a full stop".to_owned());
        }
        Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, US)
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.at.as_second())
            .header("webhook-signature", signatures(secrets, message))
            .body(Full::from(message.body.to_vec()))
            .map_err(|error| error.to_string())
    }

    async fn call(&self, request: Request<Full<Bytes>>, begin: Instant) -> (Option<u16>, Outcome) {
        let response = match timeout(self.settings.timeout, self.http.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return (None, Outcome::of_error(&error)),
            Err(_) => {
                return (
                    None,
                    Outcome::Failed(format!("there was no answer in {:?}", self.settings.timeout)),
                );
            }
        };
        let status = response.status();
        let left = self.settings.timeout.saturating_sub(begin.elapsed());
        // The status is the answer. A body that breaks, never ends or is too long changes nothing about it: who
        // has said that it has the message would get it twice.
        let _ = timeout(left, read_body(response.into_body(), ANSWER_BYTES_MAX)).await;
        (Some(status.as_u16()), Outcome::of_status(status))
    }
}

impl Outcome {
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::GONE => Self::Gone,
            status if status.is_success() => Self::Delivered,
            status if status.is_redirection() => Self::Failed(format!(
                "it answered {status}, and redirects are not followed: register the URL that it leads to"
            )),
            status => Self::Failed(format!("it answered {status}")),
        }
    }

    fn of_error(error: &(dyn Error + 'static)) -> Self {
        match refusal(error) {
            Some(refusal) => Self::Refused(refusal.to_string()),
            None => Self::Failed(with_causes(error)),
        }
    }
}

/// Our resolver's refusal comes out of the client as the cause of some other error.
fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a NotPublic> {
    error.downcast_ref().or_else(|| refusal(error.source()?))
}
