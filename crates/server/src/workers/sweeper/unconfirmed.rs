//! Decisions that the processor should have confirmed: it is asked about them, and nothing is ended without its word
//! (D5). What it does not confirm is listed as a discrepancy, until it says something or an operator closes it.

use bursar_core::command::{Doubt, GroupRef};
use bursar_core::hold_group::GroupMessage;
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Action, HoldGroup, MessageId, MessageKey, decide};
use bursar_store::IdleGroup;

use super::{Failure, Sweeper};

impl Sweeper {
    pub(super) async fn look_at_unconfirmed(&self, idle: &IdleGroup) -> Result<(), Failure> {
        match self.find_group(idle.root).await? {
            Some(group) => self.look_after(&group, idle.message).await,
            None => Ok(()),
        }
    }

    /// Once more, about all of it.
    pub(super) async fn ask_again(&self, group: &HoldGroup) -> Result<(), Failure> {
        for decision in group.unconfirmed().map(|decision| decision.id) {
            self.look_after(group, decision).await?;
        }
        Ok(())
    }

    async fn look_after(&self, group: &HoldGroup, decision: MessageId) -> Result<(), Failure> {
        let Some(of) = standing(group, decision)? else { return Ok(()) };
        let Some(inquirer) = &self.inquirer else { return self.doubt(group, decision, false).await };
        match inquirer.ask(&of.key.token, of.processor_time).await {
            Ok(told) => {
                self.figures.add_asked();
                match self.find_group(decision).await? {
                    Some(group) if standing(&group, decision)?.is_some() => {
                        self.doubt(&group, decision, !told.is_known).await
                    }
                    _ => Ok(()),
                }
            }
            Err(why) => {
                self.doubt(group, decision, false).await?;
                Err(why.into())
            }
        }
    }

    /// Notes it once, however often it is found.
    async fn doubt(&self, group: &HoldGroup, decision: MessageId, is_denied: bool) -> Result<(), Failure> {
        let state = if is_denied { decide::DENIED } else { decide::UNCONFIRMED };
        let key =
            MessageKey { state: state.into(), ..MessageKey::new(Source::Sweeper, Token::from_id(&decision)) };
        let (owner, group) = (Some(group.owner), GroupRef::Message(decision));
        if self.settle(key, Action::Doubt(Doubt { owner, group, is_denied })).await? {
            self.figures.add_unconfirmed();
        }
        Ok(())
    }
}

/// The decision, if something stands by it alone.
fn standing(group: &HoldGroup, decision: MessageId) -> Result<Option<&GroupMessage>, Failure> {
    let books = group.books().map_err(|_| Failure::Group("its amounts overflow".to_owned()))?;
    Ok(group.unconfirmed().find(|of| of.id == decision && books.status.stands()))
}
