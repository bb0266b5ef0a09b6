//! The messages of a batch, and the events that report them.

use std::collections::HashMap;

use bursar_core::event::Event;
use bursar_core::message::{Authorization, Recorded, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{Answer, Decided, Message};
use bursar_store::Waiting;
use bursar_store::columns::checks;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Insert, json};

const COLUMNS: &str =
    "messages (id, token, source, scope, state, fingerprint, kind, owner, owner_sequence, at, declined,
    root, processor_time, effect, effect_minor, card_token, card, cardholder, account, amount_minor, currency,
    available_minor, merchant, checks, method, transaction_kind, cash_minor, details, answer_code, answer)";

const TYPES: [&str; 30] = [
    "uuid",
    "text",
    "text",
    "bigint",
    "text",
    "bytea",
    "text",
    "uuid",
    "bigint",
    "timestamptz",
    "text",
    "uuid",
    "timestamptz",
    "text",
    "bigint",
    "text",
    "uuid",
    "uuid",
    "uuid",
    "bigint",
    "text",
    "bigint",
    "text",
    "text",
    "text",
    "text",
    "bigint",
    "text",
    "int",
    "bytea",
];

pub(super) fn messages<'a>(decided: &[(&'a Decided, &'a Answer)]) -> Insert<'a> {
    let rows = || decided.iter().map(|(of, _)| &of.message);
    let asked = || rows().map(|of| (of.authorization.as_ref(), of.recorded.as_ref()));
    let of_authorization = || rows().map(|of| of.authorization.as_ref());
    let effect = |of: &Message| of.group.as_ref().map(|group| group.effect.parts());
    Insert::new(COLUMNS, &TYPES, "")
        .column(rows().map(|of| of.id.uuid()))
        .column(rows().map(|of| of.key.token.as_str()))
        .column(rows().map(|of| of.key.source.as_str()))
        .column(rows().map(|of| of.key.scope))
        .column(rows().map(|of| &*of.key.state))
        .column(rows().map(|of| of.fingerprint.as_slice()))
        .column(rows().map(|of| of.kind.as_str()))
        .column(rows().map(|of| of.owner.map(|id| id.uuid())))
        .column(rows().map(|of| of.owner_sequence))
        .column(rows().map(|of| of.at))
        .column(rows().map(|of| of.declined.map(|reason| reason.as_str())))
        .column(rows().map(|of| of.group.as_ref().map(|group| group.root.uuid())))
        .column(rows().map(|of| of.group.as_ref().map(|group| group.processor_time)))
        .column(rows().map(|of| effect(of).map(|(word, _)| word)))
        .column(rows().map(|of| effect(of).and_then(|(_, minor)| minor)))
        .column(asked().map(|(of, recorded)| card_token(of, recorded)))
        .column(of_authorization().map(|of| of?.card.map(|id| id.uuid())))
        .column(of_authorization().map(|of| of?.cardholder.map(|id| id.uuid())))
        .column(of_authorization().map(|of| of?.account.map(|id| id.uuid())))
        .column(asked().map(|(of, recorded)| match of {
            Some(of) => of.amount_minor,
            None => recorded?.amount_minor,
        }))
        .column(asked().map(|(of, recorded)| match of {
            Some(of) => of.currency.map(|currency| currency.code()),
            None => recorded?.currency.map(|currency| currency.code()),
        }))
        .column(of_authorization().map(|of| of?.available_minor))
        .column(of_authorization().map(|of| json(&of?.merchant)))
        .column(of_authorization().map(|of| Some(checks::write(&of?.checks))))
        .column(rows().map(|of| Some(of.recorded.as_ref()?.method.as_str())))
        .column(of_authorization().map(|of| {
            Some(of?.kind).filter(|kind| *kind != TransactionKind::Purchase).map(TransactionKind::as_str)
        }))
        .column(of_authorization().map(|of| Some(of?.cash_minor).filter(|minor| *minor > 0)))
        .column(of_authorization().map(|of| json(of?.details.as_ref()?)))
        .column(decided.iter().map(|(_, answer)| i32::from(answer.code)))
        .column(decided.iter().map(|(_, answer)| &*answer.body))
}

fn card_token<'a>(of: Option<&'a Authorization>, recorded: Option<&'a Recorded>) -> Option<&'a str> {
    let token: Option<&Token> =
        of.map(|of| &of.card_token).or(recorded.and_then(|of| of.card_token.as_ref()));
    token.map(Token::as_str)
}

/// An event and what is written of it.
pub(super) struct Written {
    event: Event,
    payload: Option<String>,
}

pub(super) fn events(decided: &[(&Decided, &Answer)]) -> Vec<Written> {
    let written = |event: Event| Written { payload: json(&event), event };
    decided.iter().map(|(of, _)| written(of.event())).collect()
}

/// Its rows are told of where nobody has need of it as well: each form of the one statement has to be planned.
pub(super) fn outbox(events: &[Written], leased_until: Option<Timestamp>) -> Insert<'_> {
    let target = "outbox (event, message, kind, owner, owner_sequence, payload, leased_until)";
    Insert::new(target, &["uuid", "uuid", "text", "uuid", "bigint", "text", "timestamptz"], "")
        .column(events.iter().map(|of| of.event.id.uuid()))
        .column(events.iter().map(|of| of.event.message.uuid()))
        .column(events.iter().map(|of| of.event.kind.as_str()))
        .column(events.iter().map(|of| of.event.owner.map(|id| id.uuid())))
        .column(events.iter().map(|of| of.event.owner_sequence))
        .column(events.iter().map(|of| of.payload.as_deref()))
        .column(events.iter().map(|_| leased_until))
        .returning(&["event", "position"])
}

/// The events at the positions that the server gave them.
pub(super) fn at_positions(events: Vec<Written>, ids: Vec<Uuid>, positions: Vec<i64>) -> Vec<Waiting> {
    let positions: HashMap<Uuid, i64> = ids.into_iter().zip(positions).collect();
    let waiting = |Written { event, payload }| {
        let position = *positions.get(&event.id.uuid())?;
        let kind = event.kind.as_str().to_owned();
        Some(Waiting { position, event: event.id.uuid(), kind, payload: payload? })
    };
    events.into_iter().filter_map(waiting).collect()
}
