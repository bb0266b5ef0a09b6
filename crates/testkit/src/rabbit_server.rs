//! A RabbitMQ of a test's own, for what must not happen to one that others use.

use bursar_services::{Life, Node, Ports, RabbitMq};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::place::RabbitPlace;

/// Runs until it is killed or dropped.
pub struct RabbitServer {
    rabbitmq: RabbitMq,
    ports: Ports,
    /// `None` after it was killed.
    node: Option<Node>,
    _folder: TempDir,
}

impl Default for RabbitServer {
    fn default() -> Self {
        Self::new()
    }
}

impl RabbitServer {
    /// An empty server. It ends with the thread that calls this.
    ///
    /// # Panics
    /// It cannot be made: the message says what is missing.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let rabbitmq = RabbitMq::within(folder.path().to_owned())
            .unwrap_or_else(|error| panic!("{error}; as root on Debian: cargo xtask services up"));
        rabbitmq.make().unwrap_or_else(|error| panic!("{error}"));
        let ports = Ports::free().unwrap_or_else(|error| panic!("{error}"));
        let mut server = Self { rabbitmq, ports, node: None, _folder: folder };
        server.start();
        server
    }

    /// A vhost of its own.
    pub async fn place(&self) -> RabbitPlace {
        let url = self.rabbitmq.url(self.ports).unwrap_or_else(|error| panic!("{error}"));
        let api = self.rabbitmq.api(self.ports).unwrap_or_else(|error| panic!("{error}"));
        RabbitPlace::on(&url, &api).await
    }

    /// Starts it again after a kill, at the same ports, and waits until it takes connections.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        let started = self.rabbitmq.start(self.ports, Life::AsLongAsThis);
        self.node = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends it at once, as a power cut does.
    ///
    /// # Panics
    /// It does not end.
    pub fn kill(&mut self) {
        let Some(mut node) = self.node.take() else { return };
        for child in [&mut node.server, &mut node.epmd] {
            child.kill().and_then(|()| child.wait()).expect("it ends");
        }
    }

    /// Stops it: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on where it was.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Has it take no messages, because it is low on memory, or take them again.
    ///
    /// # Panics
    /// It refuses.
    pub fn alarm(&self, is_low: bool) {
        let mark = if is_low { "0" } else { "0.4" };
        let done = self.rabbitmq.control(self.ports, &["set_vm_memory_high_watermark", mark]);
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    /// What `rabbitmqctl` says of the vhost of this place, as JSON.
    ///
    /// # Panics
    /// It refuses.
    #[must_use]
    pub fn list(&self, place: &RabbitPlace, what: &[&str]) -> Value {
        let (command, columns) = what.split_first().expect("a command");
        let arguments = [&[*command, "--vhost", place.vhost()], columns, &["--formatter", "json"]].concat();
        let said = self.rabbitmq.control(self.ports, &arguments).unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    fn signal(&self, signal: Signal) {
        let id = self.node.as_ref().and_then(|node| i32::try_from(node.server.id()).ok());
        let process = id.and_then(Pid::from_raw).expect("it runs");
        kill_process(process, signal).expect("it is there");
    }
}

impl Drop for RabbitServer {
    fn drop(&mut self) {
        self.kill();
    }
}
