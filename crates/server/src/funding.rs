//! Asks the authorizer to fund a swipe, whichever way the request came.

use std::time::{Duration, Instant};

use bursar_authorizer::{Authorizer, Reply, Request, Timeline, Unavailable, Wanted};
use bursar_core::{Answer, Command, MessageId, Work};
use bursar_processors::marqeta::{self, JitRequest, Reject};
use bursar_store::Stage;
use uuid::Uuid;

/// Why there is no answer of a decision.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot be read: nothing happened.
    Unreadable(Reject),
    /// No decision to answer with; the same message may come again.
    Unavailable(Unavailable),
}

/// Whether a decision may be begun.
#[derive(Debug, Clone, Copy)]
pub(crate) enum May {
    /// Before this moment.
    Begin { before: Instant },
    /// Not any more: [`Unavailable::Late`], unless it was decided in its time.
    Recall,
}

/// What the ledger would be asked for, without asking it.
pub(crate) async fn command(authorizer: &Authorizer, bytes: &[u8]) -> Result<Command, Refusal> {
    let request = marqeta::decode(bytes).map_err(Refusal::Unreadable)?;
    let (deadline, mut timeline) = (Instant::now() + RECALLED_WITHIN, Timeline::begin());
    let found =
        authorizer.look_up(wanted(&request), deadline, &mut timeline).await.map_err(Refusal::Unavailable)?;
    Ok(request.into_command(MessageId::new(Uuid::now_v7()), found).0)
}

fn wanted(request: &JitRequest) -> Wanted<'_> {
    Wanted { acting: request.acting_token(), paying: request.paying_token(), card: request.card_token() }
}

/// What is looked up of a request that nobody waits for is looked up within this time.
const RECALLED_WITHIN: Duration = Duration::from_secs(1);

/// Decides Marqeta's request, and gives the answer to send; one that comes again gets the same bytes again.
pub(crate) async fn fund(
    authorizer: &Authorizer,
    bytes: &[u8],
    mut timeline: Timeline,
    may: May,
) -> Result<Answer, Refusal> {
    let request = marqeta::decode(bytes).map_err(Refusal::Unreadable)?;
    timeline.mark(Stage::Parse);
    if let Some(alert) = request.alert() {
        tracing::warn!("{alert}");
    }
    let deadline = match may {
        May::Begin { before } => before,
        May::Recall => Instant::now() + RECALLED_WITHIN,
    };
    // A message that is only kept is no authorization, and does not count as one.
    let is_funding = request.card_token().is_some();
    let found =
        authorizer.look_up(wanted(&request), deadline, &mut timeline).await.map_err(Refusal::Unavailable)?;
    let (duplicate, token) = (request.duplicate(), request.token().clone());
    let (command, encode) = request.into_command(MessageId::new(Uuid::now_v7()), found);
    let work = Work::new(command, encode);
    let settlement = match may {
        May::Begin { .. } => authorizer.settle(Request { work, deadline: Some(deadline), timeline }).await,
        May::Recall => authorizer.recall(work, timeline).await,
    };
    let answer = match &settlement.reply {
        Reply::Decided { answer, .. } | Reply::Repeated(answer) => Ok(answer.clone()),
        Reply::Conflict => {
            tracing::warn!(%token, "transaction {token} came again with other content: nothing of it took effect");
            Ok(duplicate.answer())
        }
        Reply::Unavailable(why) => Err(Refusal::Unavailable(why.clone())),
    };
    if is_funding && matches!(may, May::Begin { .. }) {
        authorizer.finish(settlement);
    }
    answer
}
