//! Programs.

use bursar_core::program::Policies;
use bursar_core::text::FreeText;
use bursar_core::{Program, ProgramId, Zone};
use bursar_store::columns::hold_days;
use tokio_postgres::Row;

use super::{Damage, Read, currency, get, id, word};

pub(crate) const COLUMNS: &str = "id, name, time_zone, currencies, partial_approvals, original_credits, hold_days, \
                                  hold_days_by_merchant";

pub(crate) fn read(row: &Row) -> Read<Program> {
    let codes: &str = get(row, 3)?;
    let currencies: Option<Vec<_>> = codes.split(',').map(currency).collect();
    let hold_days = hold_days::read_or_longest(get::<i32>(row, 6)?.into(), get(row, 7)?);
    Ok(Program {
        id: id(row, 0, ProgramId::new)?,
        name: FreeText::new(get(row, 1)?),
        time_zone: word(row, 2, |name| Zone::parse(name).ok())?,
        currencies: currencies.ok_or_else(|| Damage(format!("{codes:?} are no currencies")))?,
        policies: Policies { partial_approvals: get(row, 4)?, original_credits: get(row, 5)? },
        hold_days,
    })
}
