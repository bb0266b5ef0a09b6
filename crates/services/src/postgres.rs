//! A PostgreSQL in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::log::last_lines;
use crate::process::LOOK_EVERY;
use crate::{Error, Runner, find, random};

/// The oldest that Bursar runs on.
const OLDEST: u32 = 15;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How long it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Until somebody stops it.
    UntilStopped,
    /// It is told to end with the thread that started it, however that ends.
    AsLongAsThis,
}

/// The programs, the account that runs them, and the folder of the data, the log and the password.
pub struct Postgres {
    programs: PathBuf,
    runner: Runner,
    folder: PathBuf,
}

impl Postgres {
    /// Whether the system has its programs.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// That the system has its programs.
    ///
    /// # Errors
    /// It has not; what to do.
    pub fn installed() -> Result<(), Error> {
        found().map(drop)
    }

    /// The one in this folder, whether it has been made yet or not.
    ///
    /// # Errors
    /// It is not installed, or nobody may run it.
    pub fn within(folder: PathBuf) -> Result<Self, Error> {
        Ok(Self { programs: found()?, runner: Self::runner()?, folder })
    }

    /// The account that runs it.
    ///
    /// # Errors
    /// This is root, and there is no other.
    pub fn runner() -> Result<Runner, Error> {
        Runner::of("postgres")
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes its data, if there are none yet, with a user `bursar` who has a password.
    ///
    /// # Errors
    /// The folder cannot be used, or `initdb` fails.
    pub fn make(&self) -> Result<(), Error> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| format!("{}: {error}", self.folder.display()))?;
        self.runner.give(&self.folder)?;
        self.keep("password", &random()?)?;
        let mut initdb = self.runner.command(&self.program("initdb"), None);
        let initdb = initdb
            .args(["--username=bursar", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg("--pwfile")
            .arg(self.password())
            .arg("-D")
            .arg(self.data());
        succeeds("initdb failed", initdb)
    }

    /// Puts a file into its folder that nobody else reads, such as a key; its data are in a folder beside it.
    ///
    /// # Errors
    /// The system's.
    pub fn keep(&self, name: &str, text: &str) -> Result<(), Error> {
        let file = self.folder.join(name);
        write_private(&file, text)?;
        self.runner.give(&file)
    }

    /// Starts it on this port and waits until it takes connections. The settings are `name=value`.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub fn start(&self, port: u16, settings: &[&str], life: Life) -> Result<Child, Error> {
        let log =
            fs::File::create(self.log()).map_err(|error| format!("{}: {error}", self.log().display()))?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut command =
            self.runner.command(&self.program("postgres"), (life == Life::AsLongAsThis).then_some("INT"));
        command.arg("-D").arg(self.data());
        let always = [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            "unix_socket_directories=",
            "max_connections=300",
            // Large enough that a load is not spent on whole pages after checkpoints.
            "shared_buffers=512MB",
            "max_wal_size=4GB",
            "log_line_prefix=%m [%p] %d ",
        ];
        for setting in always.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        if life == Life::UntilStopped {
            // Ctrl-C at the terminal is not meant for it.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| format!("postgres cannot be started: {error}"))?;
        self.wait(&mut child, port)?;
        Ok(child)
    }

    fn wait(&self, child: &mut Child, port: u16) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("postgres ended with {status}:\n{}", self.last_words()));
            }
            let mut ready = Command::new(self.program("pg_isready"));
            let ready = ready.args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")]);
            if ready.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            if began.elapsed() > STARTS_WITHIN {
                let _ = child.kill();
                return Err(format!("postgres takes no connections:\n{}", self.last_words()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// How to connect to it on this port.
    ///
    /// # Errors
    /// The password cannot be read.
    pub fn url(&self, port: u16) -> Result<String, Error> {
        let password = fs::read_to_string(self.password())
            .map_err(|error| format!("{}: {error}", self.password().display()))?;
        Ok(format!("postgres://bursar:{password}@127.0.0.1:{port}/postgres"))
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// `pg_ctl` cannot be asked.
    pub fn is_running(&self) -> Result<bool, Error> {
        let mut status = self.runner.command(&self.program("pg_ctl"), None);
        let status = status.arg("status").arg("-D").arg(self.data());
        let status = status.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.map(|status| status.success()).map_err(|error| format!("pg_ctl cannot be started: {error}"))
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> Result<(), Error> {
        let mut stop = self.runner.command(&self.program("pg_ctl"), None);
        let stop = stop.args(["stop", "--mode=fast", "--wait", "-D"]).arg(self.data());
        succeeds("postgres does not stop", stop)
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_lines(&self.log())
    }

    /// One of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn password(&self) -> PathBuf {
        self.folder.join("password")
    }
}

fn found() -> Result<PathBuf, Error> {
    let missing =
        || format!("PostgreSQL {OLDEST} or newer is not installed (on Debian: apt-get install postgresql)");
    programs().ok_or_else(missing)
}

/// Where Debian keeps the programs of the newest version that is not too old; else where the path has
/// them.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let numbered = versions.filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        (number >= OLDEST && programs.join("initdb").exists()).then_some((number, programs))
    });
    let newest = numbered.max_by_key(|(number, _)| *number).map(|(_, programs)| programs);
    newest.or_else(|| find("initdb")?.parent().map(Path::to_owned))
}

/// Writes a file that only its owner reads.
///
/// # Errors
/// The system's.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::write(path, text).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)
}

fn succeeds(failed: &str, command: &mut Command) -> Result<(), Error> {
    match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{failed}: {status}")),
        Err(error) => Err(format!("{failed}: {error}")),
    }
}
