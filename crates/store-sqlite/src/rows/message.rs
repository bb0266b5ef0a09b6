//! Messages with their answers.

use std::borrow::Cow;

use bursar_core::hold_group::{Effect, GroupMessage};
use bursar_core::message::{Authorization, Membership, Recorded, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{AccountId, Answer, CardId, CardholderId, Message, MessageId, MessageKey, OwnerId};
use bursar_store::columns::checks;
use rusqlite::types::FromSqlError;
use rusqlite::{Row, Statement, params};

use super::{Blob16, Micros, id, id_opt, word, word_opt};

pub(crate) const COLUMNS: &str = "id, token, source, scope, state, fingerprint, kind, owner, owner_sequence, at, \
                                  declined, root, processor_time, effect, effect_minor, card_token, card, \
                                  cardholder, account, amount_minor, currency, available_minor, merchant, checks, method, \
                                  transaction_kind, cash_minor, details";

/// How many columns a message has before its answer.
pub(crate) const WIDTH: usize = 28;

pub(crate) const INSERT: &str = "insert into messages (id, token, source, scope, state, fingerprint, kind, owner,
    owner_sequence, at, declined, root, processor_time, effect, effect_minor, card_token, card, cardholder, account,
    amount_minor, currency, available_minor, merchant, checks, method, transaction_kind, cash_minor, details, previous, answer_code, answer)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
    ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: id(row, 0, MessageId::new)?,
        key: read_key(row, 1)?,
        fingerprint: row.get(5)?,
        kind: word(row, 6)?,
        owner: id_opt(row, 7, OwnerId::new)?,
        owner_sequence: row.get(8)?,
        at: row.get::<_, Micros>(9)?.0,
        declined: word_opt(row, 10)?,
        group: read_membership(row)?,
        authorization: read_authorization(row)?,
        recorded: read_recorded(row)?,
    })
}

