//! How much there is.

use bursar_documents::Figures;
use rusqlite::Connection;

use crate::failure::Failure;

const COUNT: &str = "select (select count(*) from persons), (select count(*) from cards),
                            (select count(*) from wallets), (select count(*) from history)";

pub(crate) fn count(connection: &Connection) -> Result<Figures, Failure> {
    let mut count = connection.prepare_cached(COUNT)?;
    Ok(count.query_row([], |row| {
        let of = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)?.unsigned_abs());
        Ok(Figures { persons: of(0)?, cards: of(1)?, wallets: of(2)?, history: of(3)?, connections: None })
    })?)
}
