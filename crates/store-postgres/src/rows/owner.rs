//! Companies and persons.

use bursar_core::text::FreeText;
use bursar_core::{Owner, OwnerId, OwnerKind, OwnerStatus, ProgramId};
use tokio_postgres::Row;

use super::{Read, get, id, token, word, word_opt};

pub(crate) const COLUMNS: &str = "id, program, kind, name, token, status, sequence, last_at, status_at";

/// How many columns these are.
pub(crate) const WIDTH: usize = 9;

/// Where the sequence and its time are.
pub(crate) const VERSION: [usize; 2] = [6, 7];

pub(crate) fn read(row: &Row) -> Read<Owner> {
    Ok(Owner {
        id: id(row, 0, OwnerId::new)?,
        program: id(row, 1, ProgramId::new)?,
        kind: word(row, 2, OwnerKind::from_word)?,
        name: FreeText::new(get(row, 3)?),
        token: word_opt(row, 4, token)?,
        status: word(row, 5, OwnerStatus::from_word)?,
        sequence: get(row, 6)?,
        last_at: get(row, 7)?,
        status_at: get(row, 8)?,
    })
}
