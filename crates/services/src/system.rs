//! What the system has: programs, ports, and who we are.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    // The owner of this entry is the effective user of the process that looks.
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Where the path has the program.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
}

/// A word that nobody guesses.
///
/// # Errors
/// The system has no source of them.
pub fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    let filled = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    filled.map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}

/// A port of 127.0.0.1 that nobody has right now, and that no outgoing connection is given: a server that
/// starts again finds it free.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16, Error> {
    for _ in 0..100 {
        let random = u16::from_str_radix(&random()?[..4], 16).map_err(|error| error.to_string())?;
        // The system gives connections the ports from 32768 on.
        let port = 10_000 + random % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port between 10000 and 30000 at 127.0.0.1".to_owned())
}
