//! A PostgreSQL server of a test's own, for what must not happen to one that others use.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use bursar_services::{Life, Postgres, free_port};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::ca::Ca;
use crate::place::execute;

/// Longer than the system takes to stop or end a process.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until it is killed or dropped; its data are on disk before a COMMIT is answered.
pub struct PostgresServer {
    postgres: Postgres,
    port: u16,
    settings: Vec<String>,
    /// `None` after it was killed.
    postmaster: Option<Child>,
    _folder: TempDir,
}

impl PostgresServer {
    /// An empty server, as safe as it comes.
    ///
    /// # Panics
    /// It cannot be made: the message says what is missing.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// One with other settings, `name=value`.
    ///
    /// # Panics
    /// As [`PostgresServer::new`].
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        Self::with_files(settings, &[])
    }

    /// One that speaks TLS, by a certificate of this CA for this host.
    ///
    /// # Panics
    /// As [`PostgresServer::new`].
    #[must_use]
    pub fn with_tls(ca: &Ca, host: &str) -> Self {
        let (certificate, key) = ca.certify(host);
        let settings = ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"];
        Self::with_files(&settings, &[("server.crt", &certificate), ("server.key", &key)])
    }

    fn with_files(settings: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = Postgres::within(folder.path().to_owned())
            .unwrap_or_else(|error| panic!("{error}; as root on Debian: cargo xtask services up"));
        postgres.make().unwrap_or_else(|error| panic!("{error}"));
        for (name, text) in files {
            postgres.keep(name, text).unwrap_or_else(|error| panic!("{error}"));
        }
        let port = free_port().unwrap_or_else(|error| panic!("{error}"));
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { postgres, port, settings, postmaster: None, _folder: folder };
        server.start();
        server
    }

    /// The URL of its database.
    ///
    /// # Panics
    /// Its folder is gone.
    #[must_use]
    pub fn url(&self) -> String {
        self.postgres.url(self.port).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts it again after a kill, at the same port, and waits until it takes connections. It ends with
    /// the thread that calls this.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let started = self.postgres.start(self.port, &settings, Life::AsLongAsThis);
        self.postmaster = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends all its processes at once, as a power cut does: none of them writes a last word.
    ///
    /// # Panics
    /// One of them does not end.
    pub fn kill(&mut self) {
        assert!(self.killed(), "a process of PostgreSQL does not end");
    }

    /// Stops all its processes: connections stay, and nothing answers.
    ///
    /// # Panics
    /// One of them does not stop.
    pub fn freeze(&self) {
        assert!(self.frozen().is_some(), "a process of PostgreSQL does not stop");
    }

    /// Lets it go on where it was.
    pub fn thaw(&self) {
        for process in self.backends().into_iter().chain(self.postmaster()) {
            signal(process, Signal::CONT);
        }
    }

    /// Runs a statement in its database.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn execute(&self, statement: &str) {
        execute(self.url(), statement.to_owned());
    }

    fn killed(&mut self) -> bool {
        let Some(processes) = self.frozen() else { return false };
        for process in &processes {
            signal(*process, Signal::KILL);
        }
        let waited = self.postmaster.take().is_none_or(|mut postmaster| postmaster.wait().is_ok());
        waited && processes.into_iter().all(|process| comes_to(process, &[None, Some('Z')]))
    }

    /// All its processes, stopped: the postmaster first, for then no new one begins.
    fn frozen(&self) -> Option<Vec<Pid>> {
        let freeze = |process: &Pid| {
            signal(*process, Signal::STOP);
            comes_to(*process, &[None, Some('Z'), Some('T')])
        };
        let mut processes: Vec<Pid> = self.postmaster().into_iter().collect();
        let is_frozen = processes.iter().all(freeze);
        let backends = self.backends();
        let are_frozen = backends.iter().all(freeze);
        processes.extend(backends);
        (is_frozen && are_frozen).then_some(processes)
    }

    fn postmaster(&self) -> Option<Pid> {
        self.postmaster.as_ref().map(Pid::from_child)
    }

    /// The children of the postmaster, each in a process group of its own.
    fn backends(&self) -> Vec<Pid> {
        let Some(postmaster) = self.postmaster() else { return Vec::new() };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        let pids = pids.filter_map(Pid::from_raw);
        pids.filter(|pid| stat(*pid).is_some_and(|(_, parent)| parent == postmaster)).collect()
    }
}

impl Default for PostgresServer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Perhaps the test panics: what cannot be ended here has to be found by eye.
        self.killed();
    }
}

/// One that is gone already needs no signal.
fn signal(process: Pid, signal: Signal) {
    let _ = kill_process(process, signal);
}

/// Waits until the process is in one of these states; `None` is gone.
fn comes_to(process: Pid, states: &[Option<char>]) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if states.contains(&stat(process).map(|(state, _)| state)) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// The state and the parent of a process.
fn stat(process: Pid) -> Option<(char, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // The name before them may hold anything, so they are counted from its end.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some((fields.next()?.chars().next()?, Pid::from_raw(fields.next()?.parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn it_is_killed_and_keeps_what_was_committed() {
        let mut server = PostgresServer::new();
        server.execute("create table kept (id int); insert into kept values (1)");
        let processes = server.backends();
        assert!(!processes.is_empty());
        server.kill();
        assert!(processes.iter().all(|process| matches!(stat(*process), None | Some(('Z', _)))));
        server.start();
        server.execute("do $$ begin assert (select count(*) = 1 from kept); end $$");
        server.execute("do $$ begin assert current_setting('synchronous_commit') = 'on'; end $$");
    }

    #[test]
    fn it_is_frozen_and_goes_on_and_nothing_is_left_of_it_even_when_the_test_panics() {
        let server = PostgresServer::new();
        let (folder, postmaster) = (server.postgres.folder().to_owned(), server.postmaster());
        server.freeze();
        let states = |processes: Vec<Pid>| processes.into_iter().map(stat).map(|stat| stat.map(|of| of.0));
        // One that ended before is only gone when its parent has heard of it.
        assert!(states(server.backends()).all(|state| matches!(state, Some('T' | 'Z'))));
        server.thaw();
        server.execute("select 1");
        let backends = server.backends();
        server.freeze();
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _server = server;
            panic!("as a test does");
        }));
        assert!(panicked.is_err());
        let left = postmaster.into_iter().chain(backends).collect();
        assert!(states(left).all(|state| matches!(state, None | Some('Z'))));
        assert!(!folder.exists());
    }
}
