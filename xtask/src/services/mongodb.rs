//! MongoDB as a service of this checkout: a `mongod` on the path, else the stand-in, which is installed under `target`.

use bursar_services::{Life, MongoDb, free_port};

use super::service::{Daemon, Started, its_own};
use crate::say::say;
use crate::{Error, tools};

impl Daemon for MongoDb {
    const NAME: &str = "mongodb";
    // A test that kills a server starts one of its own, and the report says which ran.
    const GIVEN: Option<&str> = None;

    its_own!();

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() && !tools::has_pip() {
            tools::install(&["python3-pip"])?;
        }
        Self::install()
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
}
