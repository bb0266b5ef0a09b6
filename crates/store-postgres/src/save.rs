//! Saves what a batch decided, and commits: one statement for all tables, in one flight with the commit.
//! Where no lock was taken before, that statement takes it.

mod insert;
mod messages;

use std::collections::HashSet;

use bursar_core::journal::Journal;
use bursar_core::{Answer, Decided, Message, MessageId, Outcome, OwnerId, State};
use bursar_store::{STAGES, Settled, StageTimes, StoreError, Waiting, columns};
use deadpool_postgres::Client;
use futures_util::future::join3;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::ToSql;

use crate::error::{before_commit, is_crossed, is_held, is_refused, words};
use crate::load::BEGIN;
use crate::memory::Versions;
pub(crate) use insert::Insert;
use insert::{Condition, one_statement};
use messages::Written;

/// How a commit ended.
pub(crate) enum Committed {
    /// Yes; and these events are leased.
    Yes(Vec<Waiting>),
    /// No: another transaction was in the way, and this one has ended. Decided again, the batch sees what that
    /// one did; if that does not help, this is what is wrong.
    Crossed(StoreError),
    /// No: the owners are at other versions, or will be: another transaction has them.
    Moved,
    /// No: nobody waited for it any more when the server came to it.
    TooLate,
}

/// What is written.
pub(crate) struct Save<'a> {
    pub(crate) state: &'a State,
    pub(crate) settled: &'a [Settled],
    pub(crate) stage_times: &'a [(MessageId, StageTimes)],
    /// Whether those times were never written before.
    pub(crate) times_are_new: bool,
    /// In a transaction that begins with the writing: only if the owners are at these versions.
    pub(crate) only_at: Option<&'a Versions>,
    /// By the server's clock: what it finds in its socket after it stood still, nobody waits for.
    pub(crate) only_before: Timestamp,
    /// Until when whoever decided has the events for himself.
    pub(crate) leased_until: Option<Timestamp>,
}

/// Writes everything and commits.
///
/// # Errors
/// [`StoreError::Unknown`] if it cannot be told whether the commit took place.
pub(crate) async fn commit(client: &Client, save: Save<'_>) -> Result<Committed, StoreError> {
    let condition = Condition::new(save.only_at, save.only_before);
    let decided = decided(save.settled);
    let events = messages::events(&decided);
    let inserts = inserts(&save, &decided, &events);
    // Before the flight: a statement that had to wait to be prepared would come after the commit.
    let prepared = client.prepare_cached(&one_statement(&condition, &inserts)).await;
    let statement = prepared.map_err(|error| before_commit(&error))?;
    let columns = condition.columns.iter().chain(inserts.iter().flat_map(|insert| &insert.columns));
    let columns: Vec<&(dyn ToSql + Sync)> = columns.map(|column| &**column as _).collect();
    let begin = async {
        match save.only_at {
            Some(_) => client.batch_execute(BEGIN).await,
            None => Ok(()),
        }
    };
    let write = client.query_one(&statement, &columns);
    // A COMMIT after a statement that failed "succeeds" as a rollback: all results count.
    let (begun, written, committed) = join3(begin, write, client.batch_execute("commit")).await;
    // They borrow the events.
    drop(inserts);
    if let Err(error) = begun {
        // What came after it was a transaction of its own.
        return Err(StoreError::Unknown(words(&error)));
    }
    match written {
        // On owners that are remembered it does not wait for who has them.
        Err(error) if is_held(&error) && save.only_at.is_some() && committed.is_ok() => Ok(Committed::Moved),
        Err(error) if is_crossed(&error) && committed.is_ok() => {
            Ok(Committed::Crossed(before_commit(&error)))
        }
        Err(error) if is_refused(&error) => Err(before_commit(&error)),
        Err(error) => Err(StoreError::Unknown(words(&error))),
        Ok(row) => {
            committed.map_err(|error| StoreError::Unknown(words(&error)))?;
            let (is_in_time, is_as_known): (bool, bool) = (row.get(0), row.get(1));
            Ok(match (is_in_time, is_as_known) {
                // The outbox is the one table whose rows are told of.
                (true, true) if save.leased_until.is_some() => {
                    Committed::Yes(messages::at_positions(events, row.get(2), row.get(3)))
                }
                (true, true) => Committed::Yes(Vec::new()),
                (true, false) => Committed::Moved,
                (false, _) => Committed::TooLate,
            })
        }
    }
}

