//! Stage times on their way to the ledger.

use std::sync::{Mutex, PoisonError};

use bursar_core::MessageId;
use bursar_store::StageTimes;

/// Stage times of answered decisions that wait for the next batch, at most so many.
#[derive(Default)]
pub(crate) struct PendingTimes(Mutex<Vec<(MessageId, StageTimes)>>);

impl PendingTimes {
    const MAX: usize = 65_536;

    pub(crate) fn push(&self, message: MessageId, times: StageTimes) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < Self::MAX {
            pending.push((message, times));
        }
    }

    pub(crate) fn take(&self) -> Vec<(MessageId, StageTimes)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
