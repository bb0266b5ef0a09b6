//! Persons.

use std::collections::BTreeMap;

use bursar_core::{OwnerId, ProgramId};
use bursar_documents::{BlindIndex, Collection, ContactIndex, DocumentsError, SealedPerson, WrappedKey};
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fields;
use crate::columns::{id, optional_word, time};
use crate::failure::{Failure, of_row};

const INSERT: &str = "insert into persons
    (id, program, wrapped_key, email_index, phone_index, version, created_at, updated_at)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const UPDATE: &str = "update persons set email_index = ?2, phone_index = ?3, version = ?4, updated_at = ?5
    where id = ?1 and version = ?4 - 1 and erase_on is null and erased_at is null";

const COLUMNS: &str = "id, program, wrapped_key, email_index, phone_index, version, created_at, updated_at, erase_on, erased_at";

/// What a person is to those who ask.
pub(crate) enum Standing {
    /// By this version.
    Known(i64),
    Locked(Date),
    Erased(Timestamp),
}

impl Standing {
    /// The version, or why nobody sees the person.
    fn version(self, id: OwnerId) -> Result<i64, DocumentsError> {
        match self {
            Self::Known(version) => Ok(version),
            Self::Locked(erase_on) => Err(DocumentsError::Locked { id, erase_on }),
            Self::Erased(erased_at) => Err(DocumentsError::Erased { id, erased_at }),
        }
    }
}

/// What the person is, if there ever was one.
pub(crate) fn standing(connection: &Connection, id: OwnerId) -> Result<Option<Standing>, Failure> {
    let mut find =
        connection.prepare_cached("select version, erase_on, erased_at from persons where id = ?1")?;
    let found = find.query_row([id.uuid().as_bytes()], |row| {
        if row.get::<_, Option<i64>>("erased_at")?.is_some() {
            return Ok(Standing::Erased(time(row, "erased_at")?));
        }
        let erase_on = optional_word(row, "erase_on", |day| day.parse().ok())?;
        Ok(erase_on.map_or(Standing::Known(row.get("version")?), Standing::Locked))
    });
    of_row("person", id, found.optional())
}

/// The version of a person that is known.
pub(crate) fn version(connection: &Connection, id: OwnerId) -> Result<i64, Failure> {
    let standing = standing(connection, id)?.ok_or(DocumentsError::Unknown(id))?;
    Ok(standing.version(id)?)
}

pub(crate) fn insert(connection: &Connection, person: &SealedPerson) -> Result<(), Failure> {
    if let Some(standing) = standing(connection, person.id)? {
        standing.version(person.id)?;
        return Err(DocumentsError::Exists(person.id).into());
    }
    connection.prepare_cached(INSERT)?.execute(params![
        person.id.uuid().as_bytes(),
        person.program.uuid().as_bytes(),
        person.key.0,
        person.email_index.map(|index| index.0),
        person.phone_index.map(|index| index.0),
        person.version,
        person.created_at.as_microsecond(),
        person.updated_at.as_microsecond(),
    ])?;
    fields::put(connection, person.id, Collection::Persons, &person.fields)
}

pub(crate) fn update(connection: &Connection, person: &SealedPerson) -> Result<(), Failure> {
    let updated = connection.prepare_cached(UPDATE)?.execute(params![
        person.id.uuid().as_bytes(),
        person.email_index.map(|index| index.0),
        person.phone_index.map(|index| index.0),
        person.version,
        person.updated_at.as_microsecond(),
    ])?;
    if updated == 0 {
        version(connection, person.id)?;
        return Err(DocumentsError::Conflict(person.id).into());
    }
    fields::put(connection, person.id, Collection::Persons, &person.fields)
}

pub(crate) fn find(connection: &Connection, id: OwnerId) -> Result<Option<SealedPerson>, Failure> {
    let Some(standing) = standing(connection, id)? else { return Ok(None) };
    standing.version(id)?;
    let mut find = connection.prepare_cached(&format!("select {COLUMNS} from persons where id = ?1"))?;
    let found = of_row("person", id, find.query_row([id.uuid().as_bytes()], read).optional())?;
    found.map(|person| with_fields(connection, person)).transpose()
}

pub(crate) fn find_keys(
    connection: &Connection,
    ids: &[OwnerId],
) -> Result<BTreeMap<OwnerId, WrappedKey>, Failure> {
    let mut find = connection.prepare_cached(
        "select wrapped_key from persons where id = ?1 and erase_on is null and erased_at is null",
    )?;
    let mut keys = BTreeMap::new();
    for id in ids {
        let key = find.query_row([id.uuid().as_bytes()], |row| row.get(0).map(WrappedKey)).optional();
        keys.extend(of_row("person", id, key)?.map(|key| (*id, key)));
    }
    Ok(keys)
}

/// Those who are known, after an id; with an address or a number, or of a program.
pub(crate) fn list(
    connection: &Connection,
    index: Option<ContactIndex>,
    program: Option<ProgramId>,
    after: Option<OwnerId>,
    limit: usize,
) -> Result<Vec<SealedPerson>, Failure> {
    let (by_index, index) = match index {
        None => ("?1 is null", None),
        Some(ContactIndex::Email(BlindIndex(bytes))) => ("email_index = ?1", Some(bytes)),
        Some(ContactIndex::Phone(BlindIndex(bytes))) => ("phone_index = ?1", Some(bytes)),
    };
    let by_program = if program.is_some() { "program = ?3" } else { "?3 is null" };
    // Every id is greater than nothing.
    let after = after.map(|id| id.uuid().as_bytes().to_vec()).unwrap_or_default();
    let mut list = connection.prepare_cached(&format!(
        "select {COLUMNS} from persons
         where {by_index} and id > ?2 and {by_program} and erase_on is null and erased_at is null
         order by id limit ?4"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let program = program.map(|program| program.uuid().into_bytes());
    let mut rows = list.query(params![index, after, program, limit])?;
    let mut persons = Vec::new();
    while let Some(row) = rows.next()? {
        let id = of_row("a person", "without an id", id(row, "id", OwnerId::new))?;
        persons.push(with_fields(connection, of_row("person", id, read(row))?)?);
    }
    Ok(persons)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SealedPerson> {
    let index = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<[u8; 32]>>(column)?.map(BlindIndex));
    Ok(SealedPerson {
        id: id(row, "id", OwnerId::new)?,
        program: id(row, "program", ProgramId::new)?,
        key: WrappedKey(row.get("wrapped_key")?),
        fields: BTreeMap::new(),
        email_index: index("email_index")?,
        phone_index: index("phone_index")?,
        version: row.get("version")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn with_fields(connection: &Connection, person: SealedPerson) -> Result<SealedPerson, Failure> {
    let fields = fields::find(connection, person.id, Collection::Persons)?;
    Ok(SealedPerson { fields, ..person })
}
