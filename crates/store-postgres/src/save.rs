//! Saves what a batch decided, and commits: one statement a table, all in one flight.

mod messages;

use std::collections::HashSet;

use bursar_core::journal::Journal;
use bursar_core::{Answer, Decided, Message, MessageId, Outcome, State};
use bursar_store::{STAGES, Settled, StageTimes, StoreError, columns};
use deadpool_postgres::Client;
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::ToSql;

use crate::error::{before_commit, is_crossed, words};

/// How a commit ended.
pub(crate) enum Committed {
    Yes,
    /// No: another transaction was in the way. Decided again, the batch sees what that one did; if that
    /// does not help, this is what is wrong.
    Crossed(StoreError),
}

/// A statement and its arrays, one a column.
pub(crate) struct Insert {
    statement: String,
    columns: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Insert {
    /// `target` is the table with its columns, `types` theirs; `conflict` says what becomes of a row that
    /// is there already.
    pub(crate) fn new(target: &str, types: &[&str], conflict: &str) -> Self {
        let arrays: Vec<String> =
            types.iter().zip(1..).map(|(of, number)| format!("${number}::{of}[]")).collect();
        let statement =
            format!("insert into {target} select * from unnest({}) {conflict}", arrays.join(", "));
        Self { statement, columns: Vec::new() }
    }

    pub(crate) fn column<T: ToSql + Sync + Send + 'static>(
        mut self,
        values: impl Iterator<Item = T>,
    ) -> Self {
        self.columns.push(Box::new(values.collect::<Vec<T>>()));
        self
    }

    fn columns(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect()
    }

    /// Writes the rows in a transaction of their own.
    pub(crate) async fn execute(&self, client: &tokio_postgres::Client) -> Result<u64, StoreError> {
        let written = client.execute(&self.statement, &self.columns()).await;
        written.map_err(|error| before_commit(&error))
    }
}

/// Writes everything and commits.
///
/// # Errors
/// [`StoreError::Unknown`] if it cannot be told whether the commit took place.
pub(crate) async fn commit(
    client: &Client,
    state: &State,
    settled: &[Settled],
    times: &[(MessageId, StageTimes)],
) -> Result<Committed, StoreError> {
    let inserts = inserts(state, settled, times);
    let prepare = try_join_all(inserts.iter().map(|insert| client.prepare_cached(&insert.statement)));
    let statements = prepare.await.map_err(|error| before_commit(&error))?;
    let writes = statements
        .iter()
        .zip(&inserts)
        .map(|(statement, insert)| async move { client.execute(statement, &insert.columns()).await });
    // A COMMIT after a statement that failed "succeeds" as a rollback: every result counts.
    let (written, committed) =
        futures_util::future::join(join_all(writes), client.batch_execute("commit")).await;
    match written.into_iter().find_map(Result::err) {
        Some(error) if is_crossed(&error) => Ok(Committed::Crossed(before_commit(&error))),
        // The server refused it, and so rolled back.
        Some(error) if error.as_db_error().is_some() => Err(before_commit(&error)),
        Some(error) => Err(StoreError::Unknown(words(&error))),
        None => committed.map(|()| Committed::Yes).map_err(|error| StoreError::Unknown(words(&error))),
    }
}

/// Owners before what belongs to them, so that references hold.
fn inserts(state: &State, settled: &[Settled], times: &[(MessageId, StageTimes)]) -> Vec<Insert> {
    let decided: Vec<(&Decided, &Answer)> = settled
        .iter()
        .filter_map(|settled| match settled {
            Settled::Done(Outcome::Decided(decided, answer)) => Some((&**decided, answer)),
            _ => None,
        })
        .collect();
    let journals: Vec<(&Message, &Journal)> =
        decided.iter().filter_map(|(of, _)| Some((&of.message, of.journal.as_ref()?))).collect();
    let all = [
        programs(state),
        owners(state),
        accounts(state),
        cardholders(state),
        cards(state),
        controls(state),
        windows(state),
        messages::messages(&decided),
        messages::outbox(&decided),
        entries(&journals),
        program_entries(&journals),
        stage_times(times),
    ];
    all.into_iter().flatten().collect()
}

