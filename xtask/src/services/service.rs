//! A service of this checkout: installed, and in a folder under `target`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bursar_services::{Life, Runner, random, write_private};

use crate::Error;
use crate::say::say;

/// Under it each service has a folder. A link to another place if the service's account cannot reach this one.
const FOLDER: &str = "target/services";

/// The file that tells where a service is.
const URL: &str = "url";

/// A program that serves.
pub(crate) trait Daemon: Sized {
    /// The service's name, and its folder's.
    const NAME: &str;

    /// The variable that names one to use instead of ours, if there is one.
    const GIVEN: Option<&str>;

    /// Installs its programs if they are missing and that is ours to do.
    fn install() -> Result<(), Error>;

    fn is_installed() -> bool;

    /// The account that runs it.
    fn runner() -> Result<Runner, Error>;

    fn within(folder: PathBuf) -> Result<Self, Error>;

    fn folder(&self) -> &Path;

    /// Makes what it needs before its first start.
    fn make(&self) -> Result<(), Error>;

    fn is_running(&self) -> Result<bool, Error>;

    /// Starts it on free ports and waits until it takes connections.
    fn start(&self, life: Life) -> Result<Started, Error>;

    fn stop(&self) -> Result<(), Error>;

    fn last_words(&self) -> String;
}

/// The methods of a [`Daemon`] that its type has itself, under the same names.
macro_rules! its_own {
    () => {
        fn is_installed() -> bool {
            Self::is_installed()
        }

        fn runner() -> Result<bursar_services::Runner, crate::Error> {
            Self::runner()
        }

        fn within(folder: std::path::PathBuf) -> Result<Self, crate::Error> {
            Self::within(folder)
        }

        fn folder(&self) -> &std::path::Path {
            self.folder()
        }

        fn stop(&self) -> Result<(), crate::Error> {
            self.stop()
        }

        fn last_words(&self) -> String {
            self.last_words()
        }
    };
}
pub(super) use its_own;

/// What tells where a service is.
pub(crate) struct Started {
    /// How to connect to it.
    pub(crate) url: String,
    /// Other files that tests read, by their names.
    pub(crate) files: Vec<(&'static str, String)>,
}

/// A service and its folder.
pub(crate) struct Service<D> {
    daemon: D,
    /// Where it is looked for; a link, if it is elsewhere.
    place: PathBuf,
}

impl<D: Daemon> Service<D> {
    /// Installs it if that is ours to do, and makes its folder and its data.
    ///
    /// # Errors
    /// It is not there, or cannot be made.
    pub(crate) fn prepare() -> Result<Self, Error> {
        Self::prepare_in(place::<D>())
    }

    pub(super) fn prepare_in(place: PathBuf) -> Result<Self, Error> {
        D::install().map_err(|error| match D::GIVEN {
            Some(given) => format!("{error}, and {given} names none"),
            None => error,
        })?;
        let daemon = D::within(home(&place, &D::runner()?)?)?;
        say(format_args!("{} in {}", D::NAME, daemon.folder().display()));
        daemon.make()?;
        Ok(Self { daemon, place })
    }

    /// The one that was prepared before, if any.
    pub(crate) fn find() -> Result<Option<Self>, Error> {
        let place = place::<D>();
        match (fs::canonicalize(&place), D::is_installed()) {
            (Ok(folder), true) => Ok(Some(Self { daemon: D::within(folder)?, place })),
            _ => Ok(None),
        }
    }

    /// Where it listens, if it runs.
    pub(crate) fn running(&self) -> Result<Option<String>, Error> {
        match self.daemon.is_running()? {
            true => self.read(URL).map(Some),
            false => Ok(None),
        }
    }

    /// One of the files that tell where it is.
    pub(crate) fn read(&self, name: &str) -> Result<String, Error> {
        let file = self.daemon.folder().join(name);
        fs::read_to_string(&file)
            .map_err(|error| format!("{} runs, and {}: {error}", D::NAME, file.display()))
    }

    /// Starts it on a free port and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub(crate) fn start(&self, life: Life) -> Result<String, Error> {
        let Started { url, files } = self.daemon.start(life)?;
        for (name, text) in files.iter().map(|(name, text)| (*name, text)).chain([(URL, &url)]) {
            write_private(&self.daemon.folder().join(name), text)?;
        }
        Ok(url)
    }

    /// Ends it and waits until it is gone.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        self.daemon.stop()
    }

    /// Removes data that are not under `target`: nobody would find them there.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        let folder = self.daemon.folder();
        match self.place.is_symlink() {
            false => Ok(()),
            true => fs::remove_dir_all(folder)
                .and_then(|()| fs::remove_file(&self.place))
                .map_err(|error| format!("{} cannot be removed: {error}", folder.display())),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        self.daemon.last_words()
    }

    #[cfg(test)]
    pub(super) const fn daemon(&self) -> &D {
        &self.daemon
    }
}

fn place<D: Daemon>() -> PathBuf {
    Path::new(FOLDER).join(D::NAME)
}

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

    use super::*;

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
