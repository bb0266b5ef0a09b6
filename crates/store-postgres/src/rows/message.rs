//! Messages with their answers.

use std::borrow::Cow;

use bursar_core::hold_group::{Effect, GroupMessage};
use bursar_core::message::{ActionKind, Authorization, Membership, Recorded, Source, TransactionKind};
use bursar_core::{
    AccountId, Answer, CardId, CardholderId, DeclineReason, Message, MessageId, MessageKey, OwnerId,
};
use bursar_store::columns::checks;
use tokio_postgres::Row;

use super::{Damage, Read, currency, get, id, id_opt, token, word, word_opt};

pub(crate) const COLUMNS: &str = "id, token, source, scope, state, fingerprint, kind, owner, owner_sequence, at, \
                                  declined, root, processor_time, effect, effect_minor, card_token, card, \
                                  cardholder, account, amount_minor, currency, available_minor, merchant, checks, method, \
                                  transaction_kind, cash_minor, details";

/// How many columns a message has before its answer.
pub(crate) const WIDTH: usize = 28;

pub(crate) fn read(row: &Row) -> Read<Message> {
    Ok(Message {
        id: id(row, 0, MessageId::new)?,
        key: read_key(row, 1)?,
        fingerprint: read_fingerprint(row, 5)?,
        kind: word(row, 6, ActionKind::from_word)?,
        owner: id_opt(row, 7, OwnerId::new)?,
        owner_sequence: get(row, 8)?,
        at: get(row, 9)?,
        declined: word_opt(row, 10, DeclineReason::from_word)?,
        group: read_membership(row)?,
        authorization: read_authorization(row)?,
        recorded: read_recorded(row)?,
    })
}

/// The key, from the four columns that begin at `column`.
pub(crate) fn read_key(row: &Row, column: usize) -> Read<MessageKey> {
    Ok(MessageKey {
        token: word(row, column, token)?,
        source: word(row, column + 1, Source::from_word)?,
        scope: get(row, column + 2)?,
        state: Cow::Owned(get(row, column + 3)?),
    })
}

pub(crate) fn read_fingerprint(row: &Row, column: usize) -> Read<[u8; 16]> {
    let bytes: &[u8] = get(row, column)?;
    bytes.try_into().map_err(|_| Damage(format!("a fingerprint has 16 bytes, not {}", bytes.len())))
}

fn read_membership(row: &Row) -> Read<Option<Membership>> {
    let Some(root) = id_opt(row, 11, MessageId::new)? else {
        return Ok(None);
    };
    Ok(Some(Membership { root, processor_time: get(row, 12)?, effect: read_effect(row, 13)? }))
}

/// The effect, from its word and the amount in the column after it.
fn read_effect(row: &Row, column: usize) -> Read<Effect> {
    let (word, minor): (&str, Option<i64>) = (get(row, column)?, get(row, column + 1)?);
    Effect::from_parts(word, minor).ok_or_else(|| Damage(format!("{word:?} with {minor:?} is no effect")))
}

fn read_authorization(row: &Row) -> Read<Option<Authorization>> {
    let (Some(card_token), None) = (word_opt(row, 15, token)?, get::<Option<&str>>(row, 24)?) else {
        return Ok(None);
    };
    Ok(Some(Authorization {
        kind: read_kind(row, 25)?,
        card_token,
        card: id_opt(row, 16, CardId::new)?,
        cardholder: id_opt(row, 17, CardholderId::new)?,
        account: id_opt(row, 18, AccountId::new)?,
        amount_minor: get(row, 19)?,
        cash_minor: get::<Option<i64>>(row, 26)?.unwrap_or(0),
        currency: word_opt(row, 20, currency)?,
        available_minor: get(row, 21)?,
        merchant: serde_json::from_str(get(row, 22)?)?,
        details: get::<Option<&str>>(row, 27)?.map(serde_json::from_str).transpose()?,
        checks: word(row, 23, checks::read)?,
    }))
}

fn read_kind(row: &Row, column: usize) -> Read<TransactionKind> {
    Ok(word_opt(row, column, TransactionKind::from_word)?.unwrap_or(TransactionKind::Purchase))
}

/// Only a message that was kept without effect has its method in a column of its own.
fn read_recorded(row: &Row) -> Read<Option<Recorded>> {
    let Some(method) = word_opt(row, 24, token)? else {
        return Ok(None);
    };
    Ok(Some(Recorded {
        method,
        card_token: word_opt(row, 15, token)?,
        amount_minor: get(row, 19)?,
        currency: word_opt(row, 20, currency)?,
    }))
}

/// The answer, from the two columns that begin at `column`.
pub(crate) fn read_answer(row: &Row, column: usize) -> Read<Answer> {
    let code: i32 = get(row, column)?;
    let code = u16::try_from(code).map_err(|_| Damage(format!("{code} is no status")))?;
    Ok(Answer { code, body: get(row, column + 1)? })
}

/// What [`read_group_message`] reads, of a table called `member`.
pub(crate) const GROUP_COLUMNS: &str = "member.id, member.processor_time, member.effect, member.effect_minor, \
                                        member.at, member.transaction_kind, member.cash_minor, \
                                        member.token, member.source, member.scope, member.state";

/// What a message says about its group, from the columns that begin at `column`.
pub(crate) fn read_group_message(row: &Row, column: usize) -> Read<GroupMessage> {
    Ok(GroupMessage {
        id: id(row, column, MessageId::new)?,
        key: read_key(row, column + 7)?,
        processor_time: get(row, column + 1)?,
        effect: read_effect(row, column + 2)?,
        at: get(row, column + 4)?,
        kind: read_kind(row, column + 5)?,
        cash_minor: get::<Option<i64>>(row, column + 6)?.unwrap_or(0),
    })
}
