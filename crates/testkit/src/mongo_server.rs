//! A MongoDB of a test's own, for what must not happen to one that others use.

use std::process::Child;

use bursar_services::{Flush, Life, MongoDb, free_port};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::place::MongoPlace;

/// Runs until it is killed or dropped; what it confirmed is on disk.
pub struct MongoServer {
    mongodb: MongoDb,
    port: u16,
    /// `None` after it was killed.
    server: Option<Child>,
    _folder: TempDir,
}

impl Default for MongoServer {
    fn default() -> Self {
        Self::new()
    }
}

impl MongoServer {
    /// An empty server. It ends with the thread that calls this.
    ///
    /// # Panics
    /// It cannot be made: the message says what is missing.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mongodb = MongoDb::within(folder.path().to_owned()).unwrap_or_else(|error| panic!("{error}"));
        let mongodb = mongodb.flushing(Flush::Always);
        mongodb.make().unwrap_or_else(|error| panic!("{error}"));
        let port = free_port().unwrap_or_else(|error| panic!("{error}"));
        let mut server = Self { mongodb, port, server: None, _folder: folder };
        server.start();
        server
    }

    /// A database of its own.
    #[must_use]
    pub fn place(&self) -> MongoPlace {
        MongoPlace::on(&MongoDb::url(self.port))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again after a kill, at the same port, and waits until it takes connections.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        let started = self.mongodb.start(self.port, Life::AsLongAsThis);
        self.server = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends it at once, as a power cut does.
    ///
    /// # Panics
    /// It does not end.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        server.kill().and_then(|()| server.wait()).expect("it ends");
    }

    /// Stops it: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on where it was.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.as_ref().and_then(|server| i32::try_from(server.id()).ok());
        let process = id.and_then(Pid::from_raw).expect("it runs");
        kill_process(process, signal).expect("it is there");
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        self.kill();
    }
}
