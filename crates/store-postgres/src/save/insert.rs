//! Rows to write: arrays that the server unnests.

use bursar_store::StoreError;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use crate::error::before_commit;
use crate::memory::Versions;

/// The values of a column.
type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

fn column<'a, T: ToSql + Sync + Send + 'a>(values: impl Iterator<Item = T>) -> Column<'a> {
    Box::new(values.collect::<Vec<T>>())
}

/// Rows for one table, an array a column.
pub(crate) struct Insert<'a> {
    target: String,
    types: Vec<&'static str>,
    conflict: String,
    /// What is to be told of each row that is written.
    returning: &'static [&'static str],
    /// How many.
    pub(super) rows: usize,
    pub(super) columns: Vec<Column<'a>>,
}

impl<'a> Insert<'a> {
    /// `target` is the table with its columns, `types` theirs; `conflict` says what becomes of a row that
    /// is there already.
    pub(crate) fn new(target: &str, types: &[&'static str], conflict: &str) -> Self {
        Self {
            target: target.to_owned(),
            types: types.to_vec(),
            conflict: conflict.to_owned(),
            returning: &[],
            rows: 0,
            columns: Vec::new(),
        }
    }

    pub(crate) fn column<T: ToSql + Sync + Send + 'a>(mut self, values: impl Iterator<Item = T>) -> Self {
        let values: Vec<T> = values.collect();
        self.rows = values.len();
        self.columns.push(Box::new(values));
        self
    }

    /// The same, of whose rows the one statement tells these columns.
    pub(super) fn returning(self, columns: &'static [&'static str]) -> Self {
        Self { returning: columns, ..self }
    }

    /// Writes the rows in a transaction of their own.
    pub(crate) async fn execute(&self, client: &tokio_postgres::Client) -> Result<u64, StoreError> {
        let columns: Vec<&(dyn ToSql + Sync)> = self.columns.iter().map(|column| &**column as _).collect();
        client.execute(&self.statement(1, ""), &columns).await.map_err(|error| before_commit(&error))
    }

    /// The same, by a statement that is prepared once a connection.
    pub(crate) async fn execute_prepared(
        &self,
        client: &deadpool_postgres::Client,
    ) -> Result<u64, StoreError> {
        let columns: Vec<&(dyn ToSql + Sync)> = self.columns.iter().map(|column| &**column as _).collect();
        let write = async {
            let statement = client.prepare_cached(&self.statement(1, "")).await?;
            client.execute(&statement, &columns).await
        };
        write.await.map_err(|error| before_commit(&error))
    }

    /// Its parameters are numbered from this one on.
    fn statement(&self, first: usize, only_if: &str) -> String {
        let Self { target, conflict, returning, .. } = self;
        let returning = match returning {
            [] => String::new(),
            columns => format!("returning {}", columns.join(", ")),
        };
        // One call an array: a call for all in the from clause keeps each in a store of its own first, which
        // costs as much as the rows.
        let columns = arrays(&self.types, first).map(|array| format!("unnest({array})"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!("insert into {target} select {columns} {only_if} {conflict} {returning}")
    }
}

/// Parameters that are arrays of these types, numbered from this one on.
fn arrays(types: &[&str], first: usize) -> impl Iterator<Item = String> {
    types.iter().zip(first..).map(|(of, number)| format!("${number}::{of}[]"))
}

/// On what the rows are written at all.
pub(super) struct Condition {
    sql: String,
    pub(super) columns: Vec<Column<'static>>,
}

impl Condition {
    /// In time by the server's clock; and the owners at these versions, if there are any to compare: they are
    /// locked, and what is there then counts, not the older rows of the statement's snapshot. Nobody is
    /// waited for: who holds an owner will have moved it.
    pub(super) fn new(versions: Option<&Versions>, before: Timestamp) -> Self {
        let mut columns: Vec<Column<'static>> = vec![Box::new(before)];
        let Some(versions) = versions else {
            let sql =
                "condition as materialized (select clock_timestamp() < $1 as in_time, true as as_known)";
            return Self { sql: sql.into(), columns };
        };
        columns.push(column(versions.keys().map(|owner| owner.uuid())));
        columns.push(column(versions.values().map(|version| version.sequence)));
        columns.push(column(versions.values().map(|version| version.last_at)));
        columns.push(column(versions.values().map(|version| version.controls)));
        let sql = format!(
            "locked as (
                 select owners.id from owners join unnest({}) as known (id, sequence, last_at, controls_version)
                 using (id, sequence, last_at, controls_version) order by id for update of owners nowait
             ), condition as materialized (
                 select clock_timestamp() < $1 as in_time, count(*) = cardinality($2) as as_known from locked)",
            arrays(&["uuid", "bigint", "timestamptz", "bigint"], 2).collect::<Vec<_>>().join(", ")
        );
        Self { sql, columns }
    }
}

/// All of them as one statement: each statement costs both sides a message, a wake-up and a snapshot.
/// References are checked at its end, so no order counts. It tells what became of the condition, and an array for each
/// column that is returned.
pub(super) fn one_statement(condition: &Condition, inserts: &[Insert<'_>]) -> String {
    let mut first = 1 + condition.columns.len();
    let mut parts = vec![condition.sql.clone()];
    let mut told = vec!["in_time".to_owned(), "as_known".to_owned()];
    for (insert, number) in inserts.iter().zip(1..) {
        let only_if = "where (select in_time and as_known from condition)";
        parts.push(format!("insert_{number} as ({})", insert.statement(first, only_if)));
        let array = |column: &&str| format!("array(select {column} from insert_{number})");
        told.extend(insert.returning.iter().map(array));
        first += insert.columns.len();
    }
    format!("with {} select {} from condition", parts.join(", "), told.join(", "))
}
