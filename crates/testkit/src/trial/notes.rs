//! What a client remembers of one message.

use bursar_core::{Answer, MessageId};
use bursar_store::contract::given::{self, Call};

use super::{Known, Told};

/// When something happened: ticks count up over all clients.
pub(super) type Tick = u64;

/// A message, and what became of each of its deliveries.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) call: Call,
    pub(super) about: About,
    /// Before it was delivered first.
    pub(super) began: Tick,
    /// With the tick after each.
    pub(super) deliveries: Vec<(Known, Tick)>,
    /// It had been approved, and a read that began later did not show it.
    pub(super) is_unseen: bool,
}

/// What a message asks for. Accounts by their place in the world, amounts in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Swipe {
        account: usize,
        minor: i64,
    },
    Release {
        account: usize,
        of: MessageId,
    },
    Load {
        account: usize,
        minor: i64,
    },
    /// The watched card is suspended, or activated.
    Watch {
        suspends: bool,
    },
}

impl Note {
    pub(super) const fn new(call: Call, about: About, began: Tick) -> Self {
        Self { call, about, began, deliveries: Vec::new(), is_unseen: false }
    }

    /// The message's own name.
    pub(super) fn token(&self) -> &str {
        self.call.key().token.as_str()
    }

    pub(super) fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.deliveries.iter().filter_map(|(known, _)| match known {
            Known::Answered(answer) => Some(answer),
            _ => None,
        })
    }

    /// The first answer, and when it was there.
    pub(super) fn answered(&self) -> Option<(&Answer, Tick)> {
        self.deliveries.iter().find_map(|(known, at)| match known {
            Known::Answered(answer) => Some((answer, *at)),
            _ => None,
        })
    }

    /// Whether it surely has no effect.
    pub(super) fn has_failed(&self) -> bool {
        self.deliveries.iter().all(|(known, _)| matches!(known, Known::Failed(_)))
    }

    /// Whether it was granted.
    pub(super) fn is_approved(&self) -> bool {
        self.answers().next().is_some_and(|answer| answer.code == 200)
    }

    /// The id that it was approved under.
    pub(super) fn approved(&self) -> Option<MessageId> {
        let answer = self.answers().next().filter(|answer| answer.code == 200)?;
        given::answered_id(answer)
    }
}

impl Told {
    pub(super) fn by(notes: &[Note]) -> Self {
        let mut told = Self::default();
        for note in notes {
            let count = match note.answered() {
                Some((answer, _)) if answer.code == 200 => &mut told.approved,
                Some(_) => &mut told.declined,
                None if note.has_failed() => &mut told.failed,
                None => &mut told.unknown,
            };
            *count += 1;
        }
        told
    }
}
