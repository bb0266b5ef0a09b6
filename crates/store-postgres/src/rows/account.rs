//! Accounts.

use bursar_core::{Account, AccountId, OwnerId};
use tokio_postgres::Row;

use super::{Read, currency, get, id, word};

pub(crate) const COLUMNS: &str = "id, owner, currency, posted_minor, held_minor, pending_credit_minor, \
                                  credit_line_minor, open_holds, entries";

pub(crate) fn read(row: &Row) -> Read<Account> {
    Ok(Account {
        id: id(row, 0, AccountId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        currency: word(row, 2, currency)?,
        posted_minor: get(row, 3)?,
        held_minor: get(row, 4)?,
        pending_credit_minor: get(row, 5)?,
        credit_line_minor: get(row, 6)?,
        open_holds: get(row, 7)?,
        entries: get(row, 8)?,
    })
}
