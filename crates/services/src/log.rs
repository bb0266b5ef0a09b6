//! What a service said last.

use std::fs;
use std::io::Read;
use std::path::Path;

/// Lines that are enough to see why it does not run.
const LINES: usize = 40;

/// The last lines of a log.
pub(crate) fn last_lines(path: &Path) -> String {
    let mut log = Vec::new();
    let read = fs::File::open(path).and_then(|mut file| file.read_to_end(&mut log));
    if let Err(error) = read {
        return format!("{}: {error}", path.display());
    }
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
