//! What was answered against what the server shows: of each token, without any state.

use bursar_core::Money;

use super::{Differences, Pair};
use crate::history::{Answer, Delivery, History, Swipe};
use crate::listing::Authorization;

pub(super) fn check(history: &History, pair: &Pair<'_>, differences: &mut Differences) {
    let Pair { swipe, listed } = *pair;
    let mut answers: Vec<&Answer> = Vec::new();
    for delivery in &swipe.deliveries {
        match delivery {
            Delivery::Answered(answer) => answers.push(answer),
            Delivery::Unusable(why) => differences.add(format!("{}: answered {why}", swipe.token)),
            Delivery::Unknown => {}
        }
    }
    if answers.iter().any(|answer| answer.digest != answers[0].digest) {
        differences.add(format!("{}: a repeat was answered with other bytes", swipe.token));
    }
    if let Some(answer) = answers.first() {
        answered(swipe, answer, listed, differences);
    }
    for delivery in &swipe.conflicts {
        conflict(swipe, delivery, differences);
    }
    if let Some(listed) = listed {
        content(swipe, listed, differences);
        ownership(history, swipe, listed, differences);
    }
}

/// The answer says what the stored decision says.
fn answered(swipe: &Swipe, answer: &Answer, listed: Option<&Authorization>, differences: &mut Differences) {
    let token = &swipe.token;
    let about = |what: &str| format!("{token}: the answer's {what}");
    let Some(listed) = listed else {
        let status = answer.status;
        differences.add(format!("{token}: answered {status}, but the server shows no decision"));
        return;
    };
    differences.compare(|| about("decision id"), answer.decision, Some(listed.id));
    let expected = if listed.status == "approved" { 200 } else { 402 };
    differences.compare(|| about("status"), answer.status, expected);
    // What is approved is what is answered; a decline repeats what was asked.
    let amount = match answer.status {
        200 => listed.approved_amount.as_deref(),
        _ => listed.amount.as_deref(),
    };
    if let Some(amount) = amount {
        let minor = |text: &str| Money::parse(text, swipe.currency).map(|amount| amount.minor);
        differences.compare(|| about("amount"), minor(&answer.amount), minor(amount));
    }
    let word = answer.decline_reason.as_deref();
    let words = listed.decline_reason.as_deref().map_or(&[][..], processor_words);
    let is_told = match word {
        None => listed.decline_reason.is_none(),
        Some(word) => words.contains(&word),
    };
    if !is_told {
        let reason = &listed.decline_reason;
        differences.add(format!("{token}: the answer's reason is {word:?}, the server shows {reason:?}"));
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
        differences.add(format!("{token}: another amount under the same token was answered {delivery:?}"));
    }
}

/// The stored decision is about what was sent.
fn content(swipe: &Swipe, listed: &Authorization, differences: &mut Differences) {
    let token = &swipe.token;
    let about = |what: &str| format!("{token}: the listed {what}");
    let kind = if swipe.follows.is_some() { "increment" } else { "authorization" };
    differences.compare(|| about("kind"), listed.kind.as_str(), kind);
    let transaction = if swipe.follows.is_some() { "purchase" } else { swipe.ask.transaction() };
    differences.compare(|| about("transaction"), listed.transaction.as_str(), transaction);
    differences.compare(|| about("card"), listed.card_token.as_str(), &*swipe.card_token);
    let amount = listed.amount.as_deref();
    let amount_minor = amount.map(|amount| Money::parse(amount, swipe.currency).map(|amount| amount.minor));
    differences.compare(|| about("amount"), amount_minor, swipe.amount_minor.map(Ok));
    differences.compare(|| about("currency"), listed.currency.as_deref(), Some(swipe.currency.code()));
}

/// A decision belongs to the owner of its card, and to nobody if the card is unknown.
fn ownership(history: &History, swipe: &Swipe, listed: &Authorization, differences: &mut Differences) {
    let token = &swipe.token;
    let card = history.cards.iter().find(|card| card.token == swipe.card_token);
    let about = |what: &str| format!("{token}: the listed {what}");
    differences.compare(|| about("owner"), listed.owner, card.map(|card| card.owner));
    differences.compare(|| about("account"), listed.account, card.map(|card| card.account));
    if card.is_some() {
        return;
    }
    let decision = (listed.status.as_str(), listed.decline_reason.as_deref());
    let expected = ("declined", Some("card_unknown"));
    differences.compare(|| about("decision"), decision, expected);
    differences.compare(|| about("owner's sequence"), listed.owner_sequence, None);
    differences.compare(|| about("available amount"), listed.available_after.as_deref(), None);
}
