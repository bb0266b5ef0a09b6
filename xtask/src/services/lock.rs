//! One task at a time starts, uses or stops the services of a checkout.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::Error;
use crate::say::say;

/// Locked for as long as a task depends on the services, and there for good.
const FILE: &str = "target/services/lock";

/// Held until it is dropped, or its process ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for whoever has it, and says so.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub(crate) fn take() -> Result<Self, Error> {
        Self::take_at(Path::new(FILE), |file| {
            say(format_args!(
                "waiting for another cargo xtask of this checkout, which uses the services ({FILE} is locked)"
            ));
            file.lock().map_err(TryLockError::Error)
        })
    }

    fn take_at(path: &Path, is_taken: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<Self, Error> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = File::create(path).map_err(failed)?;
        let locked = match file.try_lock() {
            Err(TryLockError::WouldBlock) => is_taken(&file),
            locked => locked,
        };
        locked.map_err(|error| format!("{} cannot be locked: {error}", path.display()))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_task_s_until_that_has_ended() {
        let folder = std::env::temp_dir().join(format!("bursar-lock-{}", std::process::id()));
        let path = folder.join("services/lock");
        let take = || Lock::take_at(&path, |_| Err(TryLockError::WouldBlock));
        let first = take().expect("nobody has it");
        let refused = take().map(drop).expect_err("the first has it");
        assert!(refused.contains("services/lock cannot be locked"), "{refused}");
        drop(first);
        drop(take().expect("nobody has it any more"));
        fs::remove_dir_all(folder).expect("removed");
    }
}
