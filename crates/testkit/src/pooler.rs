//! A pooler in front of PostgreSQL with a defect: it says that a transaction was cancelled, and leaves it
//! open on the connection that it gives to the next client.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::links::{connect, listen};
use crate::wire::Message;

/// Listens on a port of its own.
pub struct Pooler {
    address: SocketAddr,
}

impl Pooler {
    /// A pooler of this server, which says that every so manieth write was cancelled.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String, times: u64) -> Self {
        let pool = Arc::new(Pool { server, times, writes: AtomicU64::new(0), idle: Mutex::default() });
        let address = listen(move |client| {
            let pool = Arc::clone(&pool);
            async move { pool.serve(BufReader::new(client)).await.unwrap_or(()) }
        })
        .await;
        Self { address }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

struct Pool {
    server: String,
    times: u64,
    writes: AtomicU64,
    /// Connections that clients left so, by what these said of themselves.
    idle: Mutex<HashMap<Vec<u8>, Vec<Session>>>,
}

/// A connection to the server, and the texts of the statements that are prepared on it.
struct Session {
    server: BufReader<TcpStream>,
    statements: HashMap<String, String>,
}

impl Pool {
    /// Serves one client, and keeps its connection when it leaves after a cancelled transaction. `None` where
    /// either side went away in mid-air.
    async fn serve(&self, mut client: BufReader<TcpStream>) -> Option<()> {
        let first = Message::read_first(&mut client).await?;
        let known = self.idle().get_mut(&first.bytes()).and_then(Vec::pop);
        let mut session = match known {
            Some(session) => {
                // Welcome, and ready.
                send(&mut client, &Message::new(b'R', vec![0; 4])).await?;
                send(&mut client, &Message::new(b'Z', b"I".to_vec())).await?;
                session
            }
            None => self.connect(&mut client, &first).await?,
        };
        let mut was_cancelled = false;
        while let Some(request) = read_request(&mut client).await {
            was_cancelled = session.writes(&request) && self.cancels();
            match was_cancelled {
                true => session.cancel(&request, &mut client).await?,
                false => session.pass(&request, &mut client).await?,
            }
        }
        // Any other may hold what belongs to its client alone, such as a lock.
        if was_cancelled {
            self.idle().entry(first.bytes()).or_default().push(session);
        }
        Some(())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Vec<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancels(&self) -> bool {
        (self.writes.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.times)
    }

    /// The client says who it is.
    async fn connect(&self, client: &mut BufReader<TcpStream>, first: &Message) -> Option<Session> {
        let mut server = BufReader::new(connect(&self.server).await?);
        send(&mut server, first).await?;
        loop {
            let message = Message::read(&mut server).await?;
            send(client, &message).await?;
            if message.ends_answer() {
                return Some(Session { server, statements: HashMap::new() });
            }
            if message.asks_for_a_password() {
                send(&mut server, &Message::read(client).await?).await?;
            }
        }
    }
}

impl Session {
    /// Whether the request writes what was decided.
    fn writes(&mut self, request: &[Message]) -> bool {
        for (name, text) in request.iter().filter_map(Message::prepared) {
            self.statements.insert(name.to_owned(), text.to_owned());
        }
        let mut bound = request.iter().filter_map(Message::bound);
        bound.any(|name| self.statements.get(name).is_some_and(|text| text.contains("insert into messages")))
    }

    async fn pass(&mut self, request: &[Message], client: &mut BufReader<TcpStream>) -> Option<()> {
        for answer in self.answers(request).await? {
            send(client, &answer).await?;
        }
        Some(())
    }

    /// The defect.
    async fn cancel(&mut self, request: &[Message], client: &mut BufReader<TcpStream>) -> Option<()> {
        self.answers(request).await?;
        let cancelled = b"SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0\0".to_vec();
        send(client, &Message::new(b'E', cancelled)).await?;
        send(client, &Message::new(b'Z', b"E".to_vec())).await?;
        read_request(client).await?;
        send(client, &Message::new(b'C', b"ROLLBACK\0".to_vec())).await?;
        send(client, &Message::new(b'Z', b"I".to_vec())).await
    }

    async fn answers(&mut self, request: &[Message]) -> Option<Vec<Message>> {
        for message in request {
            send(&mut self.server, message).await?;
        }
        let mut answers = Vec::new();
        while !answers.last().is_some_and(Message::ends_answer) {
            answers.push(Message::read(&mut self.server).await?);
        }
        Some(answers)
    }
}

/// All messages of a client's next request; `None` when it leaves.
async fn read_request(client: &mut BufReader<TcpStream>) -> Option<Vec<Message>> {
    let mut request = Vec::new();
    while !request.last().is_some_and(Message::ends_request) {
        let message = Message::read(client).await?;
        if message.says_goodbye() {
            return None;
        }
        request.push(message);
    }
    Some(request)
}

async fn send(to: &mut BufReader<TcpStream>, message: &Message) -> Option<()> {
    to.write_all(&message.bytes()).await.ok()
}