fn programs(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.programs.changed().collect();
    let codes = |of: &&bursar_core::Program| {
        of.currencies.iter().map(|currency| currency.code()).collect::<Vec<_>>().join(",")
    };
    let target = "programs (id, name, time_zone, currencies, partial_approvals, original_credits)";
    (!rows.is_empty()).then(|| {
        Insert::new(target, &["uuid", "text", "text", "text", "bool", "bool"], "")
            .column(rows.iter().map(|row| row.id.uuid()))
            .column(rows.iter().map(|row| row.name.as_str().to_owned()))
            .column(rows.iter().map(|row| row.time_zone.name().to_owned()))
            .column(rows.iter().map(codes))
            .column(rows.iter().map(|row| row.policies.partial_approvals))
            .column(rows.iter().map(|row| row.policies.original_credits))
    })
}

fn owners(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.owners.changed().collect();
    let target = "owners (id, program, kind, name, token, status, sequence, last_at)";
    let types = ["uuid", "uuid", "text", "text", "text", "text", "bigint", "timestamptz"];
    let conflict = "on conflict (id) do update set status = excluded.status, sequence = excluded.sequence,
                    last_at = excluded.last_at";
    (!rows.is_empty()).then(|| {
        Insert::new(target, &types, conflict)
            .column(rows.iter().map(|row| row.id.uuid()))
            .column(rows.iter().map(|row| row.program.uuid()))
            .column(rows.iter().map(|row| row.kind.as_str()))
            .column(rows.iter().map(|row| row.name.as_str().to_owned()))
            .column(rows.iter().map(|row| row.token.as_ref().map(|token| token.as_str().to_owned())))
            .column(rows.iter().map(|row| row.status.as_str()))
            .column(rows.iter().map(|row| row.sequence))
            .column(rows.iter().map(|row| row.last_at))
    })
}

fn accounts(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.accounts.changed().collect();
    let target = "accounts (id, owner, currency, posted_minor, held_minor, pending_credit_minor,
                  credit_line_minor, open_holds, entries)";
    let types = ["uuid", "uuid", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint"];
    let conflict = "on conflict (id) do update set posted_minor = excluded.posted_minor,
                    held_minor = excluded.held_minor, pending_credit_minor = excluded.pending_credit_minor,
                    credit_line_minor = excluded.credit_line_minor, open_holds = excluded.open_holds,
                    entries = excluded.entries";
    (!rows.is_empty()).then(|| {
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
    })
}

fn cardholders(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.cardholders.changed().collect();
    let target = "cardholders (id, owner, token, reference, status)";
    let conflict = "on conflict (id) do update set status = excluded.status";
    (!rows.is_empty()).then(|| {
        Insert::new(target, &["uuid", "uuid", "text", "text", "text"], conflict)
            .column(rows.iter().map(|row| row.id.uuid()))
            .column(rows.iter().map(|row| row.owner.uuid()))
            .column(rows.iter().map(|row| row.token.as_str().to_owned()))
            .column(rows.iter().map(|row| row.reference.as_str().to_owned()))
            .column(rows.iter().map(|row| row.status.as_str()))
    })
}

fn cards(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.cards.changed().collect();
    let target = "cards (id, owner, cardholder, account, token, last_four, status)";
    let types = ["uuid", "uuid", "uuid", "uuid", "text", "text", "text"];
    let conflict = "on conflict (id) do update set status = excluded.status";
    (!rows.is_empty()).then(|| {
        Insert::new(target, &types, conflict)
            .column(rows.iter().map(|row| row.id.uuid()))
            .column(rows.iter().map(|row| row.owner.uuid()))
            .column(rows.iter().map(|row| row.cardholder.uuid()))
            .column(rows.iter().map(|row| row.account.uuid()))
            .column(rows.iter().map(|row| row.token.as_str().to_owned()))
            .column(rows.iter().map(|row| row.last_four.as_ref().map(|four| four.as_str().to_owned())))
            .column(rows.iter().map(|row| row.status.as_str()))
    })
}

