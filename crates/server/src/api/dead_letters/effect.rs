//! What a replay would do, as far as can be seen before.

use bursar_broker::Queue;
use bursar_core::{Command, OwnerId};
use bursar_store::{DeadLetter, Item};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{content, queue_of};
use crate::api::schema;
use crate::app::App;
use crate::funding;
use crate::problem::Problem;
use crate::workers::requests::Asked;
use crate::workers::{self, webhooks};

/// What a replay would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectView {
    /// In a sentence.
    what: String,
    /// The commands that the ledger would be asked for; without any, no owner's books change.
    changes: Vec<ChangeView>,
}

/// A command.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// Whose books would change; null if that is not known.
    #[schema(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// What is asked for; amounts are in minor units.
    #[schema(value_type = Object)]
    command: Value,
}

impl EffectView {
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self { what: format!("no books change: {}", why.into()), changes: Vec::new() }
    }

    fn changes(what: &str, changes: Vec<ChangeView>) -> Self {
        Self { what: what.to_owned(), changes }
    }
}

/// What a replay of this letter would do now.
pub(super) async fn of(app: &App, letter: &DeadLetter) -> Result<EffectView, Problem> {
    let Ok(message) = content(app, &letter.letter) else {
        return Ok(EffectView::nothing("another key sealed its body, so it is not replayed"));
    };
    Ok(match queue_of(letter) {
        Some(Queue::JitFunding) => of_request(app, &message.body).await?,
        Some(Queue::Webhook) => of_webhook(app, &message.body).await?,
        Some(Queue::TransactionProcessing) => {
            EffectView::nothing("the record of the transaction is made again from the ledger")
        }
        Some(Queue::Events) => {
            EffectView::nothing("endpoints that were not told of the event are told of it")
        }
        _ => EffectView::nothing("it never was in a queue that is consumed, so it is not replayed"),
    })
}

async fn of_request(app: &App, body: &[u8]) -> Result<EffectView, Problem> {
    let Ok(asked) = serde_json::from_slice::<Asked<'_>>(body) else {
        return Ok(EffectView::nothing("it is no request, and would be a dead letter again"));
    };
    if asked.expires_at <= Timestamp::now() {
        let when = asked.expires_at;
        return Ok(EffectView::nothing(format!(
            "it expired at {when}: it is answered with what was decided in its time, or that it expired"
        )));
    }
    match funding::command(app.authorizer(), asked.request.get().as_bytes()).await {
        Ok(command) => changes(app, "it is decided, once", vec![command]).await,
        Err(funding::Refusal::Unreadable(reject)) => Ok(EffectView::nothing(format!(
            "it cannot be read ({}), and would be a dead letter again",
            reject.field
        ))),
        Err(funding::Refusal::Unavailable(why)) => Err(why.into()),
    }
}

async fn of_webhook(app: &App, body: &[u8]) -> Result<EffectView, Problem> {
    let Some(item) = item(app, body).await? else {
        return Ok(EffectView::nothing("its item of the inbox was worked off, or dismissed"));
    };
    match workers::commands(app, &item).await? {
        Ok(commands) => changes(app, "what the processor reported is booked, once", commands).await,
        Err(why) => Ok(EffectView::nothing(format!("it would fail again: {why}"))),
    }
}

async fn item(app: &App, body: &[u8]) -> Result<Option<Item>, Problem> {
    let Ok(word) = serde_json::from_slice::<webhooks::Word>(body) else { return Ok(None) };
    Ok(app.inbox().find_item(word.item).await?)
}

/// Those of the commands that the ledger has not done already.
async fn changes(app: &App, what: &str, commands: Vec<Command>) -> Result<EffectView, Problem> {
    let mut changes = Vec::new();
    for command in commands {
        if app.ledger().find_message(&command.key).await?.is_none() {
            changes.push(change(&command)?);
        }
    }
    Ok(match changes.is_empty() {
        true => EffectView::nothing("the ledger did it already"),
        false => EffectView::changes(what, changes),
    })
}

fn change(command: &Command) -> Result<ChangeView, Problem> {
    // Free text in it is masked since it was read.
    let action = serde_json::to_value(&command.action).map_err(|_| Problem::internal())?;
    Ok(ChangeView { owner: command.keys().owner, command: action })
}

/// With the letter the dead item of the inbox goes that it is about.
pub(super) async fn dismiss(app: &App, letter: &DeadLetter) -> Result<(), Problem> {
    if queue_of(letter) != Some(Queue::Webhook) {
        return Ok(());
    }
    let Ok(message) = content(app, &letter.letter) else { return Ok(()) };
    if let Some(item) = item(app, &message.body).await? {
        app.inbox().dismiss(item.id).await?;
    }
    Ok(())
}
