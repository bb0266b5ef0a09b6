//! Asks the authorizer to fund a swipe, whichever way the request came.

use std::time::Instant;

use bursar_authorizer::{Authorizer, Reply, Request, Timeline, Unavailable, Wanted};
use bursar_core::command::Found;
use bursar_core::{Answer, MessageId, Work};
use bursar_processors::marqeta::{self, Reject};
use bursar_store::{Stage, StoreError};
use uuid::Uuid;

/// Why there is no answer of a decision.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot be read: nothing happened.
    Unreadable(Reject),
    /// No decision to answer with; the same message may come again.
    Unavailable(Unavailable),
}

impl From<Unavailable> for Refusal {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// Decides Marqeta's request, and gives the answer to send; one that comes again gets the same bytes again. Past the
/// deadline it is not begun.
pub(crate) async fn fund(
    authorizer: &Authorizer,
    bytes: &[u8],
    mut timeline: Timeline,
    deadline: Instant,
) -> Result<Answer, Refusal> {
    let request = marqeta::decode(bytes).map_err(Refusal::Unreadable)?;
    timeline.mark(Stage::Parse);
    if let Some(alert) = request.alert() {
        tracing::warn!("{alert}");
    }
    // A message that is only kept is no authorization, and does not count as one.
    let is_funding = request.card_token().is_some();
    let wanted =
        Wanted { acting: request.acting_token(), paying: request.paying_token(), card: request.card_token() };
    let found = authorizer.look_up(wanted, deadline, &mut timeline).await?;
    let (duplicate, token) = (request.duplicate(), request.token().clone());
    let (command, encode) = request.into_command(MessageId::new(Uuid::now_v7()), found);
    let work = Work::new(command, encode);
    let settlement = authorizer.settle(Request { work, deadline: Some(deadline), timeline }).await;
    let answer = match &settlement.reply {
        Reply::Decided { answer, .. } | Reply::Repeated(answer) => Ok(answer.clone()),
        Reply::Conflict => {
            tracing::warn!(%token, "transaction {token} came again with other content: nothing of it took effect");
            Ok(duplicate.answer())
        }
        Reply::Unavailable(why) => Err(why.clone().into()),
    };
    if is_funding {
        authorizer.finish(settlement);
    }
    answer
}

/// What Marqeta's request was answered before, if it was decided.
pub(crate) async fn answered(authorizer: &Authorizer, bytes: &[u8]) -> Result<Option<Answer>, Refusal> {
    let request = marqeta::decode(bytes).map_err(Refusal::Unreadable)?;
    let (command, _) = request.into_command(MessageId::new(Uuid::now_v7()), Found::default());
    let failed = |error: StoreError| Refusal::Unavailable(Unavailable::Store(error.to_string()));
    let ledger = authorizer.ledger();
    let Some(message) = ledger.find_message(&command.key).await.map_err(failed)? else { return Ok(None) };
    let record = ledger.find_authorization(message.id).await.map_err(failed)?;
    Ok(record.map(|record| record.answer))
}