/// What was decided now, and its answers.
fn decided(settled: &[Settled]) -> Vec<(&Decided, &Answer)> {
    let decided = settled.iter().filter_map(|settled| match settled {
        Settled::Done(Outcome::Decided(decided, answer)) => Some((&**decided, answer)),
        _ => None,
    });
    decided.collect()
}

/// What is written where.
fn inserts<'a>(
    save: &Save<'a>,
    decided: &[(&'a Decided, &'a Answer)],
    events: &'a [Written],
) -> Vec<Insert<'a>> {
    let state = save.state;
    let journals: Vec<(&Message, &Journal)> =
        decided.iter().filter_map(|(of, _)| Some((&of.message, of.journal.as_ref()?))).collect();
    // A batch of swipes writes by the same statement whatever of it is empty; what makes objects and what is
    // reported add a part each. Each form has to be planned once a connection, which takes as long as several batches.
    let mut inserts = vec![
        owners(state),
        accounts(state),
        windows(state),
        messages::messages(decided),
        messages::outbox(events, save.leased_until),
        entries(&journals),
        program_entries(&journals),
        stage_times(save.stage_times, save.times_are_new),
    ];
    let rare = [programs(state), cardholders(state), cards(state), controls(state)];
    if rare.iter().any(|insert| insert.rows > 0) {
        inserts.extend(rare);
    }
    let reported = [links(decided), merges(decided), discrepancies(decided), closings(decided)];
    if reported.iter().any(|insert| insert.rows > 0) {
        inserts.extend(reported);
    }
    inserts
}

fn discrepancies<'a>(decided: &[(&'a Decided, &'a Answer)]) -> Insert<'a> {
    let rows: Vec<_> = decided.iter().filter_map(|(of, _)| Some((of.message.id, of.discrepancy?))).collect();
    let target = "discrepancies (message, kind, currency, held_minor, posted_minor, pending_credit_minor)";
    Insert::new(target, &["uuid", "text", "text", "bigint", "bigint", "bigint"], "")
        .column(rows.iter().map(|(message, _)| message.uuid()))
        .column(rows.iter().map(|(_, of)| of.kind.as_str()))
        .column(rows.iter().map(|(_, of)| of.currency.map(|currency| currency.code())))
        .column(rows.iter().map(|(_, of)| of.held_minor))
        .column(rows.iter().map(|(_, of)| of.posted_minor))
        .column(rows.iter().map(|(_, of)| of.pending_credit_minor))
}

fn closings<'a>(decided: &[(&'a Decided, &'a Answer)]) -> Insert<'a> {
    let of = |&(of, _): &(&'a Decided, &'a Answer)| {
        of.closings.iter().map(move |closing| (of.message.id, closing))
    };
    let rows: Vec<_> = decided.iter().flat_map(of).collect();
    Insert::new("closings (message, discrepancy, note)", &["uuid", "uuid", "text"], "")
        .column(rows.iter().map(|(message, _)| message.uuid()))
        .column(rows.iter().map(|(_, closing)| closing.discrepancy.uuid()))
        .column(rows.iter().map(|(_, closing)| closing.note.as_str()))
}

/// One that another owner's purchase has names that one.
fn links<'a>(decided: &[(&'a Decided, &'a Answer)]) -> Insert<'a> {
    let of = |&(of, _): &(&'a Decided, &'a Answer)| {
        let root = of.message.group.as_ref().map(|group| group.root.uuid());
        of.links.iter().map(move |link| (link, root))
    };
    let rows: Vec<_> = decided.iter().flat_map(of).collect();
    let target = "links (value, kind, scope, root)";
    Insert::new(target, &["text", "text", "bigint", "uuid"], "on conflict do nothing")
        .column(rows.iter().map(|(link, _)| &*link.value))
        .column(rows.iter().map(|(link, _)| link.kind.as_str()))
        .column(rows.iter().map(|(link, _)| link.scope))
        .column(rows.iter().map(|(_, root)| *root))
}

fn merges<'a>(decided: &[(&'a Decided, &'a Answer)]) -> Insert<'a> {
    let of = |&(of, _): &(&'a Decided, &'a Answer)| of.merged.iter().map(move |merged| (merged, &of.message));
    let rows: Vec<_> = decided.iter().flat_map(of).collect();
    Insert::new("merges (merged, root, message)", &["uuid", "uuid", "uuid"], "")
        .column(rows.iter().map(|(merged, _)| merged.uuid()))
        .column(rows.iter().map(|(_, message)| message.group.as_ref().map(|group| group.root.uuid())))
        .column(rows.iter().map(|(_, message)| message.id.uuid()))
}

