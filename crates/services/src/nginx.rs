//! nginx with the configuration of `deploy/`, in a folder.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::kept::Kept;
use crate::{Error, Life, Runner, find, is_root};

const CONFIGURATION: &str = include_str!("../../../deploy/nginx.conf");

/// What ends a line that differs from place to place.
const VARIES: &str = "# varies";

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const STOPS_WITHIN: Duration = Duration::from_secs(70);

/// The program, and the folder of its configuration, certificate and log.
pub struct Nginx {
    program: PathBuf,
    folder: PathBuf,
}

/// Where it listens, and before whom.
pub struct Front {
    /// The port that sends everybody to the other one.
    pub http: u16,
    /// The port that serves.
    pub https: u16,
    /// The instances.
    pub before: [SocketAddr; 2],
}

impl Nginx {
    /// Whether the system has its program.
    #[must_use]
    pub fn is_installed() -> bool {
        find("nginx").is_some()
    }

    /// That the system has its program.
    ///
    /// # Errors
    /// It has not; what to do.
    pub fn installed() -> Result<(), Error> {
        program().map(drop)
    }

    /// The account that runs it.
    ///
    /// # Errors
    /// None.
    pub fn runner() -> Result<Runner, Error> {
        Ok(Runner::this_task())
    }

    /// The one in this folder, whether it ever ran or not. A certificate `bursar.crt` and its key `bursar.key` have to be
    /// there before it starts.
    ///
    /// # Errors
    /// It is not installed.
    pub fn within(folder: PathBuf) -> Result<Self, Error> {
        Ok(Self { program: program()?, folder })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it and waits until it takes connections. `instead` are parts of lines that vary, and what to write
    /// there.
    ///
    /// # Errors
    /// It does not start: its last words are in the message. Or the configuration has no such line.
    pub fn start(&self, front: &Front, instead: &[(&str, &str)], life: Life) -> Result<Child, Error> {
        fs::write(self.folder.join("nginx.conf"), self.configuration(front, instead)?)
            .map_err(|error| self.failed(&error))?;
        let log = fs::File::create(self.kept().log()).map_err(|error| self.failed(&error))?;
        // A kill would leave its workers.
        let tied = (life == Life::AsLongAsThis).then_some("TERM");
        let mut command = Runner::this_task().command(&self.program, tied);
        command.arg("-c").arg(self.folder.join("nginx.conf")).args(["-g", "daemon off;"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if life == Life::UntilStopped {
            // Ctrl-C at the terminal is not meant for it.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| format!("nginx cannot be started: {error}"))?;
        self.kept().wait(&mut child, front.https, STARTS_WITHIN).inspect_err(|_| {
            // Its workers end with it, which a kill would leave.
            let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
            let _ = child.wait();
        })?;
        Ok(child)
    }

    fn configuration(&self, front: &Front, instead: &[(&str, &str)]) -> Result<String, Error> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let of_this_place = [
            ("app-1:3000", front.before[0].to_string()),
            ("app-2:3000", front.before[1].to_string()),
            ("listen 80;", format!("listen 127.0.0.1:{};", front.http)),
            ("listen 443 ", format!("listen 127.0.0.1:{} ", front.https)),
            ("/etc/nginx/certs/", file("")),
            ("/tmp/nginx", file("nginx")),
            ("/dev/stdout", file("access.log")),
            ("worker_processes auto", "worker_processes 2".to_owned()),
        ];
        let mut text = CONFIGURATION.to_owned();
        let instead = instead.iter().map(|(of, by)| (*of, (*by).to_owned()));
        for (of, by) in of_this_place.into_iter().chain(instead) {
            let is_it = |line: &str| line.contains(of) && line.trim_end().ends_with(VARIES);
            if !text.lines().any(is_it) {
                return Err(format!("{of} is on no line of deploy/nginx.conf that ends in {VARIES}"));
            }
            text = text.replace(of, &by);
        }
        // Else its workers are another user, who would have to come to their files.
        let user = if is_root() { "user root;\n" } else { "" };
        Ok(format!("{user}{text}"))
    }

    /// Where it serves on this port.
    #[must_use]
    pub fn url(port: u16) -> String {
        format!("https://localhost:{port}")
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

    /// The end of its log of errors.
    #[must_use]
    pub fn last_words(&self) -> String {
        self.kept().last_words()
    }

    fn kept(&self) -> Kept<'_> {
        Kept { name: "nginx", folder: &self.folder }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        format!("{}: {error}", self.folder.display())
    }
}

fn program() -> Result<PathBuf, Error> {
    find("nginx").ok_or_else(|| "nginx is not installed (on Debian: apt-get install nginx)".to_owned())
}
