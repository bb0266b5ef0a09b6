//! Saves what a batch decided, and commits: one statement for all tables, in one flight with the commit.

mod messages;

use std::collections::HashSet;

use bursar_core::journal::Journal;
use bursar_core::{Answer, Decided, Message, MessageId, Outcome, OwnerId, State};
use bursar_store::{STAGES, Settled, StageTimes, StoreError, columns};
use deadpool_postgres::Client;
use futures_util::future::join;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::ToSql;

use crate::error::{before_commit, is_crossed, is_refused, words};

/// How a commit ended.
pub(crate) enum Committed {
    Yes,
    /// No: another transaction was in the way. Decided again, the batch sees what that one did; if that
    /// does not help, this is what is wrong.
    Crossed(StoreError),
}

/// Rows for one table, an array a column.
pub(crate) struct Insert {
    target: String,
    types: Vec<&'static str>,
    conflict: String,
    columns: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Insert {
    /// `target` is the table with its columns, `types` theirs; `conflict` says what becomes of a row that
    /// is there already.
    pub(crate) fn new(target: &str, types: &[&'static str], conflict: &str) -> Self {
        Self {
            target: target.to_owned(),
            types: types.to_vec(),
            conflict: conflict.to_owned(),
            columns: Vec::new(),
        }
    }

    pub(crate) fn column<T: ToSql + Sync + Send + 'static>(
        mut self,
        values: impl Iterator<Item = T>,
    ) -> Self {
        self.columns.push(Box::new(values.collect::<Vec<T>>()));
        self
    }

    /// Writes the rows in a transaction of their own.
    pub(crate) async fn execute(&self, client: &tokio_postgres::Client) -> Result<u64, StoreError> {
        let columns: Vec<&(dyn ToSql + Sync)> = self.columns.iter().map(|column| &**column as _).collect();
        client.execute(&self.statement(1), &columns).await.map_err(|error| before_commit(&error))
    }

    /// Its parameters are numbered from this one on.
    fn statement(&self, first: usize) -> String {
        let arrays: Vec<String> =
            self.types.iter().zip(first..).map(|(of, number)| format!("${number}::{of}[]")).collect();
        let Self { target, conflict, .. } = self;
        format!("insert into {target} select * from unnest({}) {conflict}", arrays.join(", "))
    }
}

/// All of them as one statement: each statement costs both sides a message, a wake-up and a snapshot.
/// References are checked at its end, so no order counts.
fn one_statement(inserts: &[Insert]) -> String {
    let mut first = 1;
    let parts = inserts.iter().zip(1..).map(|(insert, number)| {
        let part = format!("insert_{number} as ({})", insert.statement(first));
        first += insert.columns.len();
        part
    });
    format!("with {} select", parts.collect::<Vec<_>>().join(", "))
}

/// Writes everything and commits. `times_are_new`: those stage times were never written before.
///
/// # Errors
/// [`StoreError::Unknown`] if it cannot be told whether the commit took place.
pub(crate) async fn commit(
    client: &Client,
    state: &State,
    settled: &[Settled],
    times: &[(MessageId, StageTimes)],
    times_are_new: bool,
) -> Result<Committed, StoreError> {
    let inserts = inserts(state, settled, stage_times(times, times_are_new));
    let columns = inserts.iter().flat_map(|insert| &insert.columns);
    let columns: Vec<&(dyn ToSql + Sync)> = columns.map(|column| &**column as _).collect();
    // Before the flight: a statement that had to wait to be prepared would come after the commit.
    let statement = match &inserts[..] {
        [] => None,
        inserts => {
            let prepared = client.prepare_cached(&one_statement(inserts)).await;
            Some(prepared.map_err(|error| before_commit(&error))?)
        }
    };
    let write = async {
        match &statement {
            Some(statement) => client.execute(statement, &columns).await,
            None => Ok(0),
        }
    };
    // A COMMIT after a statement that failed "succeeds" as a rollback: both results count.
    let (written, committed) = join(write, client.batch_execute("commit")).await;
    match written {
        Err(error) if is_crossed(&error) => Ok(Committed::Crossed(before_commit(&error))),
        Err(error) if is_refused(&error) => Err(before_commit(&error)),
        Err(error) => Err(StoreError::Unknown(words(&error))),
        Ok(_) => committed.map(|()| Committed::Yes).map_err(|error| StoreError::Unknown(words(&error))),
    }
}

/// What is written where.
fn inserts(state: &State, settled: &[Settled], stage_times: Option<Insert>) -> Vec<Insert> {
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
        stage_times,
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

/// A version of controls comes from the clock: one that a failover lost must not come again for others.
fn owners(state: &State) -> Option<Insert> {
    let rows: Vec<_> = state.owners.changed().collect();
    let restricted: HashSet<OwnerId> =
        state.controls.changed().flat_map(|row| &row.controls).map(|control| control.owner).collect();
    let target = "owners (id, program, kind, name, token, status, sequence, last_at, controls_version)";
    let types = ["uuid", "uuid", "text", "text", "text", "text", "bigint", "timestamptz", "bigint"];
    let conflict = "on conflict (id) do update set status = excluded.status, sequence = excluded.sequence,
                    last_at = excluded.last_at,
                    controls_version = case excluded.controls_version when 0 then owners.controls_version
                    else greatest(owners.controls_version + 1,
                    (extract(epoch from clock_timestamp()) * 1000000)::bigint) end";
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
            .column(rows.iter().map(|row| i64::from(restricted.contains(&row.id))))
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

/// A message's times may come twice, after a batch was sent again: the first stay. To look for them costs
/// as much as to write them.
fn stage_times(times: &[(MessageId, StageTimes)], are_new: bool) -> Option<Insert> {
    let mut once = HashSet::new();
    let rows: Vec<_> = times.iter().filter(|(message, _)| once.insert(*message)).collect();
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.as_str()).collect();
    let target = format!("stage_times (message, {})", names.join(", "));
    let types = [&["uuid"][..], &["bigint"; STAGES.len()]].concat();
    (!rows.is_empty()).then(|| {
        let insert = Insert::new(&target, &types, if are_new { "" } else { "on conflict do nothing" })
            .column(rows.iter().map(|(message, _)| message.uuid()));
        let times = |stage| rows.iter().map(move |(_, times)| i64::from(times.us(stage)));
        STAGES.iter().fold(insert, |insert, &stage| insert.column(times(stage)))
    })
}
