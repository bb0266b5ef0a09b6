//! Identities.

use bursar_core::OwnerId;
use bursar_documents::{Collection, DocumentsError, KycStatus, Sealed, SealedKyc, SealedTransition};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{fields, person};
use crate::columns::{optional_word, time, word};
use crate::failure::{Failure, of_row};

const PUT: &str = "insert into kyc (person, status, retain_until, version) values (?1, ?2, ?3, ?4)
    on conflict (person) do update
    set status = excluded.status, retain_until = excluded.retain_until, version = excluded.version";

const INSERT_TRANSITION: &str =
    "insert into kyc_transitions (person, number, at, from_status, to_status, reason)
    values (?1, ?2, ?3, ?4, ?5, ?6)";

const LIST_TRANSITIONS: &str =
    "select at, from_status, to_status, reason from kyc_transitions where person = ?1 order by number";

pub(crate) fn find(connection: &Connection, person: OwnerId) -> Result<Option<SealedKyc>, Failure> {
    person::version(connection, person)?;
    let mut find =
        connection.prepare_cached("select status, retain_until, version from kyc where person = ?1")?;
    let read = |row: &Row<'_>| {
        Ok(SealedKyc {
            person,
            status: word(row, "status", KycStatus::from_word)?,
            fields: Default::default(),
            transitions: Vec::new(),
            retain_until: optional_word(row, "retain_until", |day| day.parse().ok())?,
            version: row.get("version")?,
        })
    };
    let found = find.query_row([person.uuid().as_bytes()], read).optional();
    let Some(kyc) = of_row("identity of", person, found)? else { return Ok(None) };
    let fields = fields::find(connection, person, Collection::Kyc)?;
    Ok(Some(SealedKyc { fields, transitions: transitions(connection, person)?, ..kyc }))
}

fn transitions(connection: &Connection, person: OwnerId) -> Result<Vec<SealedTransition>, Failure> {
    let mut list = connection.prepare_cached(LIST_TRANSITIONS)?;
    let read = |row: &Row<'_>| {
        Ok(SealedTransition {
            at: time(row, "at")?,
            from: word(row, "from_status", KycStatus::from_word)?,
            to: word(row, "to_status", KycStatus::from_word)?,
            reason: row.get::<_, Option<Vec<u8>>>("reason")?.map(Sealed),
        })
    };
    let found = list.query_map([person.uuid().as_bytes()], read)?.collect();
    of_row("a step of", person, found)
}

pub(crate) fn put(connection: &Connection, kyc: &SealedKyc) -> Result<(), Failure> {
    let person = kyc.person;
    person::version(connection, person)?;
    let mut kept = connection.prepare_cached("select version from kyc where person = ?1")?;
    let kept: Option<i64> = kept.query_row([person.uuid().as_bytes()], |row| row.get(0)).optional()?;
    if kept.unwrap_or(0) != kyc.version - 1 {
        return Err(DocumentsError::Conflict(person).into());
    }
    connection.prepare_cached(PUT)?.execute(params![
        person.uuid().as_bytes(),
        kyc.status.as_str(),
        kyc.retain_until.map(|day| day.to_string()),
        kyc.version,
    ])?;
    connection
        .prepare_cached("delete from kyc_transitions where person = ?1")?
        .execute([person.uuid().as_bytes()])?;
    let mut insert = connection.prepare_cached(INSERT_TRANSITION)?;
    for (number, step) in (0_i64..).zip(&kyc.transitions) {
        insert.execute(params![
            person.uuid().as_bytes(),
            number,
            step.at.as_microsecond(),
            step.from.as_str(),
            step.to.as_str(),
            step.reason.as_ref().map(|reason| &reason.0),
        ])?;
    }
    fields::put(connection, person, Collection::Kyc, &kyc.fields)
}
