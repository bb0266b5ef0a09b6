//! What one connection may cost: how many there are, and how slowly a request's head may come.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tower::Service;

/// Lets connections in, up to a number; more are closed at once.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    places: Arc<Semaphore>,
    header_timeout: Duration,
}

impl Doorkeeper {
    pub(crate) fn new(connections_max: usize, header_timeout: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(connections_max)), header_timeout }
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Connection> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(io::Error::other("too many open connections"));
        };
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            phase: Phase::default(),
            header_timeout: self.header_timeout,
            head_deadline: None,
            _place: place,
        })
    }
}

impl<S> Accept<TcpStream, S> for Doorkeeper {
    type Stream = Connection;
    type Service = Watched<S>;
    type Future = Ready<io::Result<(Connection, Watched<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|connection| {
            let phase = connection.phase.clone();
            (connection, Watched { service, phase })
        }))
    }
}

/// Where a connection stands, shared by its stream and its service.
#[derive(Clone, Default)]
struct Phase(Arc<AtomicU8>);

impl Phase {
    /// Nothing of a next request has come: the connection is kept alive.
    const IDLE: u8 = 0;
    /// A part of a request's head has come.
    const HEAD: u8 = 1;
    /// A request is being worked on; its body has a time-out of its own.
    const REQUEST: u8 = 2;

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// A connection whose requests' heads have to come in time.
///
/// hyper's own header time-out also runs while a connection is idle. Set as short as slow clients
/// need it, it would close the pooled connections of a proxy, and a swipe that was just being sent
/// on one of them would be lost. So this one runs from the first byte of a head only.
pub(crate) struct Connection {
    stream: TcpStream,
    phase: Phase,
    header_timeout: Duration,
    head_deadline: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// A head that is not there whole has until the deadline.
    fn wait_for_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase.get() != Phase::HEAD {
            self.head_deadline = None;
            return Poll::Pending;
        }
        let timeout = self.header_timeout;
        let deadline = self.head_deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        deadline
            .as_mut()
            .poll(context)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the head of the request came too slowly")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.wait_for_head(context),
            ready => {
                if self.phase.get() == Phase::IDLE {
                    self.phase.set(Phase::HEAD);
                }
                ready
            }
        }
    }
}

impl AsyncWrite for Connection {
    /// An answer is being sent: what is read from now on is the next request.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.phase.set(Phase::IDLE);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.phase.set(Phase::IDLE);
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A service that tells its connection when a head was read whole.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    service: S,
    phase: Phase,
}

impl<S: Service<R>, R> Service<R> for Watched<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.phase.set(Phase::REQUEST);
        self.service.call(request)
    }
}
