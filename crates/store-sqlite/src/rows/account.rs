//! Accounts.

use bursar_core::{Account, AccountId, OwnerId};
use rusqlite::{Connection, Row, params};

use super::{Blob16, id, word};

pub(crate) const COLUMNS: &str = "id, owner, currency, posted_minor, held_minor, pending_credit_minor, \
                                  credit_line_minor, open_holds, entries";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: id(row, 0, AccountId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        currency: word(row, 2)?,
        posted_minor: row.get(3)?,
        held_minor: row.get(4)?,
        pending_credit_minor: row.get(5)?,
        credit_line_minor: row.get(6)?,
        open_holds: row.get(7)?,
        entries: row.get(8)?,
    })
}

/// The update comes first: accounts change with every approval and are made once.
pub(crate) fn save<'a>(
    connection: &Connection,
    mut accounts: impl Iterator<Item = &'a Account>,
) -> rusqlite::Result<()> {
    let update = "update accounts set posted_minor = ?2, held_minor = ?3, pending_credit_minor = ?4,
                  credit_line_minor = ?5, open_holds = ?6, entries = ?7 where id = ?1";
    let mut update = connection.prepare_cached(update)?;
    accounts.try_for_each(|account| {
        let changed = update.execute(params![
            Blob16(account.id.uuid()),
            account.posted_minor,
            account.held_minor,
            account.pending_credit_minor,
            account.credit_line_minor,
            account.open_holds,
            account.entries
        ])?;
        match changed {
            0 => insert(connection, account),
            _ => Ok(()),
        }
    })
}

fn insert(connection: &Connection, account: &Account) -> rusqlite::Result<()> {
    let insert = "insert into accounts (id, owner, currency, posted_minor, held_minor, pending_credit_minor,
                  credit_line_minor, open_holds, entries) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(insert)?.execute(params![
        Blob16(account.id.uuid()),
        Blob16(account.owner.uuid()),
        account.currency.code(),
        account.posted_minor,
        account.held_minor,
        account.pending_credit_minor,
        account.credit_line_minor,
        account.open_holds,
        account.entries
    ])?;
    Ok(())
}
