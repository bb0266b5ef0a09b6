//! The open loop: every request has its time from the start, and a slow server changes none.

mod book;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::action::perform;
use crate::client::Client;
use crate::clock::Clock;
use crate::history::{Delivery, History, Outcome, Told};
use crate::listing::swept;
use crate::notice;
use crate::plan::Plan;
use crate::progress::{ASKED, Progress, REPEATS};
use crate::records::Records;
use crate::settings::Settings;
use crate::world::World;
use book::{ActionJob, Book, Job, NoticesJob, SwipeJob};

/// Beyond so many unanswered requests, steps are left out and counted as skipped.
pub const IN_FLIGHT_MAX: usize = 2_048;

/// How long a replay waits for a server that does not answer, before it tries again.
const REPLAY_PAUSE: Duration = Duration::from_millis(500);

/// How long the end waits for the next question.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// How many notices a replay has.
const REPLAYED_MAX: usize = 10;

/// How often an action is repeated while its outcome is unknown: during the run, and after it.
const TRIES: u32 = 3;
const TRIES_AFTER: u32 = 20;

/// What became of a job.
enum Done {
    Swipe(SwipeJob, Delivery, Duration),
    Action(usize, Outcome),
    Notices(Vec<usize>, Told),
}

/// Swipes as planned until `stop` is ready or the time is over, waits for what is under way, and
/// gives back everything that was done and answered.
pub async fn run(
    client: &Client,
    world: World,
    settings: &Settings,
    records: Option<Arc<Records>>,
    progress: &Progress,
    stop: impl Future<Output = ()>,
) -> History {
    let mut plan = Plan::new(settings.seed, world.layout.clone()).with_habits(settings.habits);
    let clock = Clock::starting(Timestamp::now());
    let mut book = Book::new(world, settings.has_lives).with_records(records.clone());
    let mut jobs = JoinSet::new();
    let mut stop = pin!(stop);
    client.connect(connections(settings.rate_per_second)).await;
    let start = Instant::now();
    progress.begin();
    for index in 0_u64.. {
        let since_start = due(index, settings.rate_per_second);
        if settings.duration.is_some_and(|duration| since_start >= duration) {
            break;
        }
        let due = start + since_start;
        if !wait(due, &mut jobs, &mut book, progress, stop.as_mut()).await {
            break;
        }
        let Some(step) = plan.next() else { break };
        if jobs.len() >= IN_FLIGHT_MAX {
            progress.skipped();
            book.skip(&step);
            continue;
        }
        for job in book.jobs(&step, clock.at(index)) {
            progress.sent(&job.counted());
            jobs.spawn(send(client.clone(), job, due));
        }
    }
    while let Some(done) = jobs.join_next().await {
        finish(done, &mut book, progress);
    }
    progress.end();
    book.end(clock.at(book.steps()));
    let mut history = book.into_history();
    resolve(client, &mut history).await;
    replay(client, &mut history, progress).await;
    if let Some(records) = records {
        be_asked(client, &mut history, &records, progress).await;
    }
    history
}

/// How many connections there are before the first swipe: enough for answers that take a tenth of a second. A processor
/// has had its own for long, and a handshake of TLS costs more than a swipe.
fn connections(rate_per_second: u32) -> usize {
    (rate_per_second / 10).clamp(1, 200) as usize
}

/// When the step is due, after the start.
fn due(index: u64, rate_per_second: u32) -> Duration {
    let rate = u64::from(rate_per_second.max(1));
    let part_ns = index % rate * 1_000_000_000 / rate;
    Duration::from_secs(index / rate) + Duration::from_nanos(part_ns)
}

