//! Finds the addresses of a name, and passes on only those that may be called.
//!
//! The client connects to what this gives and asks nobody else: there is no moment between the check and the call in
//! which a name could come to mean another address.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use crate::address::not_public;

/// The system's resolver, filtered. It is never asked about an address: see [`crate::url`].
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    system: GaiResolver,
    allow_private: bool,
}

/// A name that leads to nowhere public. It does not tell the address, which is nobody's business outside.
#[derive(Debug, thiserror::Error)]
#[error("the URL's host has no public address, only: {0}")]
pub(crate) struct NotPublic(&'static str);

impl Resolver {
    pub(crate) fn new(allow_private: bool) -> Self {
        Self { system: GaiResolver::new(), allow_private }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, allow_private) = (self.system.call(name), self.allow_private);
        Box::pin(async move {
            let found = found.await?.collect();
            Ok(if allow_private { found } else { public(found)? }.into_iter())
        })
    }
}

/// Those of the addresses that are public.
fn public(mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    let mut refused = None;
    addresses.retain(|address| {
        let what = not_public(address.ip());
        refused = refused.or(what);
        what.is_none()
    });
    match refused {
        Some(what) if addresses.is_empty() => Err(NotPublic(what)),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_only_the_public_ones_are_called() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let mixed = addresses(&["10.0.0.1:0", "8.8.8.8:0", "[::1]:0", "[2606:4700::1111]:0"]);
        let public_ones = addresses(&["8.8.8.8:0", "[2606:4700::1111]:0"]);
        assert_eq!(public(mixed).expect("some are public"), public_ones);
        let refused = public(addresses(&["10.0.0.1:0", "127.0.0.1:0"])).expect_err("none is public");
        assert!(refused.to_string().ends_with("only: a private network"), "{refused}");
    }
}
