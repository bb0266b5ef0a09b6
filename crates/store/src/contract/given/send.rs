//! Commands on their way to the ledger, and what came back.

use bursar_core::{Answer, Decided, DeclineReason, Encode, Message, MessageId, Outcome};

use super::Call;
use crate::ledger::{Batch, Ledger, Settled};

/// The plainest dialect: a code, how many minor units are approved or why none, and the message's id.
pub struct JsonAnswer;

impl Encode for JsonAnswer {
    fn encode(&self, decided: &Decided) -> Answer {
        let id = decided.message.id;
        let approved_minor = decided.message.group.as_ref().map_or(0, |group| group.effect.approved_minor());
        let (code, body) = match decided.declined() {
            None => (200, format!(r#"{{"id":"{id}","approved":{approved_minor}}}"#)),
            Some(reason) => (402, format!(r#"{{"id":"{id}","declined":"{reason}"}}"#)),
        };
        Answer { code, body: body.into_bytes() }
    }
}

/// What an answer in the plainest dialect approves.
#[must_use]
pub fn approved_minor(_: &Message, answer: &Answer) -> Option<i64> {
    approved_in(answer)
}

/// The same without its message.
#[must_use]
pub fn approved_in(answer: &Answer) -> Option<i64> {
    body_of(answer)?["approved"].as_i64()
}

/// The id of the message that an answer in the plainest dialect is about.
#[must_use]
pub fn answered_id(answer: &Answer) -> Option<MessageId> {
    body_of(answer)?["id"].as_str()?.parse().ok()
}

fn body_of(answer: &Answer) -> Option<serde_json::Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// What would be sent to the caller.
    pub answer: Answer,
    /// The decision; `None` if the message was answered before.
    pub decided: Option<Decided>,
}

impl Sent {
    /// The answer in what became of a command.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn of(settled: Settled) -> Self {
        match settled {
            Settled::Done(Outcome::Decided(decided, answer)) => Self { answer, decided: Some(*decided) },
            Settled::Done(Outcome::Repeated(answer)) => Self { answer, decided: None },
            other => panic!("no answer: {other:?}"),
        }
    }

    /// Whether the message was answered before.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.decided.is_none()
    }

    /// Whether it was decided now, and granted.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.declined().is_none())
    }

    /// Why it was declined, if it was.
    ///
    /// # Panics
    /// It was not decided now.
    #[must_use]
    pub fn declined(&self) -> Option<DeclineReason> {
        self.decided.as_ref().expect("decided now").declined()
    }

    /// The decided message.
    ///
    /// # Panics
    /// It was not decided now.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.decided.as_ref().expect("decided now").message.id
    }
}

/// Sends the calls in one transaction.
///
/// # Panics
/// The ledger cannot run it.
pub async fn batch(ledger: &dyn Ledger, calls: &[Call]) -> Vec<Settled> {
    let batch = Batch { members: calls.iter().map(Call::member).collect(), ..Batch::default() };
    let transacted = ledger.transact(batch).await.expect("a ledger that works");
    assert_eq!(transacted.settled.len(), calls.len());
    transacted.settled
}

/// Sends one call, whatever becomes of it.
///
/// # Panics
/// The ledger cannot run the transaction.
pub async fn settled(ledger: &dyn Ledger, call: &Call) -> Settled {
    let mut settled = batch(ledger, std::slice::from_ref(call)).await;
    settled.remove(0)
}

/// Sends one call and gets its answer.
///
/// # Panics
/// It is not answered.
pub async fn sent(ledger: &dyn Ledger, call: &Call) -> Sent {
    Sent::of(settled(ledger, call).await)
}

/// Sends one call whose key was used for other content.
///
/// # Panics
/// It is no conflict.
pub async fn conflicting(ledger: &dyn Ledger, call: &Call) {
    let settled = settled(ledger, call).await;
    assert!(matches!(settled, Settled::Done(Outcome::Conflict)), "{settled:?}");
}
