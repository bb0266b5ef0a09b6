//! What stands between a client and its server listens on a port of its own.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// Listens on a free port, and does this with each connection that comes.
///
/// # Panics
/// No port is free.
pub(crate) async fn listen<F>(carry: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if client.set_nodelay(true).is_ok() {
                tokio::spawn(carry(client));
            }
        }
    });
    address
}

/// A connection to the server, if it listens. It sends small messages at once: they would wait for one
/// another.
pub(crate) async fn connect(server: &str) -> Option<TcpStream> {
    let connected = TcpStream::connect(server).await.ok()?;
    connected.set_nodelay(true).ok()?;
    Some(connected)
}
