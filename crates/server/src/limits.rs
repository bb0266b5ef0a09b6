//! What one connection may cost: how many there are, how slowly a request's head may come, and how
//! slowly its answer may be taken.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tower::Service;

use crate::app::Settings;

/// Lets connections in, up to a number; more are closed at once.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    places: Arc<Semaphore>,
    header_timeout: Duration,
    answer_timeout: Duration,
    /// Whether each connection ends with its next answer.
    is_closing: Arc<AtomicBool>,
}

impl Doorkeeper {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            places: Arc::new(Semaphore::new(settings.connections_max)),
            header_timeout: settings.header_timeout,
            answer_timeout: settings.answer_timeout,
            is_closing: Arc::default(),
        }
    }

    /// From here on each answer says that its connection ends: whoever keeps some goes elsewhere with the next request.
    pub(crate) fn see_out(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Connection> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(io::Error::other("too many open connections"));
        };
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            phase: Phase::default(),
            head: Patience::new(self.header_timeout),
            answer: Patience::new(self.answer_timeout),
            _place: place,
        })
    }
}

impl<S> Accept<TcpStream, S> for Doorkeeper {
    type Stream = Connection;
    type Service = Watched<S>;
    type Future = Ready<io::Result<(Connection, Watched<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let is_closing = self.is_closing.clone();
        ready(self.admit(stream).map(|connection| {
            let phase = connection.phase.clone();
            (connection, Watched { service, phase, is_closing })
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
    /// A request is being worked on; its body has a time-out of its own. `100 Continue` may be
    /// written meanwhile.
    const REQUEST: u8 = 2;
    /// Its answer is ready.
    const ANSWER: u8 = 3;

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// For how long something may stay as it is.
struct Patience {
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    const fn new(timeout: Duration) -> Self {
        Self { timeout, deadline: None }
    }

    /// It has changed: the next wait begins anew.
    fn reset(&mut self) {
        self.deadline = None;
    }

    /// It is still as it was; ready once that has been so for too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        deadline.as_mut().poll(context)
    }
}

/// A connection whose requests' heads have to come in time, and whose answers have to be taken.
///
/// hyper's own header time-out also runs while a connection is idle. Set as short as slow clients
/// need it, it would close the pooled connections of a proxy, and a swipe that was just being sent
/// on one of them would be lost. So this one runs from the first byte of a head only. hyper has
/// no time-out for writing: who never reads would keep a place and an answer for ever.
pub(crate) struct Connection {
    stream: TcpStream,
    phase: Phase,
    head: Patience,
    answer: Patience,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// A head that is not there whole has until the deadline.
    fn wait_for_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase.get() != Phase::HEAD {
            self.head.reset();
            return Poll::Pending;
        }
        self.head.wait(context).map(|()| Err(timed_out("the head of the request came too slowly")))
    }

    /// What is read after an answer began is the next request. A write that waits has until the
    /// deadline.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.phase.get() == Phase::ANSWER {
            self.phase.set(Phase::IDLE);
        }
        match written {
            Poll::Ready(written) => {
                self.answer.reset();
                Poll::Ready(written)
            }
            Poll::Pending => self.answer.wait(context).map(|()| Err(timed_out("nobody takes the answer"))),
        }
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
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
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
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

/// A service that tells its connection when a head was read whole and when its answer is ready.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    service: S,
    phase: Phase,
    is_closing: Arc<AtomicBool>,
}

impl<S: Service<R, Response = Response>, R> Service<R> for Watched<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.phase.set(Phase::REQUEST);
        let (phase, is_closing) = (self.phase.clone(), self.is_closing.clone());
        Answering { answer: self.service.call(request), phase, is_closing }
    }
}

pin_project_lite::pin_project! {
    /// An answer that is not ready yet.
    pub(crate) struct Answering<F> {
        #[pin]
        answer: F,
        phase: Phase,
        is_closing: Arc<AtomicBool>,
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for Answering<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = std::task::ready!(this.answer.poll(context));
        if let (Ok(answer), true) = (&mut answer, this.is_closing.load(Ordering::Relaxed)) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        this.phase.set(Phase::ANSWER);
        Poll::Ready(answer)
    }
}