/// Takes in what gets done until the time comes; `false` if the run is stopped before.
async fn wait(
    due: Instant,
    jobs: &mut JoinSet<Done>,
    book: &mut Book,
    progress: &Progress,
    mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> bool {
    loop {
        tokio::select! {
            () = stop.as_mut() => return false,
            () = sleep_until(due) => return true,
            Some(done) = jobs.join_next() => finish(done, book, progress),
        }
    }
}

async fn send(client: Client, job: Job, due: Instant) -> Done {
    match job {
        Job::Swipe(job) => {
            let delivery = match client.swipe(Bytes::clone(&job.body)).await {
                Ok((status, body)) => job.request.read_answer(status, &body),
                Err(_) => Delivery::Unknown,
            };
            Done::Swipe(job, delivery, due.elapsed())
        }
        Job::Notices(NoticesJob { places, body, .. }) => {
            Done::Notices(places, client.webhook(Bytes::clone(&body)).await)
        }
        Job::Action(ActionJob { place, action }) => {
            Done::Action(place, perform(&client, &action, TRIES).await)
        }
    }
}

fn finish(done: Result<Done, tokio::task::JoinError>, book: &mut Book, progress: &Progress) {
    match done {
        Ok(Done::Swipe(job, delivery, latency)) => {
            progress.delivered(&delivery, job.is_first(), latency);
            book.delivered(job, delivery);
        }
        Ok(Done::Action(place, outcome)) => book.performed(place, outcome),
        Ok(Done::Notices(places, told)) => book.told(&places, &told),
        // Its record stays without an answer, as if the connection had broken.
        Err(error) => tracing::error!(%error, "a request of the simulator failed"),
    }
}

/// An action whose outcome is not known is performed again: under its key it has one effect.
async fn resolve(client: &Client, history: &mut History) {
    for action in &mut history.actions {
        if matches!(action.outcome, Outcome::Unresolved(_)) {
            action.outcome = perform(client, action, TRIES_AFTER).await;
            if matches!(action.outcome, Outcome::Unresolved(_)) {
                // The server is gone: the others would only wait as long, one after another.
                break;
            }
        }
    }
}

/// Every notice that is not acknowledged is sent until it is: what waited, what was lost, what was not
/// answered. Each is stored once, however often it comes.
async fn replay(client: &Client, history: &mut History, progress: &Progress) {
    let is_open = |place: &usize| {
        let notice = &history.notices[*place];
        notice.told == Told::Unknown && !notice.is_silent
    };
    let open: Vec<usize> = (0..history.notices.len()).filter(is_open).collect();
    for places in open.chunks(REPLAYED_MAX) {
        let words = places.iter().map(|place| match &history.notices[*place] {
            notice if notice.sent == 0 => notice.word(),
            _ => REPEATS,
        });
        progress.sent(&words.collect::<Vec<_>>());
        let told = replay_some(client, history, places).await;
        let is_gone = told == Told::Unknown;
        for place in places {
            history.notices[*place].told = told.clone();
        }
        if is_gone {
            // The server is gone: the others would only wait as long, one after another.
            break;
        }
    }
}

async fn replay_some(client: &Client, history: &History, places: &[usize]) -> Told {
    let body = match notice::body(places.iter().map(|place| &history.notices[*place])) {
        Ok(body) => Bytes::from(body),
        Err(error) => return Told::Refused(error.to_string()),
    };
    let mut told = Told::Unknown;
    for _ in 0..TRIES_AFTER {
        told = client.webhook(Bytes::clone(&body)).await;
        if told != Told::Unknown {
            break;
        }
        tokio::time::sleep(REPLAY_PAUSE).await;
    }
    told
}

/// Waits until the server has asked about all that it was not told, and has booked it; no longer than that goes on.
async fn be_asked(client: &Client, history: &mut History, records: &Records, progress: &Progress) {
    let silent: Vec<usize> =
        (0..history.notices.len()).filter(|place| history.notices[*place].is_silent).collect();
    if silent.is_empty() {
        return;
    }
    let has_told = |place: &&usize| records.has_told(&history.notices[**place].token);
    let (mut told, mut last) = (0, Instant::now());
    while told < silent.len() && last.elapsed() < ASKED_MAX {
        tokio::time::sleep(REPLAY_PAUSE).await;
        let now = silent.iter().filter(has_told).count();
        if now > told {
            (told, last) = (now, Instant::now());
        }
    }
    for place in silent.iter().filter(has_told).copied().collect::<Vec<_>>() {
        let notice = &mut history.notices[place];
        progress.sent(&[notice.word(), ASKED]);
        notice.told = Told::Acknowledged;
    }
    swept(client).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_even_and_does_not_drift() {
        assert_eq!(due(0, 50), Duration::ZERO);
        assert_eq!(due(1, 50), Duration::from_millis(20));
        assert_eq!(due(50, 50), Duration::from_secs(1));
        assert_eq!(due(3 * 86_400 * 7, 7), Duration::from_secs(3 * 86_400));
        let times: Vec<Duration> = (0..1_000).map(|index| due(index, 333)).collect();
        assert!(times.is_sorted());
    }
}
