//! Asks the processor about a hold, and books what it says as if it had reported it.

use bursar_core::HoldGroup;
use bursar_core::message::Role;
use bursar_core::text::Token;
use bursar_processors::inquiry::InquiryError;
use bursar_processors::marqeta::{Delivered, Notice};
use bursar_store::StoreError;
use jiff::Timestamp;

use super::consumer::{Trouble, book};
use crate::app::App;
use crate::webhooks;

/// Somebody to ask, and a ledger to book it in.
#[derive(Clone)]
pub struct Inquirer {
    app: App,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Whether the processor has any of the transactions.
    pub is_known: bool,
    /// How many it named, those that are related included.
    pub transactions: usize,
}

/// Why nothing came of it, or not all.
#[derive(Debug)]
pub enum NoAnswer {
    /// The processor cannot be asked now.
    Away(String),
    /// What it says of this hold cannot be used, or not now.
    Unusable(String),
    /// The ledger cannot be written now.
    Store(StoreError),
}

impl From<InquiryError> for NoAnswer {
    fn from(error: InquiryError) -> Self {
        match error {
            InquiryError::Away(why) => Self::Away(why),
            InquiryError::Unusable(why) => Self::Unusable(why),
        }
    }
}

impl From<Trouble> for NoAnswer {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Away(why) => Self::Store(StoreError::Unavailable(why)),
            Trouble::Behind => Self::Unusable("somebody else has its owner".to_owned()),
            Trouble::Failed(why) => Self::Unusable(why),
        }
    }
}

impl Inquirer {
    /// `None` where there is nobody to ask.
    #[must_use]
    pub fn of(app: &App) -> Option<Self> {
        app.processor().map(|_| Self { app: app.clone() })
    }

    /// Asks about every decision of the hold, or about what the processor reported of it where there is none.
    /// Nothing is asked about a hold that is of no processor.
    ///
    /// # Errors
    /// See [`NoAnswer`]. What was booked before stays booked.
    pub async fn ask(&self, group: &HoldGroup) -> Result<Told, NoAnswer> {
        let mut answer = Told { is_known: false, transactions: 0 };
        let Some(processor) = self.app.processor() else { return Ok(answer) };
        for (token, made) in transactions(group) {
            let told = processor.inquire(token, made).await?;
            answer.is_known |= !told.is_empty();
            answer.transactions += told.len();
            self.book(told).await?;
        }
        Ok(answer)
    }

    async fn book(&self, told: Vec<Delivered>) -> Result<(), NoAnswer> {
        for told in told {
            match told {
                Delivered::Notice(Notice::Transaction(report)) => {
                    book::transaction(&self.app, *report).await?;
                }
                Delivered::Unreadable(_) => {
                    webhooks::put(&self.app, vec![told]).await.map_err(NoAnswer::Store)?
                }
                Delivered::Notice(_) | Delivered::Ping => {}
            }
        }
        Ok(())
    }
}

/// The transactions to ask about, each once, and when it was made.
pub(crate) fn transactions(group: &HoldGroup) -> Vec<(&Token, Timestamp)> {
    let of_role = |role: Role| {
        let mut found: Vec<(&Token, Timestamp)> = Vec::new();
        for message in group.messages.iter().filter(|message| message.key.role() == role) {
            if found.iter().all(|(token, _)| **token != message.key.token) {
                found.push((&message.key.token, message.processor_time));
            }
        }
        found
    };
    match of_role(Role::Decision) {
        found if found.is_empty() => of_role(Role::Report),
        found => found,
    }
}
