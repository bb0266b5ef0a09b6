//! Reads stored answers back: what each door said that it approved.

use bursar_core::message::Source;
use bursar_core::{Answer, Currency, Message, Money};
use bursar_processors::marqeta;
use serde::Deserialize;

/// The amount that a stored answer approves, in minor units; `None` if it approves nothing. For
/// the check of the books, which compares it with what is held (D4).
#[must_use]
pub fn approved_minor(message: &Message, answer: &Answer) -> Option<i64> {
    let currency = message.authorization.as_ref()?.currency?;
    match message.key.source {
        Source::MarqetaJit => marqeta::approved_minor(answer, currency),
        Source::Api => of_the_api(answer, currency),
        // They approve nothing: they tell what was approved, what became of cards, and that a hold has ended.
        Source::MarqetaReport | Source::MarqetaEvent | Source::Sweeper => None,
    }
}

fn of_the_api(answer: &Answer, currency: Currency) -> Option<i64> {
    #[derive(Deserialize)]
    struct View {
        approved_amount: Option<String>,
    }
    let view: View = serde_json::from_slice(&answer.body).ok()?;
    Money::parse(&view.approved_amount?, currency).ok().map(|money| money.minor)
}
