//! A PostgreSQL of this checkout's own.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::runner::Runner;
use crate::say::say;
use crate::{Error, tools};

/// Where its data, its log and its URL are. A link to another place if the server's account cannot
/// reach this one.
const FOLDER: &str = "target/services/postgres";

/// The oldest that Bursar runs on.
const OLDEST: u32 = 15;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until `cargo xtask services down`.
    UntilStopped,
    /// It ends with this task, however that ends.
    AsLongAsThis,
}

/// The programs, the account that runs them, and the folder.
pub(crate) struct Postgres {
    programs: PathBuf,
    runner: Runner,
    folder: PathBuf,
}

impl Postgres {
    /// Installs it if that is ours to do, and makes its folder and its data.
    ///
    /// # Errors
    /// It is not there, or cannot be made.
    pub(crate) fn prepare() -> Result<Self, Error> {
        Self::prepare_in(Path::new(FOLDER))
    }

    fn prepare_in(folder: &Path) -> Result<Self, Error> {
        if programs().is_none() && tools::may_install() {
            tools::install_service(&["postgresql"], NO_CLUSTER)?;
        }
        let programs = programs().ok_or(format!(
            "PostgreSQL {OLDEST} or newer is not installed (on Debian: apt-get install postgresql), and {} \
             names none",
            super::GIVEN
        ))?;
        let runner = Runner::of("postgres")?;
        let folder = home(folder, &runner)?;
        let postgres = Self { programs, runner, folder };
        if !postgres.data().join("PG_VERSION").exists() {
            postgres.initialise()?;
        }
        Ok(postgres)
    }

    /// The one that was prepared before, if any.
    pub(crate) fn find() -> Result<Option<Self>, Error> {
        let (Ok(folder), Some(programs)) = (fs::canonicalize(FOLDER), programs()) else { return Ok(None) };
        Ok(Some(Self { programs, runner: Runner::of("postgres")?, folder }))
    }

    /// Where it listens, if it runs.
    pub(crate) fn running(&self) -> Result<Option<String>, Error> {
        let mut status = self.runner.command(&self.program("pg_ctl"), false);
        let status = status.arg("status").arg("-D").arg(self.data()).stdout(Stdio::null());
        match status.stderr(Stdio::null()).status() {
            Ok(status) if status.success() => fs::read_to_string(self.url_file())
                .map(Some)
                .map_err(|error| format!("postgres runs, and {}: {error}", self.url_file().display())),
            Ok(_) => Ok(None),
            Err(error) => Err(format!("pg_ctl cannot be started: {error}")),
        }
    }

