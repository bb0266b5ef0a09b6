//! The exchanges, the queues, and which routing keys lead where.
//!
//! RabbitMQ is told this table at every connection, the embedded broker routes by it.

use std::ops::{Index, IndexMut};

/// Where messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// Work and money: a topic exchange.
    Transactions,
    /// All that happens: a topic exchange.
    Events,
    /// What nobody is bound to: the alternate exchange of both, a fanout.
    Unrouted,
}

/// Where messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Requests to fund a swipe.
    JitFunding,
    /// What was decided of them, where the request names no other queue.
    JitFundingResponse,
    /// Events about money, for the record of transactions.
    TransactionProcessing,
    /// What processors reported.
    Webhook,
    /// Every event, for a program's own systems.
    Events,
    /// What failed too often, of every queue.
    DeadLetters,
    /// What nobody is bound to.
    Unrouted,
}

/// What leads from an exchange to a queue or another exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Where a message was published.
    pub from: Exchange,
    /// The routing keys: words between dots, `*` stands for one of them and `#` for any number.
    pub keys: &'static str,
    /// Where it goes.
    pub to: Target,
}

/// Where a binding leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Into a queue.
    Queue(Queue),
    /// On to another exchange.
    Exchange(Exchange),
}

/// Every binding.
pub const BINDINGS: &[Binding] = &[
    Binding::queue(Exchange::Transactions, "jit-funding.created", Queue::JitFunding),
    Binding::queue(Exchange::Transactions, "jit-funding.decided", Queue::JitFundingResponse),
    Binding::queue(Exchange::Transactions, "transaction.created", Queue::TransactionProcessing),
    Binding::queue(Exchange::Transactions, "transaction.webhook", Queue::Webhook),
    Binding::queue(Exchange::Transactions, "*.failed", Queue::DeadLetters),
    // What happens to money is an event like every other, and published once.
    Binding {
        from: Exchange::Transactions,
        keys: "transaction.created",
        to: Target::Exchange(Exchange::Events),
    },
    Binding::queue(Exchange::Events, "#", Queue::Events),
    Binding::queue(Exchange::Unrouted, "#", Queue::Unrouted),
];

/// How much a queue keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of it: a message that it cannot take is refused.
    All,
    /// So many; of more the oldest go, for nobody has to read them.
    Newest(u32),
}

impl Binding {
    const fn queue(from: Exchange, keys: &'static str, to: Queue) -> Self {
        Self { from, keys, to: Target::Queue(to) }
    }

    /// Whether it takes messages with this routing key.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        matches(self.keys, key)
    }
}

/// Whether a routing key is one of the pattern, as a topic exchange sees it: words between dots, `*` stands for one of
/// them and `#` for any number.
#[must_use]
pub fn matches(pattern: &str, key: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let key: Vec<&str> = key.split('.').collect();
    is_match(&pattern, &key)
}

/// As many steps as there are pairs of words: a pattern may be anybody's, and one of many `#` is no more work.
fn is_match(pattern: &[&str], key: &[&str]) -> bool {
    // Whether the first words of the pattern, so many, match the words of the key so far: of which there are none yet.
    let leading = pattern.iter().take_while(|word| **word == "#").count();
    let mut matched: Vec<bool> = (0..=pattern.len()).map(|count| count <= leading).collect();
    for word in key {
        let mut before = std::mem::replace(&mut matched[0], false);
        for (count, expected) in pattern.iter().enumerate() {
            let is_match = match *expected {
                "#" => matched[count] || matched[count + 1],
                expected => before && (expected == "*" || expected == *word),
            };
            before = std::mem::replace(&mut matched[count + 1], is_match);
        }
    }
    matched[pattern.len()]
}

/// The queues that a message comes to, each once.
#[must_use]
pub fn route(exchange: Exchange, key: &str) -> Vec<Queue> {
    let mut queues = Vec::new();
    follow(exchange, key, &mut queues);
    if queues.is_empty() && exchange != Exchange::Unrouted {
        follow(Exchange::Unrouted, key, &mut queues);
    }
    queues
}

fn follow(exchange: Exchange, key: &str, queues: &mut Vec<Queue>) {
    for binding in BINDINGS.iter().filter(|binding| binding.from == exchange && binding.takes(key)) {
        match binding.to {
            Target::Exchange(next) => follow(next, key, queues),
            Target::Queue(queue) if !queues.contains(&queue) => queues.push(queue),
            Target::Queue(_) => {}
        }
    }
}

impl Exchange {
    /// Every exchange.
    pub const ALL: [Self; 3] = [Self::Transactions, Self::Events, Self::Unrouted];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Events => "events",
            Self::Unrouted => "unrouted",
        }
    }

    /// The exchange with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exchange| exchange.name() == name)
    }
}

