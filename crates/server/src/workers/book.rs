//! What becomes of a notice: commands for the authorizer, the same whoever sends them how often.

use std::time::{Duration, Instant};

use bursar_authorizer::{Reply, Request, Timeline, Unavailable, Wanted};
use bursar_core::command::Found;
use bursar_core::{Command, Encode, Message, MessageId, Work};
use bursar_processors::marqeta::{Event, FoundSubject, Notice, Subject, TransactionReport, Transition};
use bursar_store::{Item, StoreError};
use uuid::Uuid;

use crate::app::App;

/// How long it takes to find out what a token means, at most.
const LOOK_UP: Duration = Duration::from_secs(5);

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Booked {
    /// It is booked, now or before, or does nothing.
    Done,
    /// It is kept, and somebody has to look at it.
    ForReview,
}

/// Why an item is not worked off.
#[derive(Debug)]
pub(super) enum Trouble {
    /// For now, and through no fault of its own: the store is away.
    Away(String),
    /// For now, while the store works: somebody else has its owner, or too much waits.
    Behind,
    /// It cannot be, as it is.
    Failed(String),
}

impl From<Unavailable> for Trouble {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Undecidable(why) => Self::Failed(why),
            Unavailable::Held | Unavailable::Busy => Self::Behind,
            why => Self::Away(why.to_string()),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadData(_) | StoreError::Corrupt(_) => Self::Failed(error.to_string()),
            error => Self::Away(error.to_string()),
        }
    }
}

/// Books what the item says.
pub(super) async fn work_off(app: &App, item: &Item) -> Result<(), Trouble> {
    match read(item)? {
        Notice::Transaction(report) => transaction(app, *report).await.map(|_| ()),
        Notice::Transition(transition) => move_subject(app, transition).await,
        Notice::Event(event) => keep(app, event).await,
    }
}

/// What the item asks of the ledger, as it is understood now, without asking it.
pub(super) async fn commands(app: &App, item: &Item) -> Result<Vec<Command>, Trouble> {
    Ok(match read(item)? {
        Notice::Transaction(report) => {
            let found = look_up(app, &report).await?;
            report.into_commands(found, new_id)
        }
        Notice::Transition(transition) => {
            let found = find(app, &transition).await?;
            vec![transition.into_command(found, new_id())]
        }
        Notice::Event(event) => {
            let found = find_reported(app, &event).await?;
            vec![event.into_command(found.as_ref(), new_id())]
        }
    })
}

fn read(item: &Item) -> Result<Notice, Trouble> {
    // Serde's words could quote it.
    let unreadable = |_| Trouble::Failed("what is stored of it is no notice of this version".into());
    serde_json::from_slice(&item.content).map_err(unreadable)
}

async fn look_up(app: &App, report: &TransactionReport) -> Result<Found, Trouble> {
    // Few at once: a backlog of reports must not take all connections that swipes look up with.
    let place = app.report_lookups().acquire().await;
    let _place = place.map_err(|closed| Trouble::Away(closed.to_string()))?;
    let wanted = Wanted { card: report.card_token(), ..Wanted::default() };
    Ok(app.authorizer().look_up(wanted, Instant::now() + LOOK_UP, &mut Timeline::begin()).await?)
}

/// Books what became of a transaction.
pub(super) async fn transaction(app: &App, report: TransactionReport) -> Result<Booked, Trouble> {
    let (token, transaction_type) = (report.token().clone(), report.transaction_type().clone());
    let found = look_up(app, &report).await?;
    let needs_review = report.needs_review(found);
    if needs_review {
        tracing::warn!(
            "transaction {token} of the type {transaction_type} is kept for review: nothing is booked"
        );
    }
    let encoder = report.encoder();
    let mut last = None;
    for command in report.into_commands(found, new_id) {
        last = Some(settle(app, command, encoder.clone()).await?);
    }
    // Those before it are claims: in conflict, where the decision is there.
    match last {
        Some(Reply::Conflict) => tracing::warn!(
            "transaction {token} of the type {transaction_type} was reported again with other content: \
             nothing of it took effect"
        ),
        Some(Reply::Decided { declined: Some(reason), .. }) => {
            tracing::error!(
                "transaction {token} of the type {transaction_type} is kept and not booked: {reason}"
            );
            return Ok(Booked::ForReview);
        }
        _ => {}
    }
    Ok(if needs_review { Booked::ForReview } else { Booked::Done })
}

async fn move_subject(app: &App, transition: Transition) -> Result<(), Trouble> {
    let (of, subject) = transition.subject();
    let (of, subject, token) = (of.as_str(), subject.clone(), transition.token().clone());
    let found = find(app, &transition).await?;
    if transition.needs_review(found) {
        tracing::warn!(
            "transition {token} of the {of} {subject} to {} is kept for review: it moves nothing here",
            transition.state()
        );
    }
    let encoder = transition.encoder();
    let reply = settle(app, transition.into_command(found, new_id()), encoder).await?;
    match reply {
        Reply::Conflict => tracing::warn!(
            "transition {token} of the {of} {subject} was reported again with other content: it moved nothing"
        ),
        Reply::Decided { declined: Some(reason), .. } => {
            tracing::error!("transition {token} of the {of} {subject} is kept and moved nothing: {reason}");
        }
        _ => {}
    }
    Ok(())
}

async fn find(app: &App, transition: &Transition) -> Result<Option<FoundSubject>, Trouble> {
    let ledger = app.ledger();
    Ok(match transition.subject() {
        (Subject::Card, token) => {
            let route = ledger.find_route(token).await?;
            route.map(|route| FoundSubject::Card(route.owner, route.card))
        }
        (Subject::User, token) => {
            let cardholder = ledger.find_cardholder_by_token(token).await?;
            cardholder.map(|found| FoundSubject::Cardholder(found.owner, found.id))
        }
        (Subject::Business, token) => {
            let owner = ledger.find_owner_by_token(token).await?;
            owner.map(|owner| FoundSubject::Owner(owner.id))
        }
    })
}

/// The message of a purchase that the event is about.
async fn find_reported(app: &App, event: &Event) -> Result<Option<Message>, Trouble> {
    for key in event.message_keys() {
        let found = app.ledger().find_message(&key).await?;
        if let Some(message) = found.filter(|message| message.group.is_some()) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

async fn keep(app: &App, event: Event) -> Result<(), Trouble> {
    let found = find_reported(app, &event).await?;
    let (token, encoder) = (event.token().clone(), event.encoder());
    let reply = settle(app, event.into_command(found.as_ref(), new_id()), encoder).await?;
    if matches!(reply, Reply::Conflict) {
        tracing::warn!("event {token} was reported again with other content: that is not kept");
    }
    Ok(())
}

async fn settle(app: &App, command: Command, encoder: impl Encode + 'static) -> Result<Reply, Trouble> {
    let work = Work::new(command, Box::new(encoder));
    let request = Request { work, deadline: None, timeline: Timeline::begin() };
    match app.authorizer().settle(request).await.reply {
        Reply::Unavailable(why) => Err(why.into()),
        reply => Ok(reply),
    }
}

fn new_id() -> MessageId {
    MessageId::new(Uuid::now_v7())
}
