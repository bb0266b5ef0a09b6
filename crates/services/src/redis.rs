//! A Redis in a folder.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::kept::Kept;
use crate::{Error, Life, Runner, find, random, write_private};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// The program, the account that runs it, and the folder of its settings, log and password.
pub struct Redis {
    program: PathBuf,
    runner: Runner,
    folder: PathBuf,
}

impl Redis {
    /// Whether the system has its program.
    #[must_use]
    pub fn is_installed() -> bool {
        find("redis-server").is_some()
    }

    /// That the system has its program.
    ///
    /// # Errors
    /// It has not; what to do.
    pub fn installed() -> Result<(), Error> {
        program().map(drop)
    }

    /// The one in this folder, whether it ever ran or not.
    ///
    /// # Errors
    /// It is not installed, or nobody may run it.
    pub fn within(folder: PathBuf) -> Result<Self, Error> {
        Ok(Self { program: program()?, runner: Self::runner()?, folder })
    }

    /// The account that runs it.
    ///
    /// # Errors
    /// This is root, and there is no other.
    pub fn runner() -> Result<Runner, Error> {
        Runner::of("redis")
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes its folder and a password.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn make(&self) -> Result<(), Error> {
        self.runner.give(&self.folder)?;
        if self.password_file().exists() {
            return Ok(());
        }
        write_private(&self.password_file(), &random()?)
    }

    /// Starts it on this port and waits until it takes connections. The settings are lines of its own file.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub fn start(&self, port: u16, settings: &[&str], life: Life) -> Result<Child, Error> {
        self.configure(port, settings)?;
        let log = fs::File::create(self.kept().log()).map_err(|error| self.failed(&error))?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let tied = (life == Life::AsLongAsThis).then_some("KILL");
        let mut command = self.runner.command(&self.program, tied);
        command.arg(self.settings_file()).stdin(Stdio::null()).stdout(log).stderr(errors);
        if life == Life::UntilStopped {
            // Ctrl-C at the terminal is not meant for it.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| format!("redis cannot be started: {error}"))?;
        self.kept().wait(&mut child, port, STARTS_WITHIN).inspect_err(|_| drop(child.kill()))?;
        Ok(child)
    }

    /// What is in it may be lost: it is a cache, and sessions.
    fn configure(&self, port: u16, settings: &[&str]) -> Result<(), Error> {
        let folder = self.folder.display();
        let always = format!(
            "bind 127.0.0.1\nport {port}\ndir {folder}\nrequirepass {}\nsave \"\"\nappendonly no\n\
             maxmemory 512mb\nmaxmemory-policy allkeys-lru\n",
            self.password()?
        );
        write_private(&self.settings_file(), &(always + &settings.join("\n") + "\n"))?;
        self.runner.give(&self.settings_file())
    }

    /// How to connect to it on this port.
    ///
    /// # Errors
    /// The password cannot be read.
    pub fn url(&self, port: u16) -> Result<String, Error> {
        Ok(format!("redis://:{}@127.0.0.1:{port}/0", self.password()?))
    }

    /// Runs `redis-cli` on this port with these arguments, and gives what it says.
    ///
    /// # Errors
    /// It fails, in its words.
    pub fn control(&self, port: u16, arguments: &[&str]) -> Result<String, Error> {
        let mut control = Command::new(self.program.with_file_name("redis-cli"));
        control.args(["-p", &port.to_string()]).args(arguments).env("REDISCLI_AUTH", self.password()?);
        let output = control.output().map_err(|error| format!("redis-cli cannot be started: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("redis-cli: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.kept().is_running()
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> Result<(), Error> {
        self.kept().stop(STOPS_WITHIN)
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        self.kept().last_words()
    }

    fn kept(&self) -> Kept<'_> {
        Kept { name: "redis", folder: &self.folder }
    }

    fn password(&self) -> Result<String, Error> {
        fs::read_to_string(self.password_file()).map_err(|error| self.failed(&error))
    }

    fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.join("redis.conf")
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        format!("{}: {error}", self.folder.display())
    }
}

fn program() -> Result<PathBuf, Error> {
    let missing = || "Redis is not installed (on Debian: apt-get install redis-server)".to_owned();
    find("redis-server").ok_or_else(missing)
}
