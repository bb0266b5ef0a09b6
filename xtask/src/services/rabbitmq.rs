//! RabbitMQ as a service of this checkout.

use bursar_services::{Life, Ports, RabbitMq};

use super::service::{Daemon, Started, its_own};
use crate::{Error, tools};

/// The file that tells tests where the management API is.
pub(crate) const API: &str = "api";

impl Daemon for RabbitMq {
    const NAME: &str = "rabbitmq";
    // Tests make vhosts, by the management API of ours.
    const GIVEN: Option<&str> = None;

    its_own!();

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() {
            tools::install_service(&["rabbitmq-server"], None)?;
        }
        Self::installed()
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
}

#[cfg(test)]
mod tests {
    use std::fs::{self, DirEntry};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, Instant};

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
            // A helper of Erlang's sees a moment later that the server is gone.
            let until = Instant::now() + Duration::from_secs(60);
            while !processes_of(&place).is_empty() {
                assert!(Instant::now() < until, "{:?}", processes_of(&place));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        fs::remove_dir_all(place).expect("removed");
    }

    /// The programs that name the folder, or were started with it in their environment, and run.
    fn processes_of(place: &Path) -> Vec<String> {
        let place = place.display().to_string();
        let own = std::process::id().to_string();
        let of = |process: DirEntry| {
            let read = |file: &str| fs::read(process.path().join(file)).unwrap_or_default();
            let about = String::from_utf8_lossy(&[read("cmdline"), read("environ")].concat()).into_owned();
            let is_of = process.file_name().to_str() != Some(&own) && about.contains(&place);
            is_of.then(|| about.split('\0').next().unwrap_or_default().to_owned())
        };
        fs::read_dir("/proc").expect("processes").flatten().filter_map(of).collect()
    }
}
