//! A gate between a ledger and PostgreSQL: it counts requests, and holds answers back until it is told to
//! let them pass. What a client sends without an answer is one flight.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Ends a request: a simple query, or the end of a prepared one.
const REQUEST_ENDS: [u8; 2] = [b'Q', b'S'];

/// Ends the answer to a request: the server is ready for another.
const ANSWER_ENDS: u8 = b'Z';

/// Listens on a port of its own. Open at first: everything passes.
pub struct Gate {
    address: SocketAddr,
    seen: Arc<Seen>,
}

struct Seen {
    /// Requests since the gate was closed.
    requests: watch::Sender<u64>,
    /// How many answers may pass; `None` is all.
    allowed: watch::Sender<Option<u64>>,
}

impl Gate {
    /// A gate to this server.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen { requests: watch::Sender::new(0), allowed: watch::Sender::new(None) });
        let through = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server listens");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(requests(from_client, to_server, Arc::clone(&through)));
                tokio::spawn(answers(from_server, to_client, Arc::clone(&through)));
            }
        });
        Self { address, seen }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on no answer passes.
    pub fn close(&self) {
        self.seen.requests.send_replace(0);
        self.seen.allowed.send_replace(Some(0));
    }

    /// Everything passes again.
    pub fn open(&self) {
        self.seen.allowed.send_replace(None);
    }

    /// Waits until so many requests have come since the gate was closed.
    pub async fn requests(&self, count: u64) {
        let mut requests = self.seen.requests.subscribe();
        requests.wait_for(|seen| *seen >= count).await.expect("the gate is there");
    }

    /// Lets the answers to so many requests pass.
    pub fn pass(&self, count: u64) {
        self.seen.allowed.send_modify(|allowed| *allowed = allowed.map(|allowed| allowed + count));
    }
}

/// The first message of a client has no type.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: Arc<Seen>) {
    let Some(start) = message(&mut from, None).await else { return };
    if to.write_all(&start).await.is_err() {
        return;
    }
    while let Ok(kind) = from.read_u8().await {
        let Some(message) = message(&mut from, Some(kind)).await else { return };
        if REQUEST_ENDS.contains(&kind) {
            seen.requests.send_modify(|requests| *requests += 1);
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: Arc<Seen>) {
    let mut allowed = seen.allowed.subscribe();
    while let Ok(kind) = from.read_u8().await {
        let Some(message) = message(&mut from, Some(kind)).await else { return };
        if allowed.wait_for(|allowed| *allowed != Some(0)).await.is_err() {
            return;
        }
        if kind == ANSWER_ENDS {
            seen.allowed.send_modify(|allowed| *allowed = allowed.map(|allowed| allowed.saturating_sub(1)));
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// A message as it came: its type if it has one, its length, its content.
async fn message(from: &mut OwnedReadHalf, kind: Option<u8>) -> Option<Vec<u8>> {
    let length = from.read_u32().await.ok()?;
    let mut message: Vec<u8> = kind.into_iter().chain(length.to_be_bytes()).collect();
    let content = usize::try_from(length).ok()?.checked_sub(4)?;
    let start = message.len();
    message.resize(start + content, 0);
    from.read_exact(&mut message[start..]).await.ok()?;
    Some(message)
}
