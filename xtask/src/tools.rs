//! System tools that tests need: installed where that is ours to do, tried, and said if missing.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::Error;
use crate::say::say;

/// A tool and the tests that cannot run without it.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The program, and its word in [`WITHOUT`].
    program: &'static str,
    /// The Debian package that has it.
    package: &'static str,
    /// Bare names of the tests that need it.
    pub(crate) tests: &'static [&'static str],
    /// Does with it what the tests do: a container may have the program and forbid its use.
    attempt: fn() -> Result<(), Error>,
}

/// A package for a program that is there without it.
const PIKA: &str = "python3-pika";

/// Every tool that a test needs. A test that is listed here and does not run is reported.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        program: "strace",
        package: "strace",
        tests: &["every_answer_is_preceded_by_a_flush", "a_store_that_does_not_flush_is_found"],
        attempt: trace,
    },
    Tool {
        program: "mount",
        package: "mount",
        tests: &[
            "a_full_disk_is_answered_503_without_a_decision",
            "a_full_disk_decides_nothing_and_with_space_it_decides_again",
        ],
        attempt: mount_tmpfs,
    },
    Tool {
        // The system's own: what Debian packages for Python is found by no other.
        program: "/usr/bin/python3",
        package: PIKA,
        tests: &["a_client_that_is_not_ours_asks_and_is_answered"],
        attempt: import_pika,
    },
    Tool {
        program: "nginx",
        package: "nginx",
        tests: &[
            "commands_ask_through_nginx_whom_they_trust",
            "nginx_shows_outside_what_is_open_and_says_who_asks",
            "what_moves_money_is_sent_to_one_instance_once",
            "instances_that_stop_behind_nginx_cut_no_swipe",
        ],
        attempt: run_nginx,
    },
    Tool {
        program: "docker-compose",
        package: "docker-compose",
        tests: &["compose_reads_its_file_and_refuses_to_without_secrets"],
        attempt: run_compose,
    },
];

/// The environment variable that names to the tests the programs they must do without, by commas.
pub(crate) const WITHOUT: &str = "BURSAR_TEST_WITHOUT";

/// A tool that cannot be used here, and why.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) tool: &'static Tool,
    pub(crate) reason: String,
}

/// Installs what is missing if this is root on Debian or Ubuntu, tries every tool, and returns
/// those that cannot be used.
pub(crate) fn prepare() -> Vec<Missing> {
    let absent: Vec<&str> = TOOLS.iter().filter(|tool| !tool.is_here()).map(|tool| tool.package).collect();
    if !absent.is_empty()
        && may_install()
        && let Err(error) = install_service(&absent, None)
    {
        say(error);
    }
    TOOLS.iter().filter_map(|tool| tool.try_out().err().map(|reason| Missing { tool, reason })).collect()
}

/// The value of [`WITHOUT`].
pub(crate) fn words(missing: &[Missing]) -> String {
    let words: Vec<&str> = missing.iter().map(|missing| missing.tool.program).collect();
    words.join(",")
}

impl Tool {
    /// Whether there is nothing to install. Who may not use what is there gains nothing by having it anew.
    fn is_here(&self) -> bool {
        is_installed(self.program) && (self.package != PIKA || import_pika().is_ok())
    }

    fn try_out(&self) -> Result<(), Error> {
        if !is_installed(self.program) {
            return Err(format!(
                "{} is not installed (on Debian: apt-get install {})",
                self.program, self.package
            ));
        }
        (self.attempt)()
    }
}

