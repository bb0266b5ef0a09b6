//! Has the log say when messages heap up, and forgets dead letters that were seen to long ago.

use std::collections::HashSet;
use std::time::Duration;

use bursar_broker::{Queue, QueueFigures};
use jiff::Timestamp;
use tokio::sync::watch;

use super::task::{Task, pause};
use crate::app::App;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// More than so many messages in a queue are too many; of dead letters, which are taken away at once, any.
const DEPTH_MAX: u64 = 1_000;

/// Old letters that are forgotten at each look, at most.
const FORGETS: u32 = 1_000;

/// Begins to watch.
pub(crate) fn start(app: &App) -> Task {
    let app = app.clone();
    Task::keep("the watch over the queues", move |stopping| watch_over(app.clone(), stopping))
}

async fn watch_over(app: App, mut stopping: watch::Receiver<bool>) {
    let mut watch = Watch::default();
    while !pause(&mut stopping, INTERVAL).await {
        forget_letters(&app).await;
        // A broker that is away is told of by who needs it.
        if let Ok(figures) = app.looks().queues(app.broker().as_ref()).await.value {
            figures.iter().filter_map(|figures| watch.look(figures)).for_each(Change::tell);
        }
    }
}

/// Letters that were replayed or discarded are kept as long as events are that were published.
async fn forget_letters(app: &App) {
    let before = Timestamp::now().saturating_sub(app.settings().relay.kept).unwrap_or(Timestamp::MIN);
    if let Err(error) = app.store().forget_dead_letters(before, FORGETS).await {
        tracing::warn!("dead letters that are old enough are not forgotten: {error}");
    }
}

/// Which queues are known to be too full.
#[derive(Default)]
struct Watch(HashSet<Queue>);

/// What is worth a line.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Full(Queue, u64),
    Drained(Queue),
}

impl Watch {
    /// What has changed: one line when it begins, and one when it ends.
    fn look(&mut self, figures: &QueueFigures) -> Option<Change> {
        let &QueueFigures { queue, depth, .. } = figures;
        let is_full = match queue {
            // Nobody has to read them.
            Queue::JitFundingResponse | Queue::Unrouted => false,
            Queue::DeadLetters => depth > 0,
            _ => depth > DEPTH_MAX,
        };
        match is_full {
            true => self.0.insert(queue).then_some(Change::Full(queue, depth)),
            false => self.0.remove(&queue).then_some(Change::Drained(queue)),
        }
    }
}

impl Change {
    fn tell(self) {
        match self {
            Self::Full(queue @ Queue::DeadLetters, depth) => {
                tracing::error!(
                    queue.depth = depth,
                    "{depth} dead letters wait in {queue} until a worker has taken them"
                );
            }
            Self::Full(queue, depth) => {
                tracing::warn!(
                    queue.depth = depth,
                    "{depth} messages wait in {queue}: more than {DEPTH_MAX}"
                );
            }
            Self::Drained(queue) => tracing::info!("{queue} is no longer too full"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(queue: Queue, depth: u64) -> QueueFigures {
        QueueFigures { queue, depth, paused: 0, consumers: 1, unsettled: 0 }
    }

    #[test]
    fn more_than_a_thousand_are_told_of_once_and_so_is_their_end() {
        let mut watch = Watch::default();
        let mut look = |depth| watch.look(&of(Queue::Events, depth));
        assert_eq!(look(1_000), None);
        assert_eq!(look(1_001), Some(Change::Full(Queue::Events, 1_001)));
        assert_eq!(look(5_000), None);
        assert_eq!(look(1_000), Some(Change::Drained(Queue::Events)));
        assert_eq!(look(0), None);
    }

    #[test]
    fn any_dead_letter_is_told_of_and_what_nobody_has_to_read_is_not() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(&of(Queue::DeadLetters, 1)), Some(Change::Full(Queue::DeadLetters, 1)));
        assert_eq!(watch.look(&of(Queue::Unrouted, 9_999)), None);
        assert_eq!(watch.look(&of(Queue::JitFundingResponse, 9_999)), None);
    }
}
