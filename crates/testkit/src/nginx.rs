//! The real nginx, with the configuration of `deploy/`, in front of two instances.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;

use bursar_services::{Front, Life, Nginx as Program, free_port};
use tempfile::TempDir;

use crate::ca::Ca;
use crate::https::HttpsClient;

/// A test is quicker than a person.
const LIMITS: [(&str, &str); 2] = [("rate=200r/s", "rate=10000r/s"), ("burst=400", "burst=10000")];

/// Runs until it is dropped.
pub struct Nginx {
    program: Program,
    nginx: Child,
    front: Front,
    ca: Ca,
    folder: TempDir,
}

impl Nginx {
    /// In front of these two; with a certificate for localhost. It ends with the thread that calls this.
    ///
    /// # Panics
    /// It does not start: its words are in the message.
    #[must_use]
    pub fn before(before: [SocketAddr; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = Ca::new();
        let (certificate, key) = ca.certify("localhost");
        fs::write(folder.path().join("bursar.crt"), certificate).expect("written");
        fs::write(folder.path().join("bursar.key"), key).expect("written");
        let started = Program::within(folder.path().to_owned()).and_then(|program| {
            let front = Front { http: free_port()?, https: free_port()?, before };
            let nginx = program.start(&front, &LIMITS, Life::AsLongAsThis)?;
            Ok((program, nginx, front))
        });
        let (program, nginx, front) = started.unwrap_or_else(|error| panic!("{error}"));
        Self { program, nginx, front, ca, folder }
    }

    /// Where it serves.
    #[must_use]
    pub fn url(&self) -> String {
        Program::url(self.front.https)
    }

    /// Where it sends elsewhere.
    #[must_use]
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}", self.front.http)
    }

    /// A client of it, from this address.
    #[must_use]
    pub fn client(&self, from: [u8; 4]) -> HttpsClient {
        HttpsClient::trusting(&self.ca.file(), from.into())
    }

    /// Whoever reads it can trust it.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.ca.file()
    }

    /// What it logged of requests.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it, which a kill would leave.
        let _ = self.program.stop();
        let _ = self.nginx.wait();
    }
}
