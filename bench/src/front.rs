//! nginx with the configuration of `deploy/`, before two instances.

use std::net::SocketAddr;
use std::path::PathBuf;

use bursar_services::{Front as Ports, Life, Nginx, free_port};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use crate::Error;

/// One address sends everything here.
const LIMITS: [(&str, &str); 2] = [("rate=200r/s", "rate=100000r/s"), ("burst=400", "burst=100000")];

/// Runs until it is dropped.
pub(crate) struct Front {
    nginx: Nginx,
    https: u16,
    folder: TempDir,
}

impl Front {
    pub(crate) fn before(instances: [SocketAddr; 2]) -> Result<Self, Error> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        std::fs::write(folder.path().join("bursar.crt"), cert.pem())?;
        std::fs::write(folder.path().join("bursar.key"), signing_key.serialize_pem())?;
        let ports = Ports { http: free_port()?, https: free_port()?, before: instances };
        let nginx = Nginx::within(folder.path().to_owned())?;
        nginx.start(&ports, &LIMITS, Life::AsLongAsThis)?;
        Ok(Self { nginx, https: ports.https, folder })
    }

    pub(crate) fn url(&self) -> String {
        Nginx::url(self.https)
    }

    /// Whoever reads it can trust it.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.folder.path().join("bursar.crt")
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Err(error) = self.nginx.stop() {
            eprintln!("{error}");
        }
    }
}
