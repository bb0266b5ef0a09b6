//! The listener: bind, serve, stop gracefully.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::time::{Duration, Instant};

use axum_server::Handle;
use tokio::net::{TcpListener, TcpSocket};

use crate::app::App;
use crate::health;
use crate::limits::Doorkeeper;
use crate::workers::Workers;

/// How long a connection may be idle between two requests: longer than the proxies in front of us
/// keep theirs (60 s), so that they close first and no request is sent into a closing connection.
const IDLE_MAX: Duration = Duration::from_secs(75);

/// Connections that the system accepts before we do: the burst of a client with many of them.
const BACKLOG: u32 = 1024;

/// So long the authorizer gets to finish, at least, however long workers took.
const LAST_MIN: Duration = Duration::from_secs(1);

/// How often it is looked whether all connections have ended.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// Bytes in the head of a request, at most. Otherwise: 431.
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// A bound listener that is not serving yet: whoever connects waits.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why the address cannot be listened on, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "cannot listen on {0}: the port is taken; stop the program that has it, or choose another port \
         with --port or BURSAR__SERVER__LISTEN"
    )]
    Taken(SocketAddr),
    /// The system refuses for another reason.
    #[error(
        "cannot listen on {address}: {source}; choose another address with --port or BURSAR__SERVER__LISTEN"
    )]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Server {
    /// Listens on the address; port 0 takes a free one. Call it inside a Tokio runtime.
    ///
    /// # Errors
    /// The port is taken or the system refuses.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listen = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            let address = listener.local_addr()?;
            Ok::<_, io::Error>((listener, address))
        };
        match listen() {
            Ok::<_, io::Error>((listener, address)) => Ok(Self { listener, address }),
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => Err(BindError::Taken(address)),
            Err(source) => Err(BindError::Refused { address, source }),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is done, and logs when it ceases to be ready and when it is again. Then
    /// `/ready` says no while everything else goes on, for as long as whoever watches it needs to send
    /// nothing more; then no connection is accepted, and those that are there end with their next answer, or after a while;
    /// then running requests get their answers within the grace, workers and authorizer finish what they have.
    ///
    /// # Errors
    /// The listener fails, or the store hangs and what it was given last is unknown.
    pub async fn run(self, app: App, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        let settings = *app.settings();
        let handle = Handle::new();
        let doorkeeper = Doorkeeper::new(&settings);
        let door = self.listener.as_fd().try_clone_to_owned()?;
        let is_closed = app.clone();
        let mut server = axum_server::Server::<SocketAddr>::from_listener(self.listener)
            .acceptor(doorkeeper.clone())
            .handle(handle.clone())
            .first_request_timeout(settings.header_timeout)
            .accept_error_handler(move |peer, error| {
                // A door that is shut is asked on.
                if !is_closed.is_stopping() {
                    tracing::warn!(?peer, %error, "a connection was not accepted");
                }
            })
            .http1_only();
        server.http_builder().http1().header_read_timeout(IDLE_MAX).max_buf_size(HEAD_MAX_BYTES);
        let router = crate::router(app.clone());
        let workers = Workers::start(&app);
        let mut serving = pin!(server.serve(router.into_make_service()));
        let served = tokio::select! {
            served = &mut serving => served,
            never = health::watch(&app) => match never {},
            () = shutdown => {
                app.begin_stop();
                let ending = async {
                    tokio::time::sleep(settings.drain).await;
                    if !settings.linger.is_zero() {
                        doorkeeper.see_out();
                    }
                    // Else a proxy that has a connection here sends a request into its end, and nobody knows its fate.
                    linger(door, &handle, settings.linger).await;
                    handle.graceful_shutdown(Some(settings.shutdown_grace));
                };
                tokio::join!(&mut serving, ending).0
            }
        };
        let (grace, ending) = (settings.shutdown_grace, Instant::now());
        // Where the store hangs, the authorizer says so.
        let _ = tokio::time::timeout(grace, workers.stop()).await;
        let left = grace.saturating_sub(ending.elapsed()).max(LAST_MIN);
        let stopped = app.authorizer().stop(left).await;
        served.and(stopped.map_err(|hung| io::Error::new(io::ErrorKind::TimedOut, hung)))
    }
}

/// Shuts the door, and gives those who are inside so long to leave by themselves.
async fn linger(door: OwnedFd, handle: &Handle<SocketAddr>, at_most: Duration) {
    if at_most.is_zero() {
        return;
    }
    if let Err(error) = rustix::net::shutdown(&door, rustix::net::Shutdown::Both) {
        tracing::warn!("connections are accepted on: {error}");
    }
    // Else it is still listened at.
    drop(door);
    let leaving = async {
        while handle.connection_count() > 0 {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    };
    let _ = tokio::time::timeout(at_most, leaving).await;
}
