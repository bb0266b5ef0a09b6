//! Somebody between a ledger and PostgreSQL who reads what the ledger asks, and changes it or cuts the link
//! at the worst moment.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::links::{connect, listen};
use crate::wire::Message;

/// What becomes of a message of the ledger's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It passes.
    Pass,
    /// This passes in its place.
    Instead(Message),
    /// The link is cut before it: the server never sees it.
    LoseRequest,
    /// The link is cut when the server has answered it: the ledger never sees the answer. It has to end a
    /// request.
    LoseAnswer,
}

/// Listens on a port of its own.
pub struct Meddler {
    address: SocketAddr,
}

type Meddle = dyn Fn(&Message) -> Deed + Send + Sync;

impl Meddler {
    /// A meddler in front of this server, who does this to each message.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String, meddle: impl Fn(&Message) -> Deed + Send + Sync + 'static) -> Self {
        let meddle: Arc<Meddle> = Arc::new(meddle);
        let address = listen(move |client| carry(client, server.clone(), Arc::clone(&meddle))).await;
        Self { address }
    }

    /// Where he listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One connection, until one side ends it or it is cut.
async fn carry(client: TcpStream, server: String, meddle: Arc<Meddle>) {
    let Some(server) = connect(&server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asked = Asked::default();
    tokio::select! {
        () = requests(from_client, to_server, &asked, &*meddle) => {}
        () = answers(from_server, to_client, &asked) => {}
    }
}

/// The requests of one connection.
#[derive(Default)]
struct Asked {
    /// How many passed.
    count: AtomicU64,
    /// The number of the one whose answer is lost.
    lost: Mutex<Option<u64>>,
}

async fn requests(from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: &Asked, meddle: &Meddle) {
    let mut from = BufReader::new(from);
    // It says who connects, and is answered like a request.
    let Some(first) = Message::read_first(&mut from).await else { return };
    let mut next = Some(first);
    asked.count.fetch_add(1, Ordering::Relaxed);
    while let Some(message) = next {
        if to.write_all(&message.bytes()).await.is_err() {
            return;
        }
        next = Message::read(&mut from).await.and_then(|message| asked.meddled(message, meddle));
    }
}

impl Asked {
    /// The message that passes, if the link is not cut before it.
    fn meddled(&self, message: Message, meddle: &Meddle) -> Option<Message> {
        let count = self.count.load(Ordering::Relaxed);
        let message = match meddle(&message) {
            Deed::Pass => message,
            Deed::Instead(other) => other,
            Deed::LoseRequest => return None,
            Deed::LoseAnswer => {
                *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
                message
            }
        };
        self.count.fetch_add(u64::from(message.ends_request()), Ordering::Relaxed);
        Some(message)
    }
}

async fn answers(from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: &Asked) {
    let mut from = BufReader::new(from);
    let mut answered = 0;
    while let Some(message) = Message::read(&mut from).await {
        let is_lost = *asked.lost.lock().unwrap_or_else(PoisonError::into_inner) == Some(answered);
        if message.ends_answer() {
            if is_lost {
                return;
            }
            answered += 1;
        }
        if !is_lost && to.write_all(&message.bytes()).await.is_err() {
            return;
        }
    }
}

/// A deed at every so manieth time that it fits.
pub fn every(times: u64, deed: impl Fn(&Message) -> Option<Deed>) -> impl Fn(&Message) -> Deed {
    let seen = AtomicU64::new(0);
    move |message| match deed(message) {
        Some(deed) if (seen.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(times) => deed,
        _ => Deed::Pass,
    }
}
