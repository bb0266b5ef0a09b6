//! A server that is known by its folder: whoever comes later finds its process and its last words there.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::Error;
use crate::log::last_lines;
use crate::process::{LOOK_EVERY, Process};

/// The name for messages, and the folder.
pub(crate) struct Kept<'a> {
    pub(crate) name: &'static str,
    pub(crate) folder: &'a Path,
}

impl Kept<'_> {
    /// Waits until it takes connections on this port, and notes which process it is.
    pub(crate) fn wait(&self, child: &mut Child, port: u16, within: Duration) -> Result<(), Error> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.said(&format!("ended with {status}")));
            }
            if began.elapsed() > within {
                return Err(self.said("takes no connections"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let process = Process::of(child.id()).ok_or_else(|| self.said("ended"))?;
        fs::write(self.pid_file(), process.line())
            .map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process().is_some_and(|process| process.is_there())
    }

    /// Tells it to end, and waits until it is gone.
    pub(crate) fn stop(&self, within: Duration) -> Result<(), Error> {
        let until = Instant::now() + within;
        match self.process().is_none_or(|process| process.end(until)) {
            true => Ok(()),
            false => Err(self.said("does not stop")),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.log())
    }

    /// Where its log is to be.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn process(&self) -> Option<Process> {
        Process::read(fs::read_to_string(self.pid_file()).ok()?.trim_end())
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn said(&self, what: &str) -> Error {
        format!("{} {what}:\n{}", self.name, self.last_words())
    }
}
