//! PostgreSQL as a service of this checkout.

use bursar_services::{Life, Postgres, free_port};

use super::service::{Daemon, Started, its_own};
use crate::{Error, tools};

/// What keeps Debian's package from making a database cluster of its own.
const NO_CLUSTER: (&str, &str) =
    ("/etc/postgresql-common/createcluster.d/bursar.conf", "create_main_cluster = false\n");

/// The variable that names a PostgreSQL to use instead of one of our own.
pub(crate) const GIVEN: &str = "BURSAR__POSTGRES__URL";

impl Daemon for Postgres {
    const NAME: &str = "postgres";
    const GIVEN: Option<&str> = Some(GIVEN);

    its_own!();

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() {
            tools::install_service(&["postgresql"], Some(NO_CLUSTER))?;
        }
        Self::installed()
    }

    fn make(&self) -> Result<(), Error> {
        self.make()
    }

    fn is_running(&self) -> Result<bool, Error> {
        self.is_running()
    }

    fn start(&self, life: Life) -> Result<Started, Error> {
        let port = free_port()?;
        self.start(port, &[], life)?;
        Ok(Started { url: self.url(port)?, files: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use bursar_services::random;

    use super::super::service::Service;
    use super::*;

    /// Installed, made, started, asked, stopped: as every other test of a real PostgreSQL needs it.
    #[test]
    fn it_is_made_started_and_stopped_and_leaves_nothing_running() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        fs::create_dir(&place).expect("a folder");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("permissions");
        let postgres = Service::<Postgres>::prepare_in(place.join("postgres")).expect("a PostgreSQL");
        assert_eq!(postgres.running(), Ok(None));
        let url = postgres.start(Life::AsLongAsThis).expect("it starts");
        assert_eq!(postgres.running(), Ok(Some(url.clone())));
        let mut ask = Command::new(postgres.daemon().program("psql"));
        let answer = ask.args([&url, "--tuples-only", "--no-align", "--command", "show fsync"]).output();
        assert_eq!(String::from_utf8_lossy(&answer.expect("psql runs").stdout).trim(), "on");
        postgres.stop().expect("it stops");
        assert_eq!(postgres.running(), Ok(None));
        fs::remove_dir_all(place).expect("removed");
    }
}