/// The key, from the four columns that begin at `column`.
fn read_key(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageKey> {
    Ok(MessageKey {
        token: word(row, column)?,
        source: word(row, column + 1)?,
        scope: row.get(column + 2)?,
        state: Cow::Owned(row.get(column + 3)?),
    })
}

fn read_membership(row: &Row<'_>) -> rusqlite::Result<Option<Membership>> {
    let Some(root) = id_opt(row, 11, MessageId::new)? else {
        return Ok(None);
    };
    let processor_time = row.get::<_, Micros>(12)?.0;
    Ok(Some(Membership { root, processor_time, effect: read_effect(row, 13)? }))
}

/// The effect, from its word and the amount in the column after it.
fn read_effect(row: &Row<'_>, column: usize) -> rusqlite::Result<Effect> {
    let (word, minor) = (row.get_ref(column)?.as_str()?, row.get(column + 1)?);
    let no_effect = || FromSqlError::Other(format!("{word:?} with {minor:?} is no effect").into());
    Effect::from_parts(word, minor).ok_or_else(|| no_effect().into())
}

fn read_authorization(row: &Row<'_>) -> rusqlite::Result<Option<Authorization>> {
    let (Some(card_token), None) = (word_opt(row, 15)?, word_opt::<_, Token>(row, 24)?) else {
        return Ok(None);
    };
    let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    let damaged = |error: serde_json::Error| FromSqlError::Other(Box::new(error));
    Ok(Some(Authorization {
        kind: word_opt(row, 25)?.unwrap_or(TransactionKind::Purchase),
        card_token,
        card: id_opt(row, 16, CardId::new)?,
        cardholder: id_opt(row, 17, CardholderId::new)?,
        account: id_opt(row, 18, AccountId::new)?,
        amount_minor: row.get(19)?,
        cash_minor: row.get::<_, Option<i64>>(26)?.unwrap_or(0),
        currency: word_opt(row, 20)?,
        available_minor: row.get(21)?,
        merchant: serde_json::from_str(text(22)?).map_err(damaged)?,
        details: match row.get_ref(27)?.as_str_or_null()? {
            Some(details) => Some(serde_json::from_str(details).map_err(damaged)?),
            None => None,
        },
        checks: checks::read(text(23)?).ok_or_else(|| FromSqlError::Other("these are no checks".into()))?,
    }))
}

/// Only a message that was kept without effect has its method in a column of its own: that of an
/// authorization is in its answer, and a row less wide is a commit less long.
fn read_recorded(row: &Row<'_>) -> rusqlite::Result<Option<Recorded>> {
    let Some(method) = word_opt(row, 24)? else {
        return Ok(None);
    };
    Ok(Some(Recorded {
        method,
        card_token: word_opt(row, 15)?,
        amount_minor: row.get(19)?,
        currency: word_opt(row, 20)?,
    }))
}

/// The answer, from the two columns that begin at `column`.
pub(crate) fn read_answer(row: &Row<'_>, column: usize) -> rusqlite::Result<Answer> {
    Ok(Answer { code: row.get(column)?, body: row.get(column + 1)? })
}

/// What [`read_group_message`] reads.
pub(crate) const GROUP_COLUMNS: &str =
    "id, processor_time, effect, effect_minor, at, transaction_kind, cash_minor, token, source, scope, state";

/// How many columns that are.
pub(crate) const GROUP_WIDTH: usize = 11;

/// What a message says about its group, from the columns that begin at `column`.
pub(crate) fn read_group_message(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupMessage> {
    Ok(GroupMessage {
        id: id(row, column, MessageId::new)?,
        key: read_key(row, column + 7)?,
        processor_time: row.get::<_, Micros>(column + 1)?.0,
        effect: read_effect(row, column + 2)?,
        at: row.get::<_, Micros>(column + 4)?.0,
        kind: word_opt(row, column + 5)?.unwrap_or(TransactionKind::Purchase),
        cash_minor: row.get::<_, Option<i64>>(column + 6)?.unwrap_or(0),
    })
}

/// Runs [`INSERT`]; `previous` is the position of the owner's message before.
pub(crate) fn insert(
    insert: &mut Statement<'_>,
    message: &Message,
    previous: Option<i64>,
    answer: &Answer,
) -> rusqlite::Result<()> {
    let key = &message.key;
    let group = message.group.as_ref();
    let effect = group.map(|group| group.effect.parts());
    let (authorization, recorded) = (message.authorization.as_ref(), message.recorded.as_ref());
    let json = |json: serde_json::Result<String>| {
        json.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    };
    let merchant = authorization.map(|of| json(serde_json::to_string(&of.merchant))).transpose()?;
    let details = authorization.and_then(|of| of.details.as_ref());
    let details = details.map(|details| json(serde_json::to_string(details))).transpose()?;
    let checks = authorization.map(|of| checks::write(&of.checks));
    insert.execute(params![
        Blob16(message.id.uuid()),
        key.token.as_str(),
        key.source.as_str(),
        key.scope,
        key.state,
        message.fingerprint,
        message.kind.as_str(),
        message.owner.map(|id| Blob16(id.uuid())),
        message.owner_sequence,
        Micros(message.at),
        message.declined.map(|reason| reason.as_str()),
        group.map(|group| Blob16(group.root.uuid())),
        group.map(|group| Micros(group.processor_time)),
        effect.map(|(word, _)| word),
        effect.and_then(|(_, minor)| minor),
        authorization
            .map(|of| &of.card_token)
            .or(recorded.and_then(|of| of.card_token.as_ref()))
            .map(Token::as_str),
        authorization.and_then(|of| of.card).map(|id| Blob16(id.uuid())),
        authorization.and_then(|of| of.cardholder).map(|id| Blob16(id.uuid())),
        authorization.and_then(|of| of.account).map(|id| Blob16(id.uuid())),
        authorization.map_or(recorded.and_then(|of| of.amount_minor), |of| of.amount_minor),
        authorization.map_or(recorded.and_then(|of| of.currency), |of| of.currency).map(|of| of.code()),
        authorization.and_then(|of| of.available_minor),
        merchant,
        checks,
        recorded.map(|of| of.method.as_str()),
        authorization
            .map(|of| of.kind)
            .filter(|kind| *kind != TransactionKind::Purchase)
            .map(TransactionKind::as_str),
        authorization.map(|of| of.cash_minor).filter(|minor| *minor > 0),
        details,
        previous,
        answer.code,
        answer.body
    ])?;
    Ok(())
}
