//! A full disk: no decision, never an approval, and all is well again once there is room. Of the embedded
//! ledger: the disk of a PostgreSQL is not one that a test can fill for it alone.

use std::path::Path;
use std::process::Command;

use crate::common::{Error, Running};
use serde_json::json;

/// A small disk of its own, gone when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let mount = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
        let status = Command::new("mount").args(mount).arg(folder.path()).status()?;
        assert!(status.success(), "a tmpfs cannot be mounted");
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_answered_503_without_a_decision() -> Result<(), Error> {
    let without = std::env::var("BURSAR_TEST_WITHOUT").unwrap_or_default();
    if without.split(',').any(|tool| tool == "mount") {
        return Ok(());
    }
    let disk = SmallDisk::mount()?;
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![0; 5 << 20])?;
    let server = Running::start(&disk.path().join("data"))?;
    let wallet = server.wallet("100000.00").await?;
    let mut approved = 0;
    let refused = loop {
        let token = format!("swipe-{approved}");
        match server.jit(&wallet.swipe(&token, "1.00")).await? {
            (200, _) => approved += 1,
            (503, _) => break token,
            (status, answer) => return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into()),
        }
        assert!(approved < 100_000, "the disk never filled");
    };
    assert!(approved > 0);
    for number in 0..5 {
        let (status, _) = server.jit(&wallet.swipe(&format!("full-{number}"), "1.00")).await?;
        assert_eq!(status, 503, "no approval while the disk is full");
    }
    let ready = server.http.get(format!("{}/ready", server.base)).send().await?;
    assert_eq!(ready.status(), 503);
    std::fs::remove_file(&filler)?;
    assert_eq!(server.jit(&wallet.swipe(&refused, "1.00")).await?.0, 200, "there is room again");
    let account = server.get(&format!("/v1/accounts/{}", wallet.account)).await?;
    assert_eq!(account["open_holds"], json!(approved + 1));
    assert_eq!(server.check()?["findings"], json!([]));
    Ok(())
}
