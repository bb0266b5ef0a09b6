//! What the machine itself does, with nothing of Bursar: no server on it can be steadier than this.

use std::fs::File;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::table::{Row, Table};

/// What a small transaction writes.
const BYTES: usize = 8_192;

/// How long it writes.
const WRITES_FOR: Duration = Duration::from_secs(5);

/// Pause between two writes.
const PAUSE: Duration = Duration::from_millis(2);

/// How often two threads wake each other.
const ROUNDS: usize = 20_000;

/// How steady its disk and its processors are.
pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let mut writes = durable_writes(WRITES_FOR)?;
    let mut wakes = wakes()?;
    for (name, times) in [("8 KiB made durable", &mut writes), ("two threads wake each other", &mut wakes)] {
        times.sort_unstable();
        let of = |part: usize| format!("{:.2}", times[(times.len() - 1) * part / 1000].as_secs_f64() * 1e3);
        let value = format!("p50 {}, p99 {}, p99.9 {} ms", of(500), of(990), of(999));
        table.push(Row::value(&format!("the machine: {name}"), value));
    }
    Ok(())
}

/// How long each took, on the disk of the working directory.
fn durable_writes(time: Duration) -> Result<Vec<Duration>, Error> {
    let (mut file, bytes): (File, _) = (tempfile::tempfile_in(".")?, [0x5a; BYTES]);
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let before = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(before.elapsed());
        thread::sleep(PAUSE);
    }
    Ok(times)
}

/// How long a word to another thread and its answer take.
fn wakes() -> Result<Vec<Duration>, Error> {
    let (ask, asked): (Sender<()>, Receiver<()>) = channel();
    let (answer, answered) = channel();
    let other = thread::spawn(move || asked.iter().try_for_each(|()| answer.send(())));
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let before = Instant::now();
        ask.send(())?;
        answered.recv()?;
        times.push(before.elapsed());
    }
    drop(ask);
    let _ = other.join();
    Ok(times)
}
