//! Holds that are due and that the processor never confirmed: none is ended without its word (D5). Each is
//! listed as a discrepancy, until the processor says something or an operator closes it.

use bursar_core::command::{Doubt, GroupRef};
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Action, HoldGroup, MessageKey};

/// Notes it once, however often it is found.
pub(super) fn doubt(group: &HoldGroup) -> (MessageKey, Action) {
    let key =
        MessageKey { state: "doubt".into(), ..MessageKey::new(Source::Sweeper, Token::from_id(&group.root)) };
    (key, Action::Doubt(Doubt { owner: Some(group.owner), group: GroupRef::Message(group.root) }))
}
