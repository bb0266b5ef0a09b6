//! A full disk: no decision, and decisions again once there is space.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bursar_store::contract::given::{self, usd};
use bursar_store::{Batch, Ledger, Outbox, StoreError};
use bursar_store_sqlite::{Options, SqliteBooks, SqliteLedger};
use bursar_testkit::assert_books_are_right;
use tempfile::TempDir;

/// Longer than this takes.
const LEASE: Duration = Duration::from_secs(3_600);

/// A small file system in memory, gone in the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where the tests were told to do without.
    fn mount() -> Option<Self> {
        let without = std::env::var("BURSAR_TEST_WITHOUT").unwrap_or_default();
        if without.split(',').any(|tool| matches!(tool.trim(), "mount" | "tmpfs")) {
            eprintln!("not run: no tmpfs can be mounted here");
            return None;
        }
        let point = tempfile::tempdir().expect("a folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(point.path())
            .output()
            .expect("the program mount");
        let said = String::from_utf8_lossy(&mount.stderr);
        assert!(
            mount.status.success(),
            "only root may mount; BURSAR_TEST_WITHOUT=mount leaves this out: {said}"
        );
        Some(Self(point))
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Writes until nothing more fits. Removing the file makes space again.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = OpenOptions::new().create_new(true).write(true).open(&path).expect("a file");
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_decides_nothing_and_with_space_it_decides_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let account = {
        let ledger = open(&disk.folder());
        given::account(&ledger, usd("1000.00")).await
    };
    let ledger = open(&disk.folder());
    let mut approved_minor = 0;
    for round in 0..3 {
        let filler = disk.fill();
        let batch = Batch {
            members: (0..50).map(|_| given::authorization(&account, usd("1.00")).member()).collect(),
            ..Batch::default()
        };
        let leasing = Batch { lease: Some(LEASE), ..batch.clone() };
        let error = ledger.transact(leasing).await.expect_err("no space");
        assert!(matches!(error, StoreError::Unavailable(_) | StoreError::Unknown(_)), "{error}");
        ledger.probe().await.expect_err("no space");
        fs::remove_file(filler).expect("the filler");
        assert_eq!(ledger.probe().await, Ok(()), "round {round}");
        ledger.transact(batch).await.expect("space");
        approved_minor += 5_000;
        let row = given::books_of(&ledger, &account).await;
        assert_eq!(row.held_minor, approved_minor, "round {round}");
        // Those of the batch that failed are leased to nobody, whose positions these have.
        let events = ledger.lease(1_000, LEASE).await.expect("readable");
        assert!(events.len() >= 50, "{} in round {round}", events.len());
    }
    drop(ledger);
    assert_books_are_right(Box::new(SqliteBooks::open(&disk.folder()).expect("readable")));
}

fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(folder, Options::default()).expect("space enough")
}
