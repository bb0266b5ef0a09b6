//! nginx as a service of this checkout, before two instances that one starts oneself.

use std::net::{Ipv4Addr, SocketAddr};

use bursar_services::{Front, Life, Nginx, free_port};

use super::service::{Daemon, Started, its_own};
use crate::{Error, certs, tools};

/// The ports of the instances, as `deploy/compose.yaml` has them.
const INSTANCES: [u16; 2] = [3000, 3001];

impl Daemon for Nginx {
    const NAME: &str = "nginx";
    const GIVEN: Option<&str> = None;

    its_own!();

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() {
            tools::install_service(&["nginx"], None)?;
        }
        Self::installed()
    }

    /// Its certificate is its own, so that the file is what a client has to trust.
    fn make(&self) -> Result<(), Error> {
        match self.folder().join(certs::CERTIFICATE).exists() {
            true => Ok(()),
            false => certs::write(self.folder()),
        }
    }

    fn is_running(&self) -> Result<bool, Error> {
        Ok(self.is_running())
    }

    fn start(&self, life: Life) -> Result<Started, Error> {
        let before = INSTANCES.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let front = Front { http: free_port()?, https: free_port()?, before };
        self.start(&front, &[], life)?;
        Ok(Started { url: Self::url(front.https), files: Vec::new() })
    }
}
