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
}

impl Gate {
    /// A gate to this server.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String) -> Self {
        let seen = Arc::new(Seen { requests: watch::Sender::new(0), allowed: watch::Sender::new(None) });
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
    let (from_server, to_server) = server.into_split();
    // An answer to somebody who left must not pass in the place of another.
    tokio::select! {
        biased;
        () = requests(from_client, to_server, Arc::clone(&seen)) => {}
        () = answers(from_server, to_client, Arc::clone(&seen)) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: Arc<Seen>) {
    let mut next = Message::read_first(&mut from).await;
    while let Some(message) = next {
        if message.ends_request() {
            seen.requests.send_modify(|requests| *requests += 1);
        }
        if to.write_all(&message.bytes()).await.is_err() {
            return;
        }
        next = Message::read(&mut from).await;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: Arc<Seen>) {
    let mut allowed = seen.allowed.subscribe();
    while let Some(message) = Message::read(&mut from).await {
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
