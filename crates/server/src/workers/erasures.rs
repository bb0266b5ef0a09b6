//! Erases persons whose day has come, and finishes erasures that somebody began and did not end.

use bursar_documents::People;
use jiff::Timestamp;

use super::task::{Task, pause};
use crate::app::App;

/// Persons that are erased before it looks whether it has to stop.
const AT_ONCE: usize = 100;

/// Begins to look now and then, as often as the sweeper does.
pub(super) fn start(app: &App) -> Task {
    let (people, interval) = (app.people().clone(), app.settings().sweeper.interval);
    Task::keep("the erasure of persons", move |mut stopping| {
        let people = people.clone();
        async move {
            loop {
                let has_more = erase(&people).await;
                let rest = if has_more { std::time::Duration::ZERO } else { interval };
                if pause(&mut stopping, rest).await {
                    return;
                }
            }
        }
    })
}

/// Whether there may be more to erase.
async fn erase(people: &People) -> bool {
    match people.erase_due(Timestamp::now(), AT_ONCE).await {
        Ok(0) => false,
        Ok(count) => {
            tracing::info!(
                "{count} persons were erased, whose day had come or whose erasure was not finished"
            );
            count == AT_ONCE
        }
        Err(error) => {
            tracing::warn!("persons that are due for erasure wait for the next look: {error}");
            false
        }
    }
}
