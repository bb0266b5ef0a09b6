//! Every answer is preceded by a flush: the system calls of the real binary, watched by strace. Of the
//! embedded ledger: PostgreSQL flushes in processes of its own, which `outages` kills.

use std::collections::HashSet;
use std::process::Command;

use crate::common::{Error, Running, binary};

const SWIPES: usize = 30;

/// How the names of the ledger's files begin.
const LEDGER: &str = "/ledger.db";

#[tokio::test]
async fn every_answer_is_preceded_by_a_flush() -> Result<(), Error> {
    let Some(trace) = traced_swipes(&[]).await? else {
        return Ok(());
    };
    assert_eq!(answers_without_flush(&trace), (SWIPES, 0));
    Ok(())
}

/// The control: with commits that are not flushed, the same count must find answers that came
/// before any flush. Else the test above could not fail.
#[tokio::test]
async fn a_store_that_does_not_flush_is_found() -> Result<(), Error> {
    let unsafe_setting = [("BURSAR__SQLITE__SYNCHRONOUS", "normal")];
    let Some(trace) = traced_swipes(&unsafe_setting).await? else {
        return Ok(());
    };
    let (answers, unflushed) = answers_without_flush(&trace);
    assert_eq!(answers, SWIPES);
    assert!(unflushed > SWIPES / 2, "only {unflushed} of {answers} answers came without a flush");
    Ok(())
}

/// Swipes one after the other and returns what strace saw; `None` where strace cannot run, which
/// `cargo xtask test` lists.
async fn traced_swipes(environment: &[(&str, &str)]) -> Result<Option<String>, Error> {
    let without = std::env::var("BURSAR_TEST_WITHOUT").unwrap_or_default();
    if without.split(',').any(|tool| tool == "strace") {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    // `-D` keeps the server our own child: strace would not pass SIGTERM on.
    let mut strace = Command::new("strace");
    strace.args([
        "-D",
        "-f",
        "-y",
        "-s",
        "16",
        "-e",
        "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg",
        "-o",
    ]);
    strace.arg(&trace).arg(binary());
    let mut server = Running::start_with(strace, &folder.path().join("data"), environment)?;
    let wallet = server.wallet("100.00").await?;
    let before = std::fs::metadata(&trace)?.len();
    for number in 0..SWIPES {
        let (status, answer) = server.jit(&wallet.swipe(&format!("swipe-{number}"), "1.00")).await?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
    server.terminate()?;
    let trace = std::fs::read_to_string(&trace)?;
    Ok(Some(trace.get(before as usize..).unwrap_or_default().to_owned()))
}

/// How many answers there were, and before how many of them nothing was flushed since their request
/// was read: a flush after the answer before is none of this one's.
fn answers_without_flush(trace: &str) -> (usize, usize) {
    let (mut answers, mut unflushed, mut is_flushed) = (0, 0, false);
    let mut flushing = HashSet::new();
    for line in trace.lines() {
        if line.contains("\"POST /jit") {
            is_flushed = false;
        }
        is_flushed |= is_flush(line, &mut flushing);
        if line.contains("\"HTTP/1.1 200") {
            answers += 1;
            unflushed += usize::from(!is_flushed);
        }
    }
    (answers, unflushed)
}

/// The count itself: an answer before its own flush is found, although a flush came before.
#[test]
fn a_flush_that_comes_after_its_answer_is_found() {
    let swipe = "recvfrom(9, \"POST /jit/marqet\"..., 8192, 0, NULL, NULL) = 999\n";
    let (flush, answer) = (
        "fdatasync(7</data/ledger.db-wal>) = 0\n",
        "sendto(9, \"HTTP/1.1 200 OK\\r\"..., 300, 0, NULL, 0) = 300\n",
    );
    let before = [swipe, flush, answer].concat().repeat(3);
    assert_eq!(answers_without_flush(&before), (3, 0));
    let after = [flush, swipe, answer].concat().repeat(3);
    assert_eq!(answers_without_flush(&after), (3, 3));
}

/// Whether a flush of the ledger ends in this line; the queues beside it flush, too. One that another thread's call
/// interrupts has two lines, and its file is in the first.
fn is_flush<'a>(line: &'a str, flushing: &mut HashSet<&'a str>) -> bool {
    let thread = line.split_whitespace().next().unwrap_or_default();
    if line.contains("sync(") && line.contains(LEDGER) {
        if line.contains("unfinished") {
            flushing.insert(thread);
        }
        return line.contains("= 0");
    }
    line.contains("sync resumed") && flushing.remove(thread) && line.contains("= 0")
}
