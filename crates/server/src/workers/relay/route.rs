//! Which exchange and routing key an event goes to.

use bursar_broker::Exchange;
use bursar_core::message::ActionKind;

/// Where an event of this kind is published.
pub(in crate::workers) fn of(kind: &str) -> (Exchange, &'static str) {
    use ActionKind as Kind;
    let Some(kind) = Kind::from_word(kind) else {
        // A newer Bursar wrote it; nobody here knows more of it.
        return (Exchange::Events, "event.unknown");
    };
    match kind {
        Kind::Authorize
        | Kind::Increment
        | Kind::Reverse
        | Kind::Expire
        | Kind::Capture
        | Kind::Refund
        | Kind::Report
        | Kind::Claim
        | Kind::Load
        | Kind::Unload => (Exchange::Transactions, "transaction.created"),
        Kind::CreateProgram => (Exchange::Events, "program.created"),
        Kind::ChangeProgram => (Exchange::Events, "program.changed"),
        Kind::CreateOwner => (Exchange::Events, "owner.created"),
        Kind::CreateCardholder => (Exchange::Events, "user.created"),
        Kind::CreateCard => (Exchange::Events, "card.issued"),
        Kind::MoveOwner => (Exchange::Events, "owner.changed"),
        Kind::MoveCardholder => (Exchange::Events, "user.changed"),
        Kind::MoveCard => (Exchange::Events, "card.changed"),
        Kind::PutControls | Kind::ChangeControl => (Exchange::Events, "control.changed"),
        Kind::Record => (Exchange::Events, "message.recorded"),
        Kind::Close => (Exchange::Events, "discrepancy.closed"),
        // Somebody has to look at it.
        Kind::Doubt => (Exchange::Events, "hold.error"),
        Kind::Review => (Exchange::Events, "message.error"),
    }
}

#[cfg(test)]
mod tests {
    use bursar_broker::{Queue, route};

    use super::*;

    #[test]
    fn every_event_comes_to_the_events_queue_and_those_about_money_to_another_as_well() {
        for kind in ActionKind::ALL {
            let (exchange, key) = of(kind.as_str());
            let expected = match exchange {
                Exchange::Transactions => vec![Queue::TransactionProcessing, Queue::Events],
                _ => vec![Queue::Events],
            };
            assert_eq!(route(exchange, key), expected, "{}", kind.as_str());
        }
        assert_eq!(of("of_tomorrow"), (Exchange::Events, "event.unknown"));
    }
}
