//! Processes that another task started.

use std::fs;
use std::process::{Command, Stdio};

/// A process, known again by when it began: its id may be another's one day.
pub(crate) struct Process {
    id: u32,
    began: u64,
}

impl Process {
    /// The process with this id, if it is there. One that ended and was not waited for is not.
    pub(crate) fn of(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // From the third field on; the second is a name in parentheses.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
        let began = fields.get(19)?.parse().ok()?;
        (*fields.first()? != "Z").then_some(Self { id, began })
    }

    pub(crate) fn is_there(&self) -> bool {
        Self::of(self.id).is_some_and(|process| process.began == self.began)
    }

    /// Asks it to end. That it is gone already is as good.
    pub(crate) fn ask_to_end(&self) {
        let mut kill = Command::new("kill");
        let _ = kill.arg(self.id.to_string()).stderr(Stdio::null()).status();
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}\n", self.id, self.began)
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        let (id, began) = line.split_once(' ')?;
        Some(Self { id: id.parse().ok()?, began: began.parse().ok()? })
    }
}
