//! Redis as a service of this checkout.

use bursar_services::{Life, Redis, free_port};

use super::service::{Daemon, Started, its_own};
use crate::{Error, tools};

impl Daemon for Redis {
    const NAME: &str = "redis";
    // Tests flush it and fill it with foreign bytes.
    const GIVEN: Option<&str> = None;

    its_own!();

    fn install() -> Result<(), Error> {
        if !Self::is_installed() && tools::may_install() {
            tools::install_service(&["redis-server"], None)?;
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
        let port = free_port()?;
        self.start(port, &[], life)?;
        Ok(Started { url: self.url(port)?, files: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bursar_services::random;

    use super::super::service::Service;
    use super::*;

    #[test]
    fn it_is_made_started_and_stopped_and_leaves_nothing_running() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        fs::create_dir(&place).expect("a folder");
        let redis = Service::<Redis>::prepare_in(place.join("redis")).expect("a Redis");
        for _ in 0..2 {
            assert_eq!(redis.running(), Ok(None));
            let url = redis.start(Life::AsLongAsThis).expect("it starts");
            assert_eq!(redis.running(), Ok(Some(url.clone())));
            let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
            let said = redis.daemon().control(port.expect("a port"), &["ping"]).expect("it answers");
            assert_eq!(said.trim(), "PONG");
            redis.stop().expect("it stops");
        }
        assert_eq!(redis.running(), Ok(None));
        fs::remove_dir_all(place).expect("removed");
    }
}