fn programs(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.programs.changed().collect();
    let codes = |of: &&bursar_core::Program| {
        of.currencies.iter().map(|currency| currency.code()).collect::<Vec<_>>().join(",")
    };
    let target = "programs (id, name, time_zone, currencies, partial_approvals, original_credits, hold_days,
                  hold_days_by_merchant)";
    let types = ["uuid", "text", "text", "text", "bool", "bool", "int", "text"];
    let conflict = "on conflict (id) do update set hold_days = excluded.hold_days,
                    hold_days_by_merchant = excluded.hold_days_by_merchant";
    Insert::new(target, &types, conflict)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.name.as_str()))
        .column(rows.iter().map(|row| row.time_zone.name()))
        .column(rows.iter().map(codes))
        .column(rows.iter().map(|row| row.policies.partial_approvals))
        .column(rows.iter().map(|row| row.policies.original_credits))
        .column(rows.iter().map(|row| i32::from(row.hold_days.usual.number())))
        .column(rows.iter().map(|row| columns::hold_days::write(&row.hold_days.by_merchant)))
}

/// A version of controls comes from the clock: one that a failover lost must not come again for others.
fn owners(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.owners.changed().collect();
    let restricted: HashSet<OwnerId> =
        state.controls.changed().flat_map(|row| row.controls.iter()).map(|control| control.owner).collect();
    let target =
        "owners (id, program, kind, name, token, status, sequence, last_at, controls_version, status_at)";
    let types =
        ["uuid", "uuid", "text", "text", "text", "text", "bigint", "timestamptz", "bigint", "timestamptz"];
    let conflict = "on conflict (id) do update set status = excluded.status, sequence = excluded.sequence,
                    last_at = excluded.last_at, status_at = excluded.status_at,
                    controls_version = case excluded.controls_version when 0 then owners.controls_version
                    else greatest(owners.controls_version + 1,
                    (extract(epoch from clock_timestamp()) * 1000000)::bigint) end";
    Insert::new(target, &types, conflict)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.program.uuid()))
        .column(rows.iter().map(|row| row.kind.as_str()))
        .column(rows.iter().map(|row| row.name.as_str()))
        .column(rows.iter().map(|row| row.token.as_ref().map(|token| token.as_str())))
        .column(rows.iter().map(|row| row.status.as_str()))
        .column(rows.iter().map(|row| row.sequence))
        .column(rows.iter().map(|row| row.last_at))
        .column(rows.iter().map(|row| i64::from(restricted.contains(&row.id))))
        .column(rows.iter().map(|row| row.status_at))
}

fn accounts(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.accounts.changed().collect();
    let target = "accounts (id, owner, currency, posted_minor, held_minor, pending_credit_minor,
                  credit_line_minor, open_holds, entries)";
    let types = ["uuid", "uuid", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint"];
    let conflict = "on conflict (id) do update set posted_minor = excluded.posted_minor,
                    held_minor = excluded.held_minor, pending_credit_minor = excluded.pending_credit_minor,
                    credit_line_minor = excluded.credit_line_minor, open_holds = excluded.open_holds,
                    entries = excluded.entries";
    Insert::new(target, &types, conflict)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.owner.uuid()))
        .column(rows.iter().map(|row| row.currency.code()))
        .column(rows.iter().map(|row| row.posted_minor))
        .column(rows.iter().map(|row| row.held_minor))
        .column(rows.iter().map(|row| row.pending_credit_minor))
        .column(rows.iter().map(|row| row.credit_line_minor))
        .column(rows.iter().map(|row| row.open_holds))
        .column(rows.iter().map(|row| row.entries))
}

/// Of cardholders and cards only the status changes.
const MOVED: &str = "on conflict (id) do update set status = excluded.status, status_at = excluded.status_at";

fn cardholders(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.cardholders.changed().collect();
    let target = "cardholders (id, owner, token, reference, status, status_at)";
    let types = ["uuid", "uuid", "text", "text", "text", "timestamptz"];
    Insert::new(target, &types, MOVED)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.owner.uuid()))
        .column(rows.iter().map(|row| row.token.as_str()))
        .column(rows.iter().map(|row| row.reference.as_str()))
        .column(rows.iter().map(|row| row.status.as_str()))
        .column(rows.iter().map(|row| row.status_at))
}