fn controls(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.controls.changed().flat_map(|row| &row.controls).collect();
    let target = "controls (id, owner, scope, subject, name, rule, status)";
    let types = ["uuid", "uuid", "text", "uuid", "text", "text", "text"];
    let conflict = "on conflict (id) do update set rule = excluded.rule, status = excluded.status";
    (!rows.is_empty()).then(|| {
        Insert::new(target, &types, conflict)
            .column(rows.iter().map(|row| row.id.uuid()))
            .column(rows.iter().map(|row| row.owner.uuid()))
            .column(rows.iter().map(|row| row.scope.kind()))
            .column(rows.iter().map(|row| row.scope.uuid()))
            .column(rows.iter().map(|row| row.name.as_str().to_owned()))
            .column(rows.iter().map(|row| json(&row.rule)))
            .column(rows.iter().map(|row| row.status.as_str()))
    })
}

/// As JSON; `None`, which the column refuses, for what cannot be written so.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

fn windows(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.counters.changed().collect();
    let conflict = "on conflict (subject, scope) do update set taken = excluded.taken";
    (!rows.is_empty()).then(|| {
        Insert::new("windows (subject, scope, taken)", &["uuid", "text", "text"], conflict)
            .column(rows.iter().map(|row| row.scope.uuid()))
            .column(rows.iter().map(|row| row.scope.kind()))
            .column(rows.iter().map(|row| columns::windows::write(row)))
    })
}

fn entries(journals: &[(&Message, &Journal)]) -> Option<Insert> {
    let rows = || journals.iter().map(|(_, journal)| journal);
    let target = "entries (account, number, journal, message, amount_minor, balance_after_minor, at)";
    let types = ["uuid", "bigint", "uuid", "uuid", "bigint", "bigint", "timestamptz"];
    (!journals.is_empty()).then(|| {
        Insert::new(target, &types, "")
            .column(rows().map(|of| of.customer.account.uuid()))
            .column(rows().map(|of| of.customer.number))
            .column(rows().map(|of| of.id.uuid()))
            .column(rows().map(|of| of.message.uuid()))
            .column(rows().map(|of| of.customer.amount_minor))
            .column(rows().map(|of| of.customer.balance_after_minor))
            .column(journals.iter().map(|(message, _)| -> Timestamp { message.at }))
    })
}

fn program_entries(journals: &[(&Message, &Journal)]) -> Option<Insert> {
    let rows = || journals.iter().map(|(_, journal)| journal);
    let target = "program_entries (journal, program, account, currency, amount_minor)";
    (!journals.is_empty()).then(|| {
        Insert::new(target, &["uuid", "uuid", "text", "text", "bigint"], "")
            .column(rows().map(|of| of.id.uuid()))
            .column(rows().map(|of| of.program.program.uuid()))
            .column(rows().map(|of| of.program.account.as_str()))
            .column(rows().map(|of| of.currency.code()))
            .column(rows().map(|of| of.program.amount_minor))
    })
}

/// A message's times may come twice, after a batch was sent again: the first stay.
fn stage_times(times: &[(MessageId, StageTimes)]) -> Option<Insert> {
    let mut once = HashSet::new();
    let rows: Vec<_> = times.iter().filter(|(message, _)| once.insert(*message)).collect();
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.as_str()).collect();
    let target = format!("stage_times (message, {})", names.join(", "));
    let types = [&["uuid"][..], &["bigint"; STAGES.len()]].concat();
    (!rows.is_empty()).then(|| {
        let insert = Insert::new(&target, &types, "on conflict do nothing")
            .column(rows.iter().map(|(message, _)| message.uuid()));
        let times = |stage| rows.iter().map(move |(_, times)| i64::from(times.us(stage)));
        STAGES.iter().fold(insert, |insert, &stage| insert.column(times(stage)))
    })
}