impl std::fmt::Display for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 7] = [
        Self::JitFunding,
        Self::JitFundingResponse,
        Self::TransactionProcessing,
        Self::Webhook,
        Self::Events,
        Self::DeadLetters,
        Self::Unrouted,
    ];

    /// Its place in [`Queue::ALL`].
    const fn index(self) -> usize {
        self as usize
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JitFunding => "jit-funding-queue",
            Self::JitFundingResponse => "jit-funding-response-queue",
            Self::TransactionProcessing => "transaction-processing-queue",
            Self::Webhook => "webhook-queue",
            Self::Events => "events-queue",
            Self::DeadLetters => "jit-funding-dlq",
            Self::Unrouted => "unrouted-queue",
        }
    }

    /// The queue with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// The routing key under which its dead letters go to [`Exchange::Transactions`]; `None` where messages end.
    #[must_use]
    pub const fn dead_key(self) -> Option<&'static str> {
        match self {
            Self::JitFunding => Some("jit-funding.failed"),
            Self::TransactionProcessing => Some("transaction.failed"),
            Self::Webhook => Some("webhook.failed"),
            Self::Events => Some("event.failed"),
            Self::JitFundingResponse | Self::DeadLetters | Self::Unrouted => None,
        }
    }

    /// How much it keeps.
    #[must_use]
    pub const fn keeps(self) -> Keep {
        match self {
            Self::JitFundingResponse => Keep::Newest(100_000),
            Self::Unrouted => Keep::Newest(10_000),
            _ => Keep::All,
        }
    }
}

impl std::fmt::Display for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One of something for each queue.
#[derive(Debug, Default)]
pub struct PerQueue<T>([T; Queue::ALL.len()]);

impl<T> Index<Queue> for PerQueue<T> {
    type Output = T;

    fn index(&self, queue: Queue) -> &T {
        &self.0[queue.index()]
    }
}

impl<T> IndexMut<Queue> for PerQueue<T> {
    fn index_mut(&mut self, queue: Queue) -> &mut T {
        &mut self.0[queue.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_as_a_topic_exchange_matches_them() {
        let binding = |keys| Binding { from: Exchange::Events, keys, to: Target::Queue(Queue::Events) };
        for (keys, key, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.b", "a.b.c", false),
            ("*.failed", "webhook.failed", true),
            ("*.failed", "failed", false),
            ("*.failed", "a.b.failed", false),
            ("#", "", true),
            ("#", "a.b.c", true),
            ("a.#", "a", true),
            ("a.#.z", "a.b.c.z", true),
            ("a.#.z", "a.b.c", false),
            ("#.#", "a", true),
            ("#.a.#", "b.a.c", true),
            ("#.a.#", "b.c", false),
            ("#.*", "", true),
            ("*.#.*", "a", false),
            ("*.#.*", "a.b", true),
            ("#.a.*.#.b", "a.a.c.b.b", true),
        ] {
            assert_eq!(binding(keys).takes(key), expected, "{keys} {key}");
        }
    }

    /// Who writes a pattern does not choose how long it takes. Tried word by word, this one takes longer than anybody
    /// waits.
    #[test]
    fn a_pattern_of_many_hashes_is_matched_all_the_same() {
        let hashes = "#.".repeat(50);
        let key = "a.".repeat(50);
        assert!(matches(&format!("{hashes}z"), &format!("{key}z")));
        assert!(!matches(&format!("{hashes}z"), &format!("{key}y")));
    }

    #[test]
    fn every_queue_has_a_place_of_its_own() {
        for (place, queue) in Queue::ALL.into_iter().enumerate() {
            assert_eq!(queue.index(), place, "{queue}");
        }
    }

    #[test]
    fn a_key_leads_to_its_queues_and_what_leads_nowhere_is_kept() {
        for (exchange, key, expected) in [
            (Exchange::Transactions, "jit-funding.created", vec![Queue::JitFunding]),
            (
                Exchange::Transactions,
                "transaction.created",
                vec![Queue::TransactionProcessing, Queue::Events],
            ),
            (Exchange::Transactions, "webhook.failed", vec![Queue::DeadLetters]),
            (Exchange::Transactions, "no.such.key", vec![Queue::Unrouted]),
            (Exchange::Events, "card.issued", vec![Queue::Events]),
        ] {
            assert_eq!(route(exchange, key), expected, "{exchange} {key}");
        }
    }

    #[test]
    fn every_dead_letter_finds_its_queue() {
        for key in Queue::ALL.into_iter().filter_map(Queue::dead_key) {
            assert_eq!(route(Exchange::Transactions, key), [Queue::DeadLetters], "{key}");
        }
    }
}
