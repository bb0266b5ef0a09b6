//! `bursar simulate` against a server that someone else started: right, and not right.

use std::process::{Child, Command, Output, Stdio};

use bursar_testkit::Store;
use serde_json::{Value, json};

use crate::common::{Error, Running, ask_to_stop, bursar, kill, report};
use crate::home::{Home, own_port};
use crate::on_both_stores;

fn simulate(server: &Running) -> Command {
    simulate_at("200", server)
}

/// At this rate.
pub(crate) fn simulate_at(rate: &str, server: &Running) -> Command {
    let mut simulate = bursar(&["simulate", "--rate", rate, "--json", "--url", &server.base]);
    simulate.arg("--credentials").arg(server.folder.join("credentials.toml"));
    simulate
}

on_both_stores!(a_server_that_decides_right_passes);
async fn a_server_that_decides_right_passes(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let output = simulate(&server).args(["--for", "3s"]).output()?;
    let report = report(&output)?;
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["verdicts"], json!({"simulator": "passed"}), "only the server has the books");
    let count = |key: &str| report[key].as_u64().unwrap_or_default();
    assert!(count("approved") > 0 && count("declined") > 0, "{report}");
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}

on_both_stores!(lives_with_every_bad_habit_pass_and_swipes_may_be_all_there_is);
async fn lives_with_every_bad_habit_pass_and_swipes_may_be_all_there_is(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let output = simulate(&server).args(["--for", "4s", "--habits", "25", "--seed", "2"]).output()?;
    let lived = report(&output)?;
    assert_eq!(output.status.code(), Some(0), "{lived}");
    for what in ["clearings", "reversals", "stand-ins", "force posts", "time-outs", "repeats", "overtaken"] {
        assert!(lived["notices"][what].as_u64() > Some(0), "{what}: {lived}");
    }
    let output = simulate(&server).args(["--for", "1s", "--swipes-only", "--habits", "25"]).output()?;
    let swiped = report(&output)?;
    assert_eq!((output.status.code(), &swiped["notices"]), (Some(0), &json!({})), "{swiped}");
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}

on_both_stores!(a_server_that_asks_the_processor_learns_what_it_was_never_told);
async fn a_server_that_asks_the_processor_learns_what_it_was_never_told(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let api = format!("127.0.0.1:{}", own_port());
    drop(home.start()?);
    let refused = home.start_asking(0, &api).err().ok_or("it started without tokens")?.to_string();
    assert!(refused.contains("application_token") && refused.contains("credentials.toml"), "{refused}");
    home.add_tokens()?;
    let server = home.start_asking(0, &api)?;
    let mut simulation = simulate(&server);
    simulation.args(["--for", "5s", "--habits", "silent=20,late=20", "--processor-api", &api]);
    let output = simulation.output()?;
    let report = report(&output)?;
    assert_eq!(report["verdicts"], json!({"simulator": "passed"}), "{report}");
    assert!(report["notices"]["asked for"].as_u64() > Some(0), "{report}");
    assert!(server.get("/v1/profile").await?["sweeper"]["asked"].as_u64() > Some(0));
    let listed = server.get("/v1/discrepancies?open=true").await?;
    assert_eq!(listed["items"], json!([]), "it answered all that it was asked");
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}

on_both_stores!(a_hold_that_nobody_asked_for_is_named);
async fn a_hold_that_nobody_asked_for_is_named(store: Store) -> Result<(), Error> {
    // What is available stays, so only the balances tell.
    let damage = "update accounts set posted_minor = posted_minor + 1, held_minor = held_minor + 1";
    let differences = judged_after(store, damage, "count", 50).await?;
    assert!(is_named(&differences, "L3", ": what is held is "), "{differences:?}");
    Ok(())
}

on_both_stores!(a_decline_that_it_would_not_have_made_is_named);
async fn a_decline_that_it_would_not_have_made_is_named(store: Store) -> Result<(), Error> {
    let damage = "update cards set status = 'suspended' where status = 'active'";
    let differences = judged_after(store, damage, "decline_reasons.card_not_active", 30).await?;
    assert!(
        is_named(&differences, "R1", ": declined card_not_active, expected approved; "),
        "{differences:?}"
    );
    Ok(())
}

