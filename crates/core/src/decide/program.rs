//! What changes about a program. Its time zone, its currencies and its policies never do.

use super::{Change, Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::ChangeProgram;
use crate::state::State;

pub(super) fn change(state: &State, request: &ChangeProgram) -> Result<Ruling, Fault> {
    let Some(mut program) = state.programs.get(request.program)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::ProgramUnknown));
    };
    if let Some(usual) = request.usual {
        program.hold_days.usual = usual;
    }
    if let Some(by_merchant) = &request.by_merchant {
        program.hold_days.by_merchant = by_merchant.clone();
    }
    let object = Some((program.id.to_string(), None));
    Ok(Ruling { changes: vec![Change::Program(program)], object, ..Ruling::default() })
}
