//! What becomes of a hold of which nothing was heard for long.

use bursar_core::command::{Expire, GroupRef};
use bursar_core::hold_days::Days;
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Action, GroupStatus, HoldGroup, MessageId, MessageKey};
use bursar_store::{IdleGroup, StoreError};

use super::{Failure, Limit, Sweeper};

impl Sweeper {
    /// Does what is due. The days after which it has to be looked at again, if it may be kept for longer.
    pub(super) async fn look_at(&self, limit: Limit, idle: &IdleGroup) -> Result<Option<Days>, Failure> {
        let is_due = match limit {
            Limit::Days(days) => self.days_of(idle).await? <= days,
            Limit::Unconfirmed => !idle.is_reported,
        };
        if !is_due {
            return Ok(None);
        }
        let Some(group) = self.find_open(idle).await? else { return Ok(None) };
        match (limit, group.is_confirmed()) {
            (_, false) => self.look_after_unconfirmed(&group, idle).await.map(|()| None),
            (Limit::Days(days), true) => match self.own_days(idle).await? {
                Some(own) if own > days => Ok(Some(own)),
                _ => self.end(&group, idle).await.map(|()| None),
            },
            (Limit::Unconfirmed, true) => Ok(None),
        }
    }

    /// For how long the processor says that this one may be kept, if it does.
    async fn own_days(&self, idle: &IdleGroup) -> Result<Option<Days>, Failure> {
        let purchase = self.ledger().find_purchase(idle.root).await?;
        let messages = purchase.iter().flat_map(|purchase| &purchase.messages);
        let told = messages.filter_map(|message| message.authorization.as_ref()?.details.as_ref()?.hold_days);
        Ok(told.max().map(|days| Days::new(days.into()).unwrap_or(Days::LONGEST)))
    }

    /// The hold group, if it still holds money and nothing has moved in it since.
    pub(super) async fn find_open(&self, idle: &IdleGroup) -> Result<Option<HoldGroup>, Failure> {
        let record = self.ledger().find_authorization(idle.root).await?;
        let Some(group) = record.and_then(|record| record.group) else { return Ok(None) };
        let books = group.books().map_err(|_| Failure::Group("its amounts overflow".to_owned()))?;
        let is_idle = books.status == GroupStatus::Open && !group.has_moved_since(idle.last);
        Ok(is_idle.then_some(group))
    }

    async fn days_of(&self, idle: &IdleGroup) -> Result<Days, StoreError> {
        if let Some(hold_days) = self.hold_days.get(&idle.program) {
            return Ok(hold_days.of(idle.mcc));
        }
        // It was made since this run began.
        let program = self.ledger().find_program(idle.program).await?;
        Ok(program.map(|program| program.hold_days).unwrap_or_default().of(idle.mcc))
    }

    /// Ends it, unless the processor knows more of it.
    async fn end(&self, group: &HoldGroup, idle: &IdleGroup) -> Result<(), Failure> {
        if let Some(inquirer) = &self.inquirer {
            inquirer.ask(group).await?;
            self.figures.add_asked();
            if self.find_open(idle).await?.is_none() {
                return Ok(());
            }
        }
        self.expire(group, idle.last).await
    }

    async fn expire(&self, group: &HoldGroup, last: MessageId) -> Result<(), Failure> {
        let expire = Expire { owner: Some(group.owner), group: GroupRef::Message(last), last: Some(last) };
        let key = MessageKey::new(Source::Sweeper, Token::from_id(&last));
        if self.settle(key, Action::Expire(expire)).await? {
            self.figures.add_expired();
        }
        Ok(())
    }
}
