//! Asks the processor about transactions, and books what it says as if it had reported it.

use bursar_core::HoldGroup;
use bursar_core::text::Token;
use bursar_processors::inquiry::InquiryError;
use bursar_processors::marqeta::{Delivered, Notice};
use bursar_store::StoreError;
use jiff::Timestamp;

use super::book::{self, Trouble};
use crate::app::App;
use crate::webhooks;

/// Somebody to ask, and a ledger to book it in.
#[derive(Clone)]
pub struct Inquirer {
    app: App,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// Whether the processor has any of the transactions.
    pub is_known: bool,
    /// How many it named, those that are related included.
    pub transactions: usize,
    /// How many of them are not booked: nobody can read them, or knows what they do.
    pub unbooked: usize,
}

/// Why nothing came of it, or not all.
#[derive(Debug)]
pub enum NoAnswer {
    /// The processor cannot be asked now.
    Away(String),
    /// What it says of this transaction cannot be used.
    Unusable(String),
    /// Somebody else has the owner, or too much waits.
    Behind,
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
            Trouble::Behind => Self::Behind,
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

    /// Asks about a transaction that was made at this time.
    ///
    /// # Errors
    /// See [`NoAnswer`]. What could be booked is booked.
    pub async fn ask(&self, transaction: &Token, made: Timestamp) -> Result<Told, NoAnswer> {
        let Some(processor) = self.app.processor() else { return Ok(Told::default()) };
        let delivered = processor.inquire(transaction, made).await?;
        let mut told = Told { is_known: !delivered.is_empty(), transactions: delivered.len(), unbooked: 0 };
        let mut trouble = Ok(());
        // Itself last: who is killed in between finds it unconfirmed, and asks again.
        for item in delivered.into_iter().rev() {
            match self.book(item).await {
                Ok(is_booked) => told.unbooked += usize::from(!is_booked),
                // One holds up no other.
                Err(why) => trouble = trouble.and(Err(why)),
            }
        }
        trouble.map(|()| told)
    }

    /// Asks about all of a purchase that the processor has confirmed. Whether anybody was asked: not if it is of no
    /// processor.
    ///
    /// # Errors
    /// See [`NoAnswer`]; also where not everything that was told is booked.
    pub async fn ask_about(&self, group: &HoldGroup) -> Result<bool, NoAnswer> {
        let mut all = Told::default();
        let asked_about = group.asked_about();
        for (token, made) in &asked_about {
            let told = self.ask(token, *made).await?;
            all.is_known |= told.is_known;
            all.unbooked += told.unbooked;
        }
        match (asked_about.is_empty(), all) {
            (true, _) => Ok(false),
            (false, Told { is_known: false, .. }) => {
                let why =
                    "the processor does not know what it has reported itself; is it that of the program?";
                Err(NoAnswer::Away(why.to_owned()))
            }
            (false, Told { unbooked: 0, .. }) => Ok(true),
            (false, Told { unbooked, .. }) => Err(NoAnswer::Unusable(format!(
                "{unbooked} of its transactions are not booked; see GET /v1/inbox and GET /v1/records"
            ))),
        }
    }

    /// Whether it is booked, or does nothing.
    async fn book(&self, item: Delivered) -> Result<bool, NoAnswer> {
        match item {
            Delivered::Notice(Notice::Transaction(report)) => {
                Ok(book::transaction(&self.app, *report).await? != book::Booked::ForReview)
            }
            Delivered::Unreadable(_) => {
                webhooks::put(&self.app, vec![item]).await.map_err(NoAnswer::Store)?;
                Ok(false)
            }
            Delivered::Notice(_) | Delivered::Ping => Ok(true),
        }
    }
}
