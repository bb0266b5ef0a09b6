//! What was answered against what the server shows: of each token, without any state.

use bursar_core::Money;

use super::{Differences, Kind, Pair};
use crate::history::{Answer, Delivery, History, Notice, Says, Swipe, Tick};
use crate::listing::Authorization;

pub(super) fn check(history: &History, pair: &Pair<'_>, differences: &mut Differences) {
    let Pair { swipe, listed } = *pair;
    let mut answers: Vec<&Answer> = Vec::new();
    for delivery in &swipe.deliveries {
        match delivery {
            Delivery::Answered(answer) => answers.push(answer),
            Delivery::Unusable(why) => {
                differences.add(Kind::NoDecision, format!("{}: answered {why}", swipe.token));
            }
            Delivery::Unknown => {}
        }
    }
    if let Some(answer) = answers.first() {
        repeats(swipe, &answers, differences);
        // Of a swipe that was refused before it came there is no decision.
        if !(listed.is_none() && is_duplicate(answer) && was_refused_before(history, swipe)) {
            answered(swipe, answer, listed, differences);
        }
    }
    for delivery in &swipe.conflicts {
        conflict(swipe, delivery, differences);
    }
    if let Some(listed) = listed {
        content(swipe, listed, differences);
        ownership(history, swipe, listed, differences);
    }
}

fn is_duplicate(answer: &Answer) -> bool {
    let is_told = answer.decline_reason.as_deref() == Some("DUPLICATE_TRANSACTION");
    answer.status == 402 && answer.decision.is_none() && is_told
}

/// Whether a notice that nothing became of it was sent before its answer was there.
fn was_refused_before(history: &History, swipe: &Swipe) -> bool {
    let is_refusal = |notice: &&Notice| notice.says == Says::TooLate && notice.token == swipe.token;
    let refusal = history.notices.iter().find(is_refusal);
    refusal.is_some_and(|refusal| (1..=swipe.answered.unwrap_or(Tick::MAX)).contains(&refusal.sent))
}

/// Every repeat is answered by the bytes of the first answer.
fn repeats(swipe: &Swipe, answers: &[&Answer], differences: &mut Differences) {
    let Some(other) = answers.iter().find(|answer| answer.digest != answers[0].digest) else { return };
    let kind = match (answers[0].status, other.status) {
        (402, 200) => Kind::Revived,
        _ => Kind::Repeat,
    };
    differences.add(kind, format!("{}: a repeat was answered with other bytes", swipe.token));
}

/// The answer says what the stored decision says.
fn answered(swipe: &Swipe, answer: &Answer, listed: Option<&Authorization>, differences: &mut Differences) {
    let token = &swipe.token;
    let about = |what: &str| format!("{token}: the answer's {what}");
    let Some(listed) = listed else {
        let status = answer.status;
        differences
            .add(Kind::Stored, format!("{token}: answered {status}, but the server shows no decision"));
        return;
    };
    differences.compare(Kind::Stored, || about("decision id"), answer.decision, Some(listed.id));
    let expected = if listed.status == "approved" { 200 } else { 402 };
    differences.compare(Kind::Stored, || about("status"), answer.status, expected);
    // What is approved is what is answered; a decline repeats what was asked.
    let (kind, amount) = match answer.status {
        200 => (Kind::AnsweredAmount, listed.approved_amount.as_deref()),
        _ => (Kind::Stored, listed.amount.as_deref()),
    };
    if let Some(amount) = amount {
        let minor = |text: &str| Money::parse(text, swipe.currency).map(|amount| amount.minor);
        differences.compare(kind, || about("amount"), minor(&answer.amount), minor(amount));
    }
    let word = answer.decline_reason.as_deref();
    let words = listed.decline_reason.as_deref().map_or(&[][..], processor_words);
    let is_told = match word {
        None => listed.decline_reason.is_none(),
        Some(word) => words.contains(&word),
    };
    if !is_told {
        let reason = &listed.decline_reason;
        let problem = format!("{token}: the answer's reason is {word:?}, the server shows {reason:?}");
        differences.add(Kind::Stored, problem);
    }
}

