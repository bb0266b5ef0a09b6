//! A gate between a ledger and PostgreSQL: it counts requests, and holds answers back until it is told to
//! let them pass. What a client sends without an answer is one flight.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::links::{connect, listen};
use crate::wire::Message;

/// Nobody waits longer than this for requests that do not come.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Whether requests wait, too.
    stalled: watch::Sender<bool>,
}

impl Gate {
    /// A gate to this server.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String) -> Self {
        let seen = Arc::new(Seen {
            requests: watch::Sender::new(0),
            allowed: watch::Sender::new(None),
            stalled: watch::Sender::new(false),
        });
        let through = Arc::clone(&seen);
        let address = listen(move |client| carry(client, server.clone(), Arc::clone(&through))).await;
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

    /// From now on no request passes, as to a server that stands still; once it goes on they all do, also those
    /// of clients that left meanwhile.
    pub fn stall(&self, stalls: bool) {
        self.seen.stalled.send_replace(stalls);
    }

    /// Waits until so many requests have come since the gate was closed.
    ///
    /// # Panics
    /// They do not come.
    pub async fn requests(&self, count: u64) {
        let mut requests = self.seen.requests.subscribe();
        let came = tokio::time::timeout(PATIENCE, requests.wait_for(|seen| *seen >= count)).await.is_ok();
        assert!(came, "only {} of {count} requests came", *self.seen.requests.borrow());
    }

    /// Lets the answers to so many requests pass.
    pub fn pass(&self, count: u64) {
        self.seen.allowed.send_modify(|allowed| *allowed = allowed.map(|allowed| allowed + count));
    }
}

async fn carry(client: TcpStream, server: String, seen: Arc<Seen>) {
    let Some(server) = connect(&server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        () = requests(from_client, &mut to_server, &seen) => {}
        // Answers to a client that left are forgotten.
        () = answers(&mut from_server, to_client, &seen) => {}
    }
    // The server takes to the end what the client sent before it left.
    let _ = to_server.shutdown().await;
    let _ = tokio::io::copy(&mut from_server, &mut tokio::io::sink()).await;
}

async fn requests(mut from: OwnedReadHalf, to: &mut OwnedWriteHalf, seen: &Seen) {
    let mut stalled = seen.stalled.subscribe();
    let mut next = Message::read_first(&mut from).await;
    while let Some(message) = next {
        if message.ends_request() {
            seen.requests.send_modify(|requests| *requests += 1);
        }
        if stalled.wait_for(|stalled| !stalled).await.is_err()
            || to.write_all(&message.bytes()).await.is_err()
        {
            return;
        }
        next = Message::read(&mut from).await;
    }
}

async fn answers(from: &mut OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Seen) {
    let mut allowed = seen.allowed.subscribe();
    while let Some(message) = Message::read(from).await {
        if allowed.wait_for(|allowed| *allowed != Some(0)).await.is_err() {
            return;
        }
        if message.ends_answer() {
            seen.allowed.send_modify(|allowed| *allowed = allowed.map(|allowed| allowed.saturating_sub(1)));
        }
        if to.write_all(&message.bytes()).await.is_err() {
            return;
        }
    }
}
