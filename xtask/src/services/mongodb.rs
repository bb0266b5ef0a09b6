//! MongoDB as a service of this checkout: a `mongod` on the path, else the stand-in, which is installed under `target`.

use std::path::{Path, PathBuf};

use bursar_services::{Life, MongoDb, Runner, free_port};

use super::service::{Daemon, Started};
use crate::say::say;
use crate::{Error, tools};

impl Daemon for MongoDb {
    const NAME: &str = "mongodb";
    // A test that kills a server starts one of its own, and the report says which ran.
    const GIVEN: Option<&str> = None;

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() && !tools::has_pip() {
            tools::install(&["python3-pip"])?;
        }
        Self::install()
    }

    fn is_installed() -> bool {
        Self::is_installed()
    }

    fn runner() -> Result<Runner, Error> {
        Self::runner()
    }

    fn within(folder: PathBuf) -> Result<Self, Error> {
        Self::within(folder)
    }

    fn folder(&self) -> &Path {
        self.folder()
    }

    fn make(&self) -> Result<(), Error> {
        say(format_args!("mongodb is {}", self.which()));
        self.make()
    }

    fn is_running(&self) -> Result<bool, Error> {
        Ok(self.is_running())
    }

    fn start(&self, life: Life) -> Result<Started, Error> {
        let port = free_port()?;
        self.start(port, life)?;
        Ok(Started { url: Self::url(port), files: Vec::new() })
    }

    fn stop(&self) -> Result<(), Error> {
        self.stop()
    }

    fn last_words(&self) -> String {
        self.last_words()
    }
}
