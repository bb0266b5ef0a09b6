//! A Bursar without services, by its settings or by its build.

use crate::common::{Error, Running, bursar};

/// Each service: what it is called, its setting and its feature, and whether it is built in.
const SERVICES: [(&str, &str, &str, bool); 4] = [
    ("PostgreSQL", "postgres.url", "postgres", cfg!(feature = "postgres")),
    ("RabbitMQ", "rabbitmq.url", "rabbitmq", cfg!(feature = "rabbitmq")),
    ("Redis", "redis.url", "redis", cfg!(feature = "redis")),
    ("MongoDB", "mongodb.url", "mongodb", cfg!(feature = "mongodb")),
];

#[test]
fn the_long_version_says_which_services_are_built_in() -> Result<(), Error> {
    let said = bursar(&["--version"]).output()?;
    let said = String::from_utf8(said.stdout)?;
    for (name, .., is_built_in) in SERVICES {
        assert_eq!(said.contains(name), is_built_in, "{said}");
    }
    let short = bursar(&["-V"]).output()?;
    assert_eq!(String::from_utf8(short.stdout)?.lines().count(), 1);
    Ok(())
}

#[tokio::test]
async fn without_a_service_it_decides_and_its_books_are_right() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut server = Running::start(folder.path())?;
    server.until_ready().await?;
    let wallet = server.wallet("10.00").await?;
    let swipe = wallet.swipe("swipe", "9.99");
    let answer = server.jit(&swipe).await?;
    assert_eq!(answer.0, 200);
    assert_eq!(server.jit(&swipe).await?, answer);
    assert_eq!(server.jit(&wallet.swipe("more", "0.02")).await?.0, 402);
    server.drain_and_terminate().await?;
    assert_eq!(server.check()?["findings"], serde_json::json!([]));
    Ok(())
}

#[cfg(not(any(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis")))]
mod alone {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// Each command that would go to a service, on this data folder.
    fn each_command(folder: &Path) -> Vec<Command> {
        let on_folder = |arguments: &[&str]| {
            let mut command = bursar(arguments);
            command.arg("--data-dir").arg(folder);
            command
        };
        let commands: [&[&str]; 6] = [
            &["serve", "--port", "0"],
            &["demo", "--port", "0", "--for", "1s"],
            &["check"],
            &["migrate"],
            &["rebuild", "documents"],
            &["config"],
        ];
        commands.map(on_folder).into()
    }

    #[test]
    fn the_url_of_a_service_is_refused_by_every_command_with_what_to_do() -> Result<(), Error> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        for (name, setting, feature, _) in SERVICES {
            let variable = format!("BURSAR__{}", setting.replace('.', "__").to_uppercase());
            for mut command in each_command(&data) {
                let refused = command.env(&variable, "redis://:s3cret@127.0.0.1:1/0").output()?;
                let said = String::from_utf8(refused.stderr)?;
                assert_eq!(refused.status.code(), Some(1), "{command:?}: {said}");
                let expected = format!(
                    "{setting} (environment variable {variable}) = [redacted] cannot be used, as this bursar was built \
                     without {name}: unset it, or build with `--features {feature}`"
                );
                assert!(said.contains(&expected) && !said.contains("s3cret"), "{command:?}: {said}");
            }
        }
        assert!(!data.exists(), "nothing was begun");
        Ok(())
    }

    #[test]
    fn settings_of_a_service_without_its_url_are_known_and_harmless() -> Result<(), Error> {
        let listed = bursar(&["config"]).env("BURSAR__POSTGRES__LANES", "3").output()?;
        let said = String::from_utf8(listed.stdout)?;
        assert!(listed.status.success() && said.contains("postgres.lanes"), "{said}");
        Ok(())
    }

    #[test]
    fn a_ledger_is_not_copied_to_or_from_a_database() -> Result<(), Error> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path().to_str().ok_or("a path in UTF-8")?;
        let url = "postgres://bursar:s3cret@127.0.0.1:1/x";
        for (option, ends) in [("--from", [url, folder]), ("--to", [folder, url])] {
            let refused = bursar(&["copy", "--from", ends[0], "--to", ends[1]]).output()?;
            let said = String::from_utf8(refused.stderr)?;
            let expected = format!(
                "the URL of {option} cannot be used, as this bursar was built without PostgreSQL: name a data folder, or \
                 build with `--features postgres`"
            );
            assert!(said.contains(&expected) && !said.contains("s3cret"), "{said}");
        }
        Ok(())
    }
}
