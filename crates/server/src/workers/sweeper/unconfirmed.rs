//! Holds that the processor should have confirmed: it is asked about them, and none is ended without its word
//! (D5). What it does not confirm is listed as a discrepancy, until it says something or an operator closes it.

use bursar_core::command::{Doubt, GroupRef};
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Action, HoldGroup, MessageKey};
use bursar_store::IdleGroup;

use super::{Failure, Sweeper};

impl Sweeper {
    pub(super) async fn look_after_unconfirmed(
        &self,
        group: &HoldGroup,
        idle: &IdleGroup,
    ) -> Result<(), Failure> {
        let Some(inquirer) = &self.inquirer else { return self.doubt(group, false).await };
        match inquirer.ask(group).await {
            Ok(answer) => {
                self.figures.add_asked();
                match self.find_open(idle).await? {
                    Some(group) if !group.is_confirmed() => self.doubt(&group, !answer.is_known).await,
                    _ => Ok(()),
                }
            }
            Err(why) => {
                self.doubt(group, false).await?;
                Err(why.into())
            }
        }
    }

    /// Notes it once, however often it is found.
    async fn doubt(&self, group: &HoldGroup, is_denied: bool) -> Result<(), Failure> {
        let state = if is_denied { "denied" } else { "doubt" };
        let key = MessageKey {
            state: state.into(),
            ..MessageKey::new(Source::Sweeper, Token::from_id(&group.root))
        };
        let (owner, group) = (Some(group.owner), GroupRef::Message(group.root));
        if self.settle(key, Action::Doubt(Doubt { owner, group, is_denied })).await? {
            self.figures.add_unconfirmed();
        }
        Ok(())
    }
}