fn cards(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.cards.changed().collect();
    let target = "cards (id, owner, cardholder, account, token, last_four, status, status_at)";
    let types = ["uuid", "uuid", "uuid", "uuid", "text", "text", "text", "timestamptz"];
    Insert::new(target, &types, MOVED)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.owner.uuid()))
        .column(rows.iter().map(|row| row.cardholder.uuid()))
        .column(rows.iter().map(|row| row.account.uuid()))
        .column(rows.iter().map(|row| row.token.as_str()))
        .column(rows.iter().map(|row| row.last_four.as_ref().map(|four| four.as_str())))
        .column(rows.iter().map(|row| row.status.as_str()))
        .column(rows.iter().map(|row| row.status_at))
}

fn controls(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.controls.changed().flat_map(|row| row.controls.iter()).collect();
    let target = "controls (id, owner, scope, subject, name, rule, status)";
    let types = ["uuid", "uuid", "text", "uuid", "text", "text", "text"];
    let conflict = "on conflict (id) do update set rule = excluded.rule, status = excluded.status";
    Insert::new(target, &types, conflict)
        .column(rows.iter().map(|row| row.id.uuid()))
        .column(rows.iter().map(|row| row.owner.uuid()))
        .column(rows.iter().map(|row| row.scope.kind()))
        .column(rows.iter().map(|row| row.scope.uuid()))
        .column(rows.iter().map(|row| row.name.as_str()))
        .column(rows.iter().map(|row| json(&row.rule)))
        .column(rows.iter().map(|row| row.status.as_str()))
}

/// As JSON; `None`, which the column refuses, for what cannot be written so.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

fn windows(state: &State) -> Insert<'_> {
    let rows: Vec<_> = state.counters.changed().collect();
    let conflict = "on conflict (subject, scope) do update set taken = excluded.taken";
    Insert::new("windows (subject, scope, taken)", &["uuid", "text", "text"], conflict)
        .column(rows.iter().map(|row| row.scope.uuid()))
        .column(rows.iter().map(|row| row.scope.kind()))
        .column(rows.iter().map(|row| columns::windows::write(row)))
}

fn entries<'a>(journals: &[(&'a Message, &'a Journal)]) -> Insert<'a> {
    let rows = || journals.iter().map(|(_, journal)| journal);
    let target = "entries (account, number, journal, message, amount_minor, balance_after_minor, at)";
    let types = ["uuid", "bigint", "uuid", "uuid", "bigint", "bigint", "timestamptz"];
    Insert::new(target, &types, "")
        .column(rows().map(|of| of.customer.account.uuid()))
        .column(rows().map(|of| of.customer.number))
        .column(rows().map(|of| of.id.uuid()))
        .column(rows().map(|of| of.message.uuid()))
        .column(rows().map(|of| of.customer.amount_minor))
        .column(rows().map(|of| of.customer.balance_after_minor))
        .column(journals.iter().map(|(message, _)| -> Timestamp { message.at }))
}

fn program_entries<'a>(journals: &[(&'a Message, &'a Journal)]) -> Insert<'a> {
    let rows = || journals.iter().map(|(_, journal)| journal);
    let target = "program_entries (journal, program, account, currency, amount_minor)";
    Insert::new(target, &["uuid", "uuid", "text", "text", "bigint"], "")
        .column(rows().map(|of| of.id.uuid()))
        .column(rows().map(|of| of.program.program.uuid()))
        .column(rows().map(|of| of.program.account.as_str()))
        .column(rows().map(|of| of.currency.code()))
        .column(rows().map(|of| of.program.amount_minor))
}

/// A message's times may come twice, after a batch was sent again: the first stay. To look for them costs
/// as much as to write them.
fn stage_times(times: &[(MessageId, StageTimes)], are_new: bool) -> Insert<'static> {
    let mut once = HashSet::new();
    let rows: Vec<_> = times.iter().filter(|(message, _)| once.insert(*message)).collect();
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.as_str()).collect();
    let target = format!("stage_times (message, {})", names.join(", "));
    let types = [&["uuid"][..], &["bigint"; STAGES.len()]].concat();
    let insert = Insert::new(&target, &types, if are_new { "" } else { "on conflict do nothing" })
        .column(rows.iter().map(|(message, _)| message.uuid()));
    let times = |stage| rows.iter().map(move |(_, times)| i64::from(times.us(stage)));
    STAGES.iter().fold(insert, |insert, &stage| insert.column(times(stage)))
}