/// The processor's words for each reason (processor reference 3.4).
fn processor_words(reason: &str) -> &'static [&'static str] {
    match reason {
        "card_unknown" | "card_of_another_cardholder" => &["INVALID_CARD"],
        "card_not_active" => &["CARD_NOT_ACTIVE"],
        "cardholder_not_active" => &["CARDHOLDER_NOT_ACTIVE"],
        // A suspended owner may come back, a closed one may not: the processor has a word for each.
        "owner_not_active" => &["TRANSACTION_NOT_PERMITTED", "CLOSED_ACCOUNT"],
        "currency_mismatch" | "hold_group_ended" => &["TRANSACTION_NOT_PERMITTED"],
        "invalid_amount" => &["INVALID_AMOUNT"],
        "insufficient_funds" => &["INSUFFICIENT_FUNDS"],
        "amount_limit_exceeded" => &["AMOUNT_LIMIT_EXCEEDED"],
        "count_limit_exceeded" => &["TRANSACTION_COUNT_LIMIT_EXCEEDED"],
        "merchant_not_allowed" => &["INVALID_MERCHANT"],
        "country_not_allowed" | "channel_not_allowed" | "outside_schedule" => &["TRANSACTION_NOT_PERMITTED"],
        _ => &[],
    }
}

/// Other content under a token that was answered: declined as a duplicate, whatever it asks.
fn conflict(swipe: &Swipe, delivery: &Delivery, differences: &mut Differences) {
    let reason = match delivery {
        Delivery::Unknown => return,
        Delivery::Answered(answer) if answer.status == 402 => answer.decline_reason.as_deref(),
        Delivery::Answered(_) | Delivery::Unusable(_) => None,
    };
    if reason != Some("DUPLICATE_TRANSACTION") {
        let token = &swipe.token;
        let problem = format!("{token}: another amount under the same token was answered {delivery:?}");
        differences.add(Kind::Repeat, problem);
    }
}

/// The stored decision is about what was sent.
fn content(swipe: &Swipe, listed: &Authorization, differences: &mut Differences) {
    let token = &swipe.token;
    let about = |what: &str| format!("{token}: the listed {what}");
    let kind = if swipe.follows.is_some() { "increment" } else { "authorization" };
    differences.compare(Kind::Content, || about("kind"), listed.kind.as_str(), kind);
    let transaction = if swipe.follows.is_some() { "purchase" } else { swipe.ask.transaction() };
    differences.compare(Kind::Content, || about("transaction"), listed.transaction.as_str(), transaction);
    differences.compare(Kind::Content, || about("card"), listed.card_token.as_str(), &*swipe.card_token);
    let amount = listed.amount.as_deref();
    let amount_minor = amount.map(|amount| Money::parse(amount, swipe.currency).map(|amount| amount.minor));
    differences.compare(Kind::Content, || about("amount"), amount_minor, swipe.amount_minor.map(Ok));
    differences.compare(
        Kind::Content,
        || about("currency"),
        listed.currency.as_deref(),
        Some(swipe.currency.code()),
    );
}

/// A decision belongs to the owner of its card, and to nobody if the card is unknown.
fn ownership(history: &History, swipe: &Swipe, listed: &Authorization, differences: &mut Differences) {
    let token = &swipe.token;
    let card = history.cards.iter().find(|card| card.token == swipe.card_token);
    let about = |what: &str| format!("{token}: the listed {what}");
    differences.compare(Kind::Content, || about("owner"), listed.owner, card.map(|card| card.owner));
    differences.compare(Kind::Content, || about("account"), listed.account, card.map(|card| card.account));
    if card.is_some() {
        return;
    }
    let decision = (listed.status.as_str(), listed.decline_reason.as_deref());
    let expected = ("declined", Some("card_unknown"));
    differences.compare(Kind::Decision, || about("decision"), decision, expected);
    differences.compare(Kind::Number, || about("owner's sequence"), listed.owner_sequence, None);
    differences.compare(
        Kind::Available,
        || about("available amount"),
        listed.available_after.as_deref(),
        None,
    );
}