/// Installs Debian packages.
///
/// # Errors
/// What apt-get could not do; its own words are on the terminal by then.
pub(crate) fn install(packages: &[&str]) -> Result<(), Error> {
    say(format_args!("installing {}", packages.join(", ")));
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Installs Debian packages of a service. No daemon is started, and nothing is set up that the file,
/// there for as long as this takes, tells the package not to.
///
/// # Errors
/// As [`install`], or the files that keep the package from it cannot be written.
pub(crate) fn install_service(packages: &[&str], no_setup: Option<(&str, &str)>) -> Result<(), Error> {
    let _no_daemon = TemporaryFile::write(POLICY, "#!/bin/sh\nexit 101\n", 0o755)?;
    let _no_setup = no_setup.map(|(file, text)| TemporaryFile::write(file, text, 0o644)).transpose()?;
    install(packages)
}

/// Debian's packages ask this program whether they may start their daemon; 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// A file that was not there before, and is not there afterwards.
struct TemporaryFile {
    /// `None` if somebody else's is there: it stays as it is.
    path: Option<PathBuf>,
}

impl TemporaryFile {
    fn write(path: &str, text: &str, mode: u32) -> Result<Self, Error> {
        let failed = |error: std::io::Error| format!("{path}: {error}");
        let path = PathBuf::from(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        match fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
            Ok(mut file) => {
                let this = Self { path: Some(path) };
                file.write_all(text.as_bytes()).map_err(failed)?;
                Ok(this)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { path: None }),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            say(format_args!("{} cannot be removed: {error}", path.display()));
        }
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let status = Command::new("apt-get")
        .arg("--quiet")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .map_err(|error| format!("cannot run apt-get: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("apt-get {} failed: {status}", arguments.join(" "))),
    }
}

/// Whether this is root on Debian, Ubuntu or a child of theirs.
pub(crate) fn may_install() -> bool {
    bursar_services::is_root()
        && fs::read_to_string("/etc/os-release").is_ok_and(|release| is_debian(&release))
}

fn is_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|id| id == "debian" || id == "ubuntu")
}

/// Whether the program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    bursar_services::find(program).is_some()
}

/// Whether the system's Python can install wheels.
pub(crate) fn has_pip() -> bool {
    let mut pip = Command::new("/usr/bin/python3");
    pip.args(["-m", "pip", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Has Python read the AMQP client.
fn import_pika() -> Result<(), Error> {
    succeeds("pika cannot be used here", Command::new("/usr/bin/python3").args(["-c", "import pika"]))
}

fn run_nginx() -> Result<(), Error> {
    succeeds("nginx cannot be run here", Command::new("nginx").arg("-v"))
}

fn run_compose() -> Result<(), Error> {
    succeeds("docker-compose cannot be run here", Command::new("docker-compose").arg("version"))
}

/// Follows a process that does nothing.
fn trace() -> Result<(), Error> {
    succeeds("strace may not trace here", Command::new("strace").args(["-f", "-o", "/dev/null", "true"]))
}

/// Mounts a small tmpfs and unmounts it.
fn mount_tmpfs() -> Result<(), Error> {
    let refused = "a tmpfs cannot be mounted here";
    let point = std::env::temp_dir().join(format!("bursar-xtask-{}", std::process::id()));
    fs::create_dir(&point).map_err(|error| format!("{refused}: {}: {error}", point.display()))?;
    let mounted =
        succeeds(refused, Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&point))
            .and_then(|()| succeeds("a tmpfs cannot be unmounted here", Command::new("umount").arg(&point)));
    // A folder that is still mounted stays; the unmount has said so.
    let _ = fs::remove_dir(&point);
    mounted
}

fn succeeds(refused: &str, command: &mut Command) -> Result<(), Error> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{refused}: {}", last_words(&output))),
        Err(error) => Err(format!("{refused}: {error}")),
    }
}

fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_what_is_made_of_it_are_known() {
        assert!(is_debian("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n"));
        assert!(is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("NAME=\"Not debian\"\nID=fedora\nVERSION_ID=42\nBUILD_ID=debian\n"));
    }

    #[test]
    fn a_program_is_installed_if_the_path_has_it() {
        assert!(is_installed("sh"));
        assert!(!is_installed("bursar-no-such-program"));
    }

    #[test]
    fn a_temporary_file_is_gone_afterwards_and_one_that_was_there_stays() {
        let path = std::env::temp_dir().join(format!("bursar-xtask-{}-file", std::process::id()));
        let name = path.to_str().expect("a name");
        {
            let _first = TemporaryFile::write(name, "first", 0o644).expect("written");
            let _second = TemporaryFile::write(name, "second", 0o644).expect("left alone");
            assert_eq!(fs::read_to_string(&path).expect("there"), "first");
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_failing_attempt_gives_the_last_words_of_the_program() {
        let error =
            succeeds("no", Command::new("sh").args(["-c", "echo first >&2; echo second >&2; exit 3"]));
        assert_eq!(error, Err("no: second".to_owned()));
        let silent = succeeds("no", Command::new("sh").args(["-c", "exit 3"]));
        assert_eq!(silent, Err("no: exit status: 3".to_owned()));
    }

    #[test]
    fn missing_tools_are_named_by_commas() {
        let missing = |tool| Missing { tool, reason: String::new() };
        let all: Vec<Missing> = TOOLS.iter().map(missing).collect();
        assert_eq!(words(&all), "strace,mount,/usr/bin/python3,nginx,docker-compose");
        assert_eq!(words(&[]), "");
    }
}
