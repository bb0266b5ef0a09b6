//! The stack of `deploy/`, as far as it can be read without a container engine.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Error, is_without};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

/// What `docker-compose config` says in this folder.
fn config(folder: &Path) -> Result<Output, Error> {
    Ok(Command::new("docker-compose").args(["-f", "compose.yaml", "config"]).current_dir(folder).output()?)
}

#[test]
fn compose_reads_its_file_and_refuses_to_without_secrets() -> Result<(), Error> {
    if is_without("docker-compose") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let copy = |from: &Path, to: &Path| -> Result<(), Error> {
        std::fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()).into())
    };
    copy(&Path::new(DEPLOY).join("compose.yaml"), &folder.path().join("compose.yaml"))?;
    let refused = config(folder.path())?;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("secrets/settings.env"), "{refused:?}");
    std::fs::create_dir(folder.path().join("secrets"))?;
    for example in std::fs::read_dir(Path::new(DEPLOY).join("secrets.example"))? {
        let example = example?;
        copy(&example.path(), &folder.path().join("secrets").join(example.file_name()))?;
    }
    let read = config(folder.path())?;
    let said = String::from_utf8(read.stdout)?;
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    for part in [
        "postgres:15-alpine",
        "mongo:6",
        "redis:7-alpine",
        "rabbitmq:3.12-management-alpine",
        "nginx:alpine",
        "postgres_data",
        "mongodb_data",
        "redis_data",
        "rabbitmq_data",
        "condition: service_healthy",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    // It is in files that containers read, and nowhere in what describes them.
    assert!(!said.contains("example-"), "{said}");
    Ok(())
}

/// Each setting of the example is one, and the settings of containers too.
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
#[test]
fn the_settings_of_the_stack_are_settings() -> Result<(), Error> {
    let mut command = crate::common::bursar(&["config"]);
    command.arg("--config").arg(Path::new(DEPLOY).join("secrets.example/bursar.toml"));
    let compose = std::fs::read_to_string(Path::new(DEPLOY).join("compose.yaml"))?;
    let manifest = std::fs::read_to_string(Path::new(DEPLOY).join("kubernetes.yaml"))?;
    let mut count = 0;
    for line in compose.lines().chain(manifest.lines()).map(str::trim) {
        if let Some((name, value)) = line.split_once(": ").filter(|(name, _)| name.starts_with("BURSAR__")) {
            command.env(name, value.trim_matches('"'));
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
    let said = command.output()?;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(!String::from_utf8(said.stdout)?.contains("example-"), "a password is shown");
    Ok(())
}

#[tokio::test]
async fn a_probe_tells_whether_the_server_can_decide() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let server = crate::common::Running::start(folder.path())?;
    let probe = |url: &str| crate::common::bursar(&["probe", "--url", url]).output();
    let ready = probe(&server.base)?;
    assert!(
        ready.status.success() && String::from_utf8_lossy(&ready.stdout).contains("\"ready\""),
        "{ready:?}"
    );
    let base = server.base.clone();
    server.kill()?;
    let gone = probe(&base)?;
    assert!(!gone.status.success() && !gone.stderr.is_empty(), "{gone:?}");
    Ok(())
}
