//! A MongoDB in a folder: the system's `mongod`, or where there is none, a server that speaks its protocol.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::kept::Kept;
use crate::{Error, Life, Runner, find};

/// After a crash the stand-in takes ten seconds and more.
const STARTS_WITHIN: Duration = Duration::from_secs(90);
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// The wheel that has the stand-in, by its exact version; it is run beside, never linked and never shipped (GPL-2.0).
const STAND_IN: &str = "secantusdb==0.6.0b17";

/// Where it is installed: a new version is installed beside the old one.
const STAND_IN_FOLDER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/stand-ins/secantusdb-0.6.0b17");

/// Where the wheel has the program.
const STAND_IN_PROGRAM: &str = "secantusdb.scripts/secantusd-rs";

/// The Python that the wheel is for is Debian's own.
const PYTHON: &str = "/usr/bin/python3";

/// The program, and the folder of data and log.
pub struct MongoDb {
    server: Server,
    runner: Runner,
    folder: PathBuf,
    flush: Flush,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Server {
    /// MongoDB's own, as a server that replicates to nobody.
    Mongod(PathBuf),
    /// Proves our code, and neither elections nor what most servers confirm.
    StandIn(PathBuf),
}

/// What the stand-in does before it confirms a write that is to be in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Waits for the disk, as MongoDB does: what it confirmed outlives a crash.
    Always,
    /// Does not wait: quick, and for tests that kill nobody.
    Never,
}

impl MongoDb {
    /// Whether there is a server: the system's, or the stand-in.
    #[must_use]
    pub fn is_installed() -> bool {
        server().is_ok()
    }

    /// That there is a server.
    ///
    /// # Errors
    /// There is none; what to do.
    pub fn installed() -> Result<(), Error> {
        server().map(drop)
    }

    /// Installs the stand-in, unless there is a server. Needs pip and the package index.
    ///
    /// # Errors
    /// What pip says, and what to do.
    pub fn install() -> Result<(), Error> {
        match Self::is_installed() {
            true => Ok(()),
            false => install_into(Path::new(STAND_IN_FOLDER)),
        }
    }

    /// The one in this folder, whether it ever ran or not.
    ///
    /// # Errors
    /// It is not installed.
    pub fn within(folder: PathBuf) -> Result<Self, Error> {
        Ok(Self { server: server()?, runner: Self::runner()?, folder, flush: Flush::Never })
    }

    /// The same, by this rule.
    #[must_use]
    pub fn flushing(self, flush: Flush) -> Self {
        Self { flush, ..self }
    }

    /// The account that runs it: whoever runs this task. Neither server refuses root, and the stand-in lies in this
    /// checkout, where no other account may come.
    ///
    /// # Errors
    /// Never; as for the other services.
    pub fn runner() -> Result<Runner, Error> {
        Ok(Runner::this_task())
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which server it is, for reports: what was tried was tried on this.
    #[must_use]
    pub fn which(&self) -> String {
        match &self.server {
            Server::Mongod(program) => format!("MongoDB's own {}", program.display()),
            Server::StandIn(_) => format!("{STAND_IN}, a stand-in for MongoDB"),
        }
    }

    /// Makes its folders.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn make(&self) -> Result<(), Error> {
        fs::create_dir_all(self.data()).map_err(|error| self.failed(&error))?;
        for folder in [&self.folder, &self.data()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .map_err(|error| self.failed(&error))?;
            self.runner.give(folder)?;
        }
        Ok(())
    }

    /// Starts it on this port and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub fn start(&self, port: u16, life: Life) -> Result<Child, Error> {
        let log = fs::File::create(self.kept().log()).map_err(|error| self.failed(&error))?;
        let errors = log.try_clone().map_err(|error| self.failed(&error))?;
        let tied = (life == Life::AsLongAsThis).then_some("KILL");
        let mut command = self.runner.command(self.server.program(), tied);
        command.args(self.server.arguments(port, self.flush));
        command.arg(self.server.data_option()).arg(self.data());
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        if life == Life::UntilStopped {
            // Ctrl-C at the terminal is not meant for it.
            command.process_group(0);
        }
        let name = self.server.program().display();
        let mut child = command.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
        // It listens once all else of it has started.
        let started = self.kept().wait(&mut child, port, STARTS_WITHIN);
        started.inspect_err(|_| drop(child.kill()))?;
        Ok(child)
    }

    /// How to connect to it on this port: nobody else does, and it asks for no password.
    #[must_use]
    pub fn url(port: u16) -> String {
        format!("mongodb://127.0.0.1:{port}/?directConnection=true")
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
        Kept { name: "mongodb", folder: &self.folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        format!("{}: {error}", self.folder.display())
    }
}

