//! What becomes of a hold of which nothing was heard for long.

use bursar_core::command::{Expire, GroupRef};
use bursar_core::hold_days::Days;
use bursar_core::message::Source;
use bursar_core::text::Token;
use bursar_core::{Action, GroupStatus, HoldGroup, MessageId, MessageKey};
use bursar_store::{IdleGroup, StoreError};

use super::walk::Limit;
use super::{Failure, Sweeper};

/// What a processor says of one transaction is rounded up to these: each number of days is a walk of its own.
const OWN_DAYS: [i64; 6] = [10, 20, 30, 60, 120, 365];

impl Sweeper {
    pub(super) async fn look_at(&self, limit: Limit, idle: &IdleGroup) -> Result<(), Failure> {
        match limit {
            Limit::Days(days) => self.look_at_idle(days, idle).await,
            Limit::Unconfirmed => self.look_at_unconfirmed(idle).await,
        }
    }

    async fn look_at_idle(&self, days: Days, idle: &IdleGroup) -> Result<(), Failure> {
        if self.days_of(idle).await? > days {
            return Ok(());
        }
        let Some(group) = self.find_idle(idle).await? else { return Ok(()) };
        if !group.is_confirmed() {
            return self.ask_again(&group).await;
        }
        match self.longer(days, idle).await? {
            Some(own) => Ok(self.look_again_after(own).await?),
            None => self.end(&group, idle).await,
        }
    }

    /// The hold group, if it still holds money and nothing has moved in it since.
    async fn find_idle(&self, idle: &IdleGroup) -> Result<Option<HoldGroup>, Failure> {
        let Some(group) = self.find_group(idle.root).await? else { return Ok(None) };
        let books = group.books().map_err(|_| Failure::Group("its amounts overflow".to_owned()))?;
        let is_idle = books.status == GroupStatus::Open && !group.has_moved_since(idle.message);
        Ok(is_idle.then_some(group))
    }

    pub(super) async fn find_group(&self, message: MessageId) -> Result<Option<HoldGroup>, StoreError> {
        Ok(self.ledger().find_authorization(message).await?.and_then(|record| record.group))
    }

    async fn days_of(&self, idle: &IdleGroup) -> Result<Days, StoreError> {
        if let Some(hold_days) = self.hold_days.get(&idle.program) {
            return Ok(hold_days.of(idle.mcc));
        }
        // It was made since this run began.
        let program = self.ledger().find_program(idle.program).await?;
        Ok(program.map(|program| program.hold_days).unwrap_or_default().of(idle.mcc))
    }

    /// For how long the processor says that this one may be kept, if that is longer.
    async fn longer(&self, days: Days, idle: &IdleGroup) -> Result<Option<Days>, Failure> {
        let purchase = self.ledger().find_purchase(idle.root).await?;
        let messages = purchase.iter().flat_map(|purchase| &purchase.messages);
        let told = messages.filter_map(|message| message.authorization.as_ref()?.details.as_ref()?.hold_days);
        // Nothing is kept for longer than the longest.
        let told = told.max().filter(|told| *told > days.number() && days < Days::LONGEST);
        let Some(told) = told else { return Ok(None) };
        let rounded = OWN_DAYS.into_iter().find(|days| *days >= i64::from(told));
        Ok(Some(rounded.and_then(|days| Days::new(days).ok()).unwrap_or(Days::LONGEST)))
    }

    /// Ends it, unless the processor knows more of it.
    async fn end(&self, group: &HoldGroup, idle: &IdleGroup) -> Result<(), Failure> {
        let is_asked = match &self.inquirer {
            Some(inquirer) => inquirer.ask_about(group).await?,
            None => false,
        };
        if is_asked {
            self.figures.add_asked();
            if self.find_idle(idle).await?.is_none() {
                return Ok(());
            }
        }
        self.expire(group, idle.message).await
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
