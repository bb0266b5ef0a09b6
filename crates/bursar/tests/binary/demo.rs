//! `bursar demo`: what it reports, and that it fails when its books are not right.

use bursar_testkit::Store;
use serde_json::{Value, json};

use crate::common::{Error, Running, ask_to_stop};
use crate::home::Home;
use crate::on_both_stores;

/// Changes every balance and every held amount by hand, and leaves what is available as it is: no
/// later decision tells.
const DAMAGE: &str = "update accounts set posted_minor = posted_minor + 1, held_minor = held_minor + 1";

on_both_stores!(a_demo_reports_what_it_did_and_both_verdicts_pass);
async fn a_demo_reports_what_it_did_and_both_verdicts_pass(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let mut demo =
        home.bursar(&["demo", "--for", "3s", "--rate", "100", "--json", "--port", "0", "--data-dir"]);
    let output = demo.arg(home.folder()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let count = |key: &str| report[key].as_u64().unwrap_or_default();
    assert!(count("approved") > 0 && count("declined") > 0, "{report}");
    assert_eq!(count("decisions"), count("approved") + count("declined"), "{report}");
    assert_eq!(report["verdicts"], json!({"check": "passed", "simulator": "passed"}), "{report}");
    assert_eq!((&report["findings"], &report["differences"]), (&json!([]), &json!([])));
    // What nothing was told of was asked for, and booked: otherwise the simulator's verdict had not passed.
    for what in
        ["asked for", "confirmations", "clearings", "stand-ins", "force posts", "time-outs", "repeats"]
    {
        assert!(report["notices"][what].as_u64() > Some(0), "{what}: {report}");
    }
    for kind in ["daily limit", "schedule", "first merchant"] {
        assert!(report["controls"][kind]["declined"].is_u64(), "{report}");
    }
    let stages = report["stages"].as_array().ok_or("no stages")?;
    let names: Vec<&Value> = stages.iter().map(|stage| &stage["stage"]).collect();
    let every_stage = [
        "parse",
        "user_lookup",
        "card_lookup",
        "limits_lookup",
        "queue_wait",
        "load",
        "decision",
        "commit",
        "answer",
        "total",
    ];
    assert_eq!(names, every_stage);
    assert!(stages.iter().all(|stage| stage["p99_us"].is_u64()), "{report}");
    assert_eq!(home.folder().join("ledger.db").exists(), store == Store::Sqlite);
    assert_events_went_all_the_way(&report, count("approved"));
    Ok(())
}

/// Each approved swipe's event was published and worked off, and so was each report's word.
fn assert_events_went_all_the_way(report: &Value, approved: u64) {
    assert_eq!(report["relay"]["waiting"], 0, "{report}");
    assert_eq!(report["dead_letters"], 0, "{report}");
    let queue = |name: &str| {
        let queues = report["queues"].as_array().cloned().unwrap_or_default();
        queues.into_iter().find(|queue| queue["queue"] == name).unwrap_or_default()
    };
    for (name, at_least) in
        [("transaction-processing-queue", approved), ("events-queue", approved), ("webhook-queue", 1)]
    {
        let queue = queue(name);
        assert_eq!((&queue["depth"], &queue["failed"]), (&json!(0), &json!(0)), "{name}: {report}");
        assert!(queue["done"].as_u64() >= Some(at_least), "{name}: {report}");
        assert!(queue["consume"]["p99_us"].as_u64() > Some(0), "{name}: {report}");
    }
}

on_both_stores!(a_demo_whose_books_were_changed_by_hand_fails_and_names_each_account);
async fn a_demo_whose_books_were_changed_by_hand_fails_and_names_each_account(
    store: Store,
) -> Result<(), Error> {
    let home = Home::on(store)?;
    let demo = Running::launch(home.bursar(&["demo", "--rate", "100", "--json"]), home.folder())?;
    demo.until(|figures| figures["count"].as_u64() >= Some(50)).await?;
    home.execute(DAMAGE)?;
    ask_to_stop(demo.id())?;
    let ended = demo.ended()?;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!(report["verdicts"], json!({"check": "failed", "simulator": "failed"}), "{report}");
    let damaged = home.check()?["accounts"].as_u64().ok_or("no accounts")? as usize;
    let lines = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let naming = |key: &str, part: &str| {
        lines(key).iter().filter(|line| line.as_str().is_some_and(|line| line.contains(part))).count()
    };
    assert_eq!(naming("findings", "L1 acct_"), damaged, "{report}");
    assert_eq!(naming("findings", "L3 acct_"), damaged, "{report}");
    let simulated = |id: &str, what: &str| {
        let named =
            |line: &Value| line.as_str().is_some_and(|line| line.starts_with(id) && line.contains(what));
        lines("differences").iter().any(named)
    };
    assert!(simulated("L1 acct_", ": what is posted is "), "{report}");
    assert!(simulated("L3 acct_", ": what is held is "), "{report}");
    Ok(())
}

on_both_stores!(a_check_of_books_that_were_changed_by_hand_fails_and_names_the_account);
async fn a_check_of_books_that_were_changed_by_hand_fails_and_names_the_account(
    store: Store,
) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let wallet = server.wallet("10.00").await?;
    assert_eq!(server.jit(&wallet.swipe("swipe", "1.00")).await?.0, 200);
    let check = || home.bursar(&["check", "--data-dir"]).arg(home.folder()).output();
    let clean = check()?;
    assert_eq!(clean.status.code(), Some(0));
    assert!(String::from_utf8(clean.stdout)?.contains("the books are right"));
    home.execute(DAMAGE)?;
    let damaged = check()?;
    assert_eq!(damaged.status.code(), Some(1));
    let text = String::from_utf8(damaged.stdout)?;
    let account = &wallet.account;
    for named in [
        format!("L1 {account}: the posted balance is 1001, and should be 1000"),
        format!("L3 {account}: the held amount is 101, and should be 100"),
    ] {
        assert!(text.contains(&named), "{text}");
    }
    Ok(())
}
