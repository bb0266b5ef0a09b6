//! A TCP proxy that does to a link what networks do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::links::{connect, listen};

/// What happens to all connections through a [`Proxy`], until something else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Everything passes.
    None,
    /// What is sent arrives so much later.
    Delay(Duration),
    /// So many bytes a second pass, each way.
    Throttle(u32),
    /// Connections are cut, and new ones as soon as they are made.
    Cut,
    /// Each connection is cut once so many bytes more have passed, both ways together.
    CutAfter(usize),
    /// Nothing passes, and nobody is told. What was sent meanwhile is lost: connections that were there are
    /// cut when this ends, as by a host that knows nothing of them.
    HalfOpen,
}

/// Listens on a port of its own. Everything passes at first.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
}

/// The fault, how many came before it, and how many of these ended all connections.
#[derive(Debug, Clone, Copy)]
struct Weather {
    fault: Fault,
    changes: u64,
    cuts: u64,
}

impl Proxy {
    /// A proxy to this server.
    ///
    /// # Panics
    /// No port is free.
    pub async fn to(server: String) -> Self {
        let weather = watch::Sender::new(Weather { fault: Fault::None, changes: 0, cuts: 0 });
        let seen = weather.subscribe();
        let address = listen(move |client| carry(client, server.clone(), seen.clone())).await;
        Self { address, weather }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on.
    pub fn set(&self, fault: Fault) {
        self.weather.send_modify(|weather| {
            let ends_all = fault == Fault::Cut || weather.fault == Fault::HalfOpen;
            let Weather { changes, cuts, .. } = *weather;
            *weather = Weather { fault, changes: changes + 1, cuts: cuts + u64::from(ends_all) };
        });
    }
}

/// One connection, until one side ends it or it is cut.
async fn carry(client: TcpStream, server: String, seen: watch::Receiver<Weather>) {
    let Weather { fault, cuts, .. } = *seen.borrow();
    if fault == Fault::Cut {
        return;
    }
    let Some(server) = connect(&server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let link = Arc::new(Link { cuts, seen: seen.clone(), passed: Mutex::default() });
    let mut until_cut = seen;
    tokio::select! {
        () = Arc::clone(&link).pump(from_client, to_server) => {}
        () = link.pump(from_server, to_client) => {}
        _ = until_cut.wait_for(|weather| weather.cuts != cuts) => {}
    }
}

struct Link {
    /// Those before it was made.
    cuts: u64,
    seen: watch::Receiver<Weather>,
    /// How many bytes passed since which change.
    passed: Mutex<(u64, usize)>,
}

impl Link {
    async fn pump(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if self.pass(&buffer[..length], &mut to).await.is_none() {
                return;
            }
        }
    }

    /// `None`: the connection ends here.
    async fn pass(&self, bytes: &[u8], to: &mut OwnedWriteHalf) -> Option<()> {
        let weather = *self.seen.borrow();
        if weather.cuts != self.cuts {
            return None;
        }
        match weather.fault {
            Fault::None => to.write_all(bytes).await.ok(),
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                to.write_all(bytes).await.ok()
            }
            Fault::Throttle(rate) => {
                let rate = rate.max(1);
                for part in bytes.chunks(rate.div_ceil(PARTS_A_SECOND) as usize) {
                    tokio::time::sleep(Duration::from_secs(part.len() as u64) / rate).await;
                    to.write_all(part).await.ok()?;
                }
                Some(())
            }
            Fault::Cut => None,
            Fault::CutAfter(most) => {
                let allowed = self.take(weather.changes, bytes.len(), most);
                to.write_all(&bytes[..allowed]).await.ok()?;
                (allowed == bytes.len()).then_some(())
            }
            Fault::HalfOpen => Some(()),
        }
    }

    /// How many of so many bytes may pass.
    fn take(&self, change: u64, length: usize, most: usize) -> usize {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.0 != change {
            *passed = (change, 0);
        }
        let allowed = length.min(most - passed.1);
        passed.1 += allowed;
        allowed
    }
}

/// How often a throttled link lets something pass.
const PARTS_A_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// A proxy to somebody who sends back what he gets.
    async fn to_an_echo() -> Proxy {
        let echo = async |mut client: TcpStream| {
            let (mut from, mut to) = client.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        };
        let address = listen(echo).await;
        Proxy::to(address.to_string()).await
    }

    async fn connected(proxy: &Proxy) -> TcpStream {
        let mut connected = TcpStream::connect(proxy.address()).await.expect("it listens");
        assert_eq!(echo(&mut connected, 1).await, 1);
        connected
    }

    /// How many bytes come back of so many.
    async fn echo(link: &mut TcpStream, length: usize) -> usize {
        let sent = vec![7; length];
        let mut got = vec![0; length];
        let (mut from, mut to) = link.split();
        // A link that is cut takes what it takes.
        let _ = to.write_all(&sent).await;
        for count in 0..length {
            match from.read(&mut got[count..=count]).await {
                Ok(1) => {}
                _ => return count,
            }
        }
        length
    }

    #[tokio::test]
    async fn a_cut_ends_what_is_there_and_what_is_made_meanwhile() {
        let proxy = to_an_echo().await;
        let mut before = connected(&proxy).await;
        proxy.set(Fault::Cut);
        let mut meanwhile = TcpStream::connect(proxy.address()).await.expect("it listens");
        assert_eq!(echo(&mut meanwhile, 1).await, 0);
        proxy.set(Fault::None);
        assert_eq!(echo(&mut before, 1).await, 0);
        connected(&proxy).await;
    }

    #[tokio::test]
    async fn a_cut_that_is_over_at_once_ends_what_was_there() {
        let proxy = to_an_echo().await;
        let mut before = connected(&proxy).await;
        proxy.set(Fault::Cut);
        proxy.set(Fault::None);
        assert_eq!(echo(&mut before, 1).await, 0);
    }

    #[tokio::test]
    async fn each_connection_is_cut_after_so_many_bytes() {
        let proxy = to_an_echo().await;
        let mut connections = [connected(&proxy).await, connected(&proxy).await];
        proxy.set(Fault::CutAfter(150));
        for connection in &mut connections {
            // 100 there, 50 of them back.
            assert_eq!(echo(connection, 100).await, 50);
        }
    }

    #[tokio::test]
    async fn what_is_sent_over_a_half_open_link_is_lost_and_its_end_is_told_later() {
        let proxy = to_an_echo().await;
        let mut before = connected(&proxy).await;
        proxy.set(Fault::HalfOpen);
        before.write_all(b"lost").await.expect("nobody tells");
        proxy.set(Fault::None);
        let mut got = Vec::new();
        let _ = before.read_to_end(&mut got).await;
        assert_eq!(got, b"");
        connected(&proxy).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_takes_its_time() {
        let proxy = to_an_echo().await;
        let mut link = connected(&proxy).await;
        for (fault, least) in [
            (Fault::Delay(Duration::from_secs(10)), Duration::from_secs(20)),
            // What is there comes back meanwhile.
            (Fault::Throttle(10), Duration::from_secs(10)),
        ] {
            proxy.set(fault);
            let began = Instant::now();
            assert_eq!(echo(&mut link, 100).await, 100);
            assert!(began.elapsed() >= least, "{fault:?} took {:?}", began.elapsed());
        }
    }
}
