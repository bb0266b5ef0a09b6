//! Subscribers: one that answers properly, and some that do not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;

pub(crate) type Error = Box<dyn std::error::Error>;
pub(crate) type Tested = Result<(), Error>;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// One that always answers the same.
pub(crate) struct Subscriber {
    origin: String,
    got: Arc<Mutex<Vec<Got>>>,
}

#[derive(Clone)]
struct Answers {
    answer: Arc<dyn Fn() -> Response + Send + Sync>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Subscriber {
    pub(crate) async fn answering(
        answer: impl Fn() -> Response + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (origin, got) = (format!("http://{}", listener.local_addr()?), Arc::default());
        let answers = Answers { answer: Arc::new(answer), got: Arc::clone(&got) };
        let routes = Router::new().fallback(take).with_state(answers);
        tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(Self { origin, got })
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(
    State(answers): State<Answers>,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let got = Got { method, target, headers, body };
    answers.got.lock().unwrap_or_else(PoisonError::into_inner).push(got);
    (answers.answer)()
}

/// One who reads a request to these last words, writes these bytes, and then closes the connection, or never does.
pub(crate) fn writing(
    last_words: &'static str,
    answer: &'static [u8],
    closes: bool,
) -> Result<String, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let (mut read, mut chunk) = (Vec::new(), [0; 1024]);
        while !read.ends_with(last_words.as_bytes()) {
            let length = stream.read(&mut chunk)?;
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            read.extend_from_slice(&chunk[..length]);
        }
        stream.write_all(answer)?;
        match closes {
            true => Ok(()),
            // A thread may wake without a reason.
            false => loop {
                thread::park();
            },
        }
    });
    Ok(url)
}

/// One with a certificate for its address that it gave itself.
pub(crate) fn with_own_certificate() -> Result<String, Error> {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der())?;
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)?;
    let mut tls = rustls::ServerConnection::new(Arc::new(config))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("https://{}/", listener.local_addr()?);
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        // Who believes the certificate is answered.
        let mut stream = rustls::Stream::new(&mut tls, &mut stream);
        stream.read_exact(&mut [0])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        stream.flush()
    });
    Ok(url)
}

/// Whether nobody has connected, not even somebody whom nobody has accepted yet.
pub(crate) fn called_by_nobody(listener: tokio::net::TcpListener) -> Result<bool, Error> {
    let listener = listener.into_std()?;
    listener.set_nonblocking(true)?;
    match listener.accept() {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error.into()),
    }
}