impl Server {
    fn program(&self) -> &Path {
        match self {
            Self::Mongod(program) | Self::StandIn(program) => program,
        }
    }

    /// What comes before the folder of the data.
    const fn data_option(&self) -> &'static str {
        match self {
            Self::Mongod(_) => "--dbpath",
            Self::StandIn(_) => "--storage-path",
        }
    }

    fn arguments(&self, port: u16, flush: Flush) -> Vec<String> {
        let port = port.to_string();
        let arguments: &[&str] = match self {
            // It has a journal and obeys who asks for it, so it needs no word about flushing.
            Self::Mongod(_) => &[
                "--bind_ip",
                "127.0.0.1",
                "--port",
                &port,
                "--nounixsocket",
                "--wiredTigerCacheSizeGB",
                "0.25",
            ],
            Self::StandIn(_) => {
                &["--host", "127.0.0.1", "--port", &port, "--cache-size", "256M", "--log-file-max", "16MB"]
            }
        };
        let flushes = matches!(self, Self::StandIn(_)) && flush == Flush::Always;
        let arguments = arguments.iter().copied().chain(flushes.then_some("--sync-on-commit"));
        arguments.map(ToOwned::to_owned).collect()
    }
}

fn server() -> Result<Server, Error> {
    let missing =
        || format!("there is no mongod, and no {STAND_IN} in {STAND_IN_FOLDER} (cargo xtask services up)");
    let stand_in = Path::new(STAND_IN_FOLDER).join(STAND_IN_PROGRAM);
    let stand_in = stand_in.exists().then_some(Server::StandIn(stand_in));
    find("mongod").map(Server::Mongod).or(stand_in).ok_or_else(missing)
}

/// Runs pip, which has the file's hash from the index it is given.
fn install_into(folder: &Path) -> Result<(), Error> {
    let failed = |why: &str| {
        format!("{STAND_IN} cannot be installed: {why}\n(on Debian: apt-get install python3-pip)")
    };
    let mut pip = Command::new(PYTHON);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]);
    pip.arg(folder).arg(STAND_IN).env("PIP_ROOT_USER_ACTION", "ignore");
    let output = pip.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(&format!("{PYTHON}: {error}")))?;
    match output.status.success() && folder.join(STAND_IN_PROGRAM).exists() {
        true => Ok(()),
        false => Err(failed(&String::from_utf8_lossy(&output.stderr))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn arguments(server: &Server, flush: Flush) -> String {
        server.arguments(27_017, flush).join(" ")
    }

    #[test]
    fn only_the_stand_in_is_told_to_flush_and_both_listen_to_this_machine_alone() {
        let [real, stand_in] =
            [Server::Mongod("/bin/mongod".into()), Server::StandIn("/target/secantusd-rs".into())];
        for server in [&real, &stand_in] {
            assert!(arguments(server, Flush::Never).contains("127.0.0.1 --port 27017"));
        }
        assert_eq!(arguments(&real, Flush::Always), arguments(&real, Flush::Never));
        assert!(arguments(&stand_in, Flush::Always).ends_with("--sync-on-commit"));
        assert!(!arguments(&stand_in, Flush::Never).contains("--sync-on-commit"));
    }

    #[test]
    fn it_is_made_started_and_stopped_and_keeps_to_its_folder() {
        let folder =
            std::env::temp_dir().join(format!("bursar-mongodb-{}", crate::random().expect("random")));
        let mongodb = MongoDb::within(folder.clone()).expect("cargo xtask services up installs one");
        assert!(mongodb.which().contains("MongoDB"), "{}", mongodb.which());
        mongodb.make().expect("a folder");
        for _ in 0..2 {
            assert!(!mongodb.is_running());
            let port = crate::free_port().expect("a port");
            let mut child = mongodb.start(port, Life::AsLongAsThis).expect("it starts");
            assert!(mongodb.is_running() && TcpStream::connect(("127.0.0.1", port)).is_ok());
            mongodb.stop().expect("it stops");
            assert!(!mongodb.is_running() && TcpStream::connect(("127.0.0.1", port)).is_err());
            child.wait().expect("it ended");
        }
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn the_folder_of_the_stand_in_is_of_its_version() {
        let (name, version) = STAND_IN.split_once("==").expect("a version");
        assert!(STAND_IN_FOLDER.ends_with(&format!("/{name}-{version}")), "{STAND_IN_FOLDER}");
    }
}