on_both_stores!(an_approval_that_it_would_not_have_made_is_named);
async fn an_approval_that_it_would_not_have_made_is_named(store: Store) -> Result<(), Error> {
    let damage = "update cards set status = 'active'; update cardholders set status = 'active'";
    let differences = judged_after(store, damage, "count", 300).await?;
    assert!(
        is_named(&differences, "V3", ": approved, expected declined card_not_active; "),
        "{differences:?}"
    );
    Ok(())
}

on_both_stores!(a_spending_window_that_forgot_what_was_taken_is_named);
async fn a_spending_window_that_forgot_what_was_taken_is_named(store: Store) -> Result<(), Error> {
    let differences = judged_after(store, "delete from windows", "count", 100).await?;
    assert!(is_named(&differences, "V1", ": the checks of ctrl_"), "{differences:?}");
    Ok(())
}

/// What cannot be read in the end is nothing that passes.
#[tokio::test]
async fn a_server_that_is_gone_in_the_end_fails_as_unknown() -> Result<(), Error> {
    let home = Home::on(Store::Sqlite)?;
    let server = home.start()?;
    let simulation = Simulation::start(&mut simulate(&server))?;
    server.until(|figures| figures["count"].as_u64() >= Some(50)).await?;
    kill(server.id())?;
    ask_to_stop(simulation.id())?;
    let output = simulation.output()?;
    let report = report(&output)?;
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["verdicts"]["simulator"], "failed", "{report}");
    let differences = named(&report)?;
    assert!(is_named(&differences, "unknown", "could not be read"), "{differences:?}");
    Ok(())
}

#[test]
fn without_the_credentials_it_says_which_file_is_missing() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut simulate = bursar(&["simulate", "--url", "http://127.0.0.1:1", "--credentials"]);
    let missing = folder.path().join("credentials.toml");
    let output = simulate.arg(&missing).output()?;
    let message = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&missing.display().to_string()), "{message}");
    Ok(())
}

/// A simulation that goes on until it is asked to stop; it ends with a test that fails.
struct Simulation(Option<Child>);

impl Simulation {
    fn start(command: &mut Command) -> Result<Self, Error> {
        Ok(Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)))
    }

    fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    /// Waits until it has ended.
    fn output(mut self) -> Result<Output, Error> {
        Ok(self.0.take().ok_or("it has ended before")?.wait_with_output()?)
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Drives a server whose ledger is changed by hand meanwhile, until one of its figures has grown by
/// so many after that; what the simulator names.
async fn judged_after(store: Store, damage: &str, figure: &str, more: u64) -> Result<Vec<String>, Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    let figure = |figures: &Value| {
        let pointer = format!("/{}", figure.replace('.', "/"));
        figures.pointer(&pointer).and_then(Value::as_u64).unwrap_or_default()
    };
    let simulation = Simulation::start(&mut simulate(&server))?;
    server.until(|figures| figures["count"].as_u64() >= Some(50)).await?;
    home.execute(damage)?;
    // Counted from here: the damage may have waited for a lock while many were decided.
    let before = figure(&server.figures().await?);
    server.until(|figures| figure(figures) >= before + more).await?;
    ask_to_stop(simulation.id())?;
    let output = simulation.output()?;
    let report = report(&output)?;
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["verdicts"]["simulator"], "failed", "{report}");
    named(&report)
}

fn named(report: &Value) -> Result<Vec<String>, Error> {
    Ok(serde_json::from_value(report["differences"].clone())?)
}

/// Whether an invariant is said to be broken so.
fn is_named(differences: &[String], invariant: &str, what: &str) -> bool {
    let mut split = differences.iter().filter_map(|difference| difference.split_once(' '));
    split.any(|(id, problem)| id == invariant && problem.contains(what))
}