    /// Starts it on a free port and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub(crate) fn start(&self, life: Life) -> Result<String, Error> {
        let port = free_port()?;
        let log =
            fs::File::create(self.log()).map_err(|error| format!("{}: {error}", self.log().display()))?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut command = self.runner.command(&self.program("postgres"), life == Life::AsLongAsThis);
        command.arg("-D").arg(self.data());
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            "unix_socket_directories=",
            "max_connections=300",
            "log_line_prefix=%m [%p] %d ",
        ] {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        if life == Life::UntilStopped {
            // Ctrl-C at the terminal is not meant for it.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| format!("postgres cannot be started: {error}"))?;
        self.wait(&mut child, port)?;
        let password = self.read(self.folder.join("password"))?;
        let url = format!("postgres://bursar:{password}@127.0.0.1:{port}/postgres");
        write_private(&self.url_file(), &url)?;
        Ok(url)
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

    /// Ends it and waits until it is gone.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        let mut stop = self.runner.command(&self.program("pg_ctl"), false);
        let stop = stop.args(["stop", "--mode=fast", "--wait", "-D"]).arg(self.data());
        succeeds("postgres does not stop", stop)
    }

    /// Removes data that are not under `target`: nobody would find them there.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        let link = Path::new(FOLDER);
        match link.is_symlink() {
            false => Ok(()),
            true => fs::remove_dir_all(&self.folder)
                .and_then(|()| fs::remove_file(link))
                .map_err(|error| format!("{} cannot be removed: {error}", self.folder.display())),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let mut log = Vec::new();
        let read = fs::File::open(self.log()).and_then(|mut file| file.read_to_end(&mut log));
        if let Err(error) = read {
            return format!("{}: {error}", self.log().display());
        }
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn initialise(&self) -> Result<(), Error> {
        say(format_args!("making a PostgreSQL in {}", self.folder.display()));
        let password = self.folder.join("password");
        write_private(&password, &random()?)?;
        self.runner.give(&password)?;
        let mut initdb = self.runner.command(&self.program("initdb"), false);
        let initdb = initdb
            .args(["--username=bursar", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg("--pwfile")
            .arg(&password)
            .arg("-D")
            .arg(self.data());
        succeeds("initdb failed", initdb.stdout(Stdio::null()))
    }

    fn read(&self, path: PathBuf) -> Result<String, Error> {
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn url_file(&self) -> PathBuf {
        self.folder.join("url")
    }
}

/// What keeps Debian's package from making a database cluster of its own.
const NO_CLUSTER: (&str, &str) =
    ("/etc/postgresql-common/createcluster.d/bursar.conf", "create_main_cluster = false\n");

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
    newest.or_else(|| tools::find("initdb")?.parent().map(Path::to_owned))
}

/// The folder, made and given to the runner; where that cannot reach it, a link to one that it can.
fn home(folder: &Path, runner: &Runner) -> Result<PathBuf, Error> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if fs::exists(folder).map_err(failed)? {
        return fs::canonicalize(folder).map_err(failed);
    }
    let parent = folder.parent().ok_or("the folder has no parent")?;
    // A link whose place is gone.
    match fs::remove_file(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => fs::create_dir_all(parent).map_err(failed)?,
    }
    let place = match runner.reaches(&fs::canonicalize(parent).map_err(failed)?) {
        true => {
            fs::create_dir(folder).map_err(failed)?;
            fs::canonicalize(folder).map_err(failed)?
        }
        false => {
            let name = format!("bursar-services-{}", random()?);
            let place = std::env::temp_dir().join(name);
            fs::create_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
            symlink(&place, folder).map_err(failed)?;
            place
        }
    };
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    runner.give(&place)?;
    Ok(place)
}

/// A port that nobody has right now.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    let filled = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    filled.map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Installed, made, started, asked, stopped: as every other test of a real PostgreSQL needs it.
    #[test]
    fn it_is_made_started_and_stopped_and_leaves_nothing_running() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        fs::create_dir(&place).expect("a folder");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("permissions");
        let postgres = Postgres::prepare_in(&place.join("postgres")).expect("a PostgreSQL");
        assert_eq!(postgres.running(), Ok(None));
        let url = postgres.start(Life::AsLongAsThis).expect("it starts");
        assert_eq!(postgres.running(), Ok(Some(url.clone())));
        let mut ask = Command::new(postgres.program("psql"));
        let answer = ask.args([&url, "--tuples-only", "--no-align", "--command", "show fsync"]).output();
        assert_eq!(String::from_utf8_lossy(&answer.expect("psql runs").stdout).trim(), "on");
        postgres.stop().expect("it stops");
        assert_eq!(postgres.running(), Ok(None));
        fs::remove_dir_all(place).expect("removed");
    }

    #[test]
    fn a_folder_that_the_account_cannot_reach_is_a_link_to_one_that_it_can() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        fs::create_dir(&place).expect("a folder");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).expect("permissions");
        let runner = Runner::of("postgres").expect("an account");
        let folder = place.join("services/postgres");
        let home = home(&folder, &runner).expect("a home");
        assert!(runner.reaches(&home));
        assert_eq!(fs::canonicalize(&folder).expect("it is there"), fs::canonicalize(&home).expect("there"));
        fs::remove_dir_all(home).expect("removed");
        fs::remove_dir_all(place).expect("removed");
    }
}
