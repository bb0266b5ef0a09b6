//! The PostgreSQL of this checkout: installed, and in a folder under `target`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bursar_services::{Life, Postgres as Server, Runner, free_port, random, write_private};

use crate::say::say;
use crate::{Error, tools};

/// Where its data, its log and its URL are. A link to another place if the server's account cannot
/// reach this one.
const FOLDER: &str = "target/services/postgres";

/// The server and its folder.
pub(crate) struct Postgres {
    server: Server,
}

impl Postgres {
    /// Installs it if that is ours to do, and makes its folder and its data.
    ///
    /// # Errors
    /// It is not there, or cannot be made.
    pub(crate) fn prepare() -> Result<Self, Error> {
        Self::prepare_in(Path::new(FOLDER))
    }

    /// Installs its programs if that is ours to do.
    ///
    /// # Errors
    /// They are not there.
    pub(crate) fn install() -> Result<(), Error> {
        if !Server::is_installed() && tools::may_install() {
            tools::install_service(&["postgresql"], NO_CLUSTER)?;
        }
        Server::installed()
    }

    fn prepare_in(folder: &Path) -> Result<Self, Error> {
        Self::install().map_err(|error| format!("{error}, and {} names none", super::GIVEN))?;
        let runner = Server::runner()?;
        let server = Server::within(home(folder, &runner)?)?;
        say(format_args!("a PostgreSQL in {}", server.folder().display()));
        server.make()?;
        Ok(Self { server })
    }

    /// The one that was prepared before, if any.
    pub(crate) fn find() -> Result<Option<Self>, Error> {
        match (fs::canonicalize(FOLDER), Server::is_installed()) {
            (Ok(folder), true) => Ok(Some(Self { server: Server::within(folder)? })),
            _ => Ok(None),
        }
    }

    /// Where it listens, if it runs.
    pub(crate) fn running(&self) -> Result<Option<String>, Error> {
        match self.server.is_running()? {
            true => fs::read_to_string(self.url_file())
                .map(Some)
                .map_err(|error| format!("postgres runs, and {}: {error}", self.url_file().display())),
            false => Ok(None),
        }
    }

    /// Starts it on a free port and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub(crate) fn start(&self, life: Life) -> Result<String, Error> {
        let port = free_port()?;
        self.server.start(port, &[], life)?;
        let url = self.server.url(port)?;
        write_private(&self.url_file(), &url)?;
        Ok(url)
    }

    /// Ends it and waits until it is gone.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        self.server.stop()
    }

    /// Removes data that are not under `target`: nobody would find them there.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        let (link, folder) = (Path::new(FOLDER), self.server.folder());
        match link.is_symlink() {
            false => Ok(()),
            true => fs::remove_dir_all(folder)
                .and_then(|()| fs::remove_file(link))
                .map_err(|error| format!("{} cannot be removed: {error}", folder.display())),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        self.server.last_words()
    }

    fn url_file(&self) -> PathBuf {
        self.server.folder().join("url")
    }
}

/// What keeps Debian's package from making a database cluster of its own.
const NO_CLUSTER: (&str, &str) =
    ("/etc/postgresql-common/createcluster.d/bursar.conf", "create_main_cluster = false\n");

/// The folder, made; where the runner cannot reach it, a link to one that it can.
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
    Ok(place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

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
        let mut ask = Command::new(postgres.server.program("psql"));
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
