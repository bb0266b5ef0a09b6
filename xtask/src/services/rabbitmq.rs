//! RabbitMQ as a service of this checkout.

use std::path::{Path, PathBuf};

use bursar_services::{Life, Ports, RabbitMq, Runner};

use super::service::{Daemon, Started};
use crate::{Error, tools};

/// The file that tells tests where the management API is.
pub(crate) const API: &str = "api";

impl Daemon for RabbitMq {
    const NAME: &str = "rabbitmq";
    // Tests make vhosts, by the management API of ours.
    const GIVEN: Option<&str> = None;

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() {
            tools::install_service(&["rabbitmq-server"], None)?;
        }
        Self::installed()
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
        self.make()
    }

    fn is_running(&self) -> Result<bool, Error> {
        Ok(self.is_running())
    }

    fn start(&self, life: Life) -> Result<Started, Error> {
        let ports = Ports::free()?;
        self.start(ports, life)?;
        Ok(Started { url: self.url(ports)?, files: vec![(API, self.api(ports)?)] })
    }

    fn stop(&self) -> Result<(), Error> {
        self.stop()
    }

    fn last_words(&self) -> String {
        self.last_words()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use bursar_services::random;

    use super::super::service::Service;
    use super::*;

    /// Its epmd, too: a second start on the same machine is as good as the first.
    #[test]
    fn it_is_made_started_and_stopped_and_leaves_nothing_running() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        fs::create_dir(&place).expect("a folder");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("permissions");
        let rabbitmq = Service::<RabbitMq>::prepare_in(place.join("rabbitmq")).expect("a RabbitMQ");
        for _ in 0..2 {
            assert_eq!(rabbitmq.running(), Ok(None));
            let url = rabbitmq.start(Life::AsLongAsThis).expect("it starts");
            assert_eq!(rabbitmq.running(), Ok(Some(url)));
            rabbitmq.stop().expect("it stops");
            assert_eq!(processes_of(&place), Vec::<String>::new());
        }
        fs::remove_dir_all(place).expect("removed");
    }

    /// The processes that name the folder, or were started with it in their environment, and run.
    fn processes_of(place: &Path) -> Vec<String> {
        let place = place.display().to_string();
        let all = fs::read_dir("/proc").expect("processes").flatten();
        let of = |path: PathBuf| {
            let about = [fs::read(path.join("cmdline")).ok()?, fs::read(path.join("environ")).ok()?].concat();
            let about = String::from_utf8_lossy(&about).into_owned();
            about.contains(&place).then_some(about)
        };
        let own = std::process::id().to_string();
        all.filter(|process| process.file_name().to_str() != Some(&own))
            .filter_map(|process| of(process.path()))
            .collect()
    }
}
