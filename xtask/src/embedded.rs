//! The Bursar that is built without services: it compiles none of their clients, and it decides.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::Error;
use crate::say::{headline, say};
use crate::tally::Tally;
use crate::test::{cargo, counted, step};

/// What is not in it: our crates of the services, and the clients that they use.
const FOREIGN: [&str; 8] = [
    "bursar-broker-rabbitmq",
    "bursar-cache-redis",
    "bursar-documents-mongodb",
    "bursar-store-postgres",
    "lapin",
    "mongodb",
    "redis",
    "tokio-postgres",
];

/// Which tests of the binary run on it: all that a service could make a difference to, and no long ones.
const SUITES: [&str; 7] =
    ["commands::", "demo::", "dlq::", "embedded::", "faults::", "migrate::", "rebuild::"];

/// The features, each of one service; none needs another.
const SERVICES: [&str; 4] = ["postgres", "rabbitmq", "redis", "mongodb"];

/// Tells the tests of the binary which one to run instead of their own.
pub(crate) const BINARY: &str = "BURSAR_TEST_BINARY";

/// Checks what it is made of, builds it as its user does, and runs the tests that need no service on that.
///
/// # Errors
/// The first step that fails.
pub(crate) fn steps(tally: &mut Tally) -> Result<(), Error> {
    headline("embedded: crates");
    no_service(&tree()?)?;
    // Over the workspace, so that its crates have the features that they have in every other step, and are built already.
    let clippy = ["clippy", "--workspace", "--no-default-features", "--all-targets"];
    step("embedded: clippy", cargo(&clippy).args(["--", "-D", "warnings"]))?;
    // Without the tests: those of the binary have helpers that only other services' tests use.
    for service in SERVICES {
        let alone = ["clippy", "--package", "bursar", "--no-default-features", "--features"];
        step(
            &format!("with {service} alone: clippy"),
            cargo(&alone).args([service, "--", "-D", "warnings"]),
        )?;
    }
    // Alone, so that a feature which only another crate of the workspace turns on is missed here and not by a user.
    headline("embedded: build");
    let binary = kept_apart(&built()?)?;
    headline("embedded: tests");
    // Those of the binary over the workspace again: what runs is the one that was built alone.
    let tests = ["test", "--workspace", "--no-default-features", "--no-fail-fast"];
    counted(cargo(&tests).args(["--bin", "bursar"]), tally)?;
    let before = tally.passed + tally.failed;
    counted(cargo(&tests).args(["--test", "binary", "--"]).args(SUITES).env(BINARY, binary), tally)?;
    match tally.passed + tally.failed > before {
        true => Ok(()),
        false => Err(format!("no test of the binary has one of these in its name: {}", SUITES.join(", "))),
    }
}

/// The crates that it is made of, a line each.
fn tree() -> Result<String, Error> {
    let tree = ["tree", "--package", "bursar", "--no-default-features", "--edges", "normal,build"];
    let output = cargo(&tree)
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .map_err(|error| format!("cannot run cargo tree: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Builds it; where it is.
fn built() -> Result<PathBuf, Error> {
    let build = ["build", "--package", "bursar", "--no-default-features"];
    let output = cargo(&build)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("the build cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("the embedded Bursar was not built: {}", output.status));
    }
    executable(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "cargo names no binary".to_owned())
}

/// The one binary that cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back()
}

/// A copy where no other build of it puts its own.
fn kept_apart(binary: &Path) -> Result<PathBuf, Error> {
    let copy = binary.with_file_name("bursar-embedded");
    std::fs::copy(binary, &copy).map_err(|error| format!("cannot copy {}: {error}", binary.display()))?;
    Ok(copy)
}

fn no_service(tree: &str) -> Result<(), Error> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<&str> = names.filter(|name| FOREIGN.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => {
            say("none of a service");
            Ok(())
        }
        found => Err(format!(
            "the embedded Bursar compiles {}: only an optional dependency of the crate bursar may bring it, by the feature \
             of its service",
            found.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_a_service_is_found_and_named_once() {
        let tree = "bursar v0.1.0 (/work/crates/bursar)\nserde v1.0.0\nredis-like v1.0.0\nbursar-store-sqlite v0.1.0";
        assert_eq!(no_service(tree), Ok(()));
        let why = no_service(&format!("{tree}\nredis v1.8.1\nlapin v4.12.3\nredis v1.8.1 (*)"));
        assert!(why.is_err_and(|why| why.contains("compiles lapin, redis: only")));
    }

    #[test]
    fn the_built_binary_is_the_one_that_cargo_names() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#,
            "\nno message\n",
            r#"{"reason":"compiler-artifact","target":{"name":"bursar"},"executable":"/t/debug/bursar"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages), Some("/t/debug/bursar".into()));
        assert_eq!(executable(""), None);
    }
}
