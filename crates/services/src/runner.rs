//! Who runs a service: whoever runs this task, but never root where servers refuse it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, is_root};

/// An account of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// `None` is whoever runs this task.
    other: Option<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Runner {
    /// The account that the service's package made, or the one that owns nothing.
    ///
    /// # Errors
    /// This is root, and the system has neither.
    pub fn of(service: &str) -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self::this_task());
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
        let account = account(&passwd, service).or_else(|| account(&passwd, "nobody"));
        let account = account.ok_or("/etc/passwd has no account that a service could run as")?;
        Ok(Self { other: Some(account) })
    }

    /// Whoever runs this task, also root.
    #[must_use]
    pub const fn this_task() -> Self {
        Self { other: None }
    }

    /// The program, run by this account. A signal that ties it is sent to it when this task's thread ends, however
    /// that ends.
    #[must_use]
    pub fn command(&self, program: &Path, tied: Option<&str>) -> Command {
        let mut switches = Vec::new();
        if let Some(Account { name, gid, .. }) = &self.other {
            switches.extend([
                format!("--reuid={name}"),
                format!("--regid={gid}"),
                "--init-groups".to_owned(),
            ]);
        }
        switches.extend(tied.map(|signal| format!("--pdeathsig={signal}")));
        if switches.is_empty() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(switches).arg("--").arg(program);
        if self.other.is_some() {
            // It may not be allowed into this task's own folder.
            command.current_dir("/");
        }
        command
    }

    /// Gives the file or folder to the account.
    ///
    /// # Errors
    /// The system's.
    pub fn give(&self, path: &Path) -> Result<(), Error> {
        let Some(Account { uid, gid, .. }) = self.other else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Whether the account can go into the folder: a checkout may lie in somebody's private one.
    #[must_use]
    pub fn reaches(&self, folder: &Path) -> bool {
        let mut enters = self.command(&PathBuf::from("test"), None);
        enters.arg("-x").arg(folder).status().is_ok_and(|status| status.success())
    }
}

fn account(passwd: &str, name: &str) -> Option<Account> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    Some(Account {
        name: name.to_owned(),
        uid: found.get(2)?.parse().ok()?,
        gid: found.get(3)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_its_line() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:,,,:/var/lib:/bin/bash\n";
        let found = account(passwd, "postgres");
        assert_eq!(found, Some(Account { name: "postgres".to_owned(), uid: 101, gid: 104 }));
        assert_eq!(account(passwd, "post"), None);
        assert_eq!(account("broken", "broken"), None);
    }

    #[test]
    fn a_tied_program_is_started_by_setpriv_and_a_free_one_is_not() {
        let runner = Runner::this_task();
        assert_eq!(runner.command(Path::new("true"), None).get_program(), "true");
        let tied = runner.command(Path::new("true"), Some("INT"));
        assert_eq!(tied.get_program(), "setpriv");
        assert_eq!(tied.get_args().next().and_then(|first| first.to_str()), Some("--pdeathsig=INT"));
    }
}
