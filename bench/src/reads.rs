//! Reads of the API on a fixed schedule, however late the answers are.

use std::collections::BTreeMap;
use std::time::Duration;

use bursar_http_client::HttpClient;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http::Request;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Error;

const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long answers took, in microseconds, counted from when each request was due.
#[derive(Default)]
pub(crate) struct Taken(BTreeMap<&'static str, Histogram<u64>>);

impl Taken {
    /// This quantile, of what was read of these kinds, in milliseconds.
    pub(crate) fn quantile(&self, kinds: &[&str], quantile: f64) -> Result<f64, Error> {
        let mut sum = Histogram::<u64>::new(3)?;
        for (kind, of) in &self.0 {
            if kinds.is_empty() || kinds.contains(kind) {
                sum.add(of)?;
            }
        }
        Ok(sum.value_at_quantile(quantile) as f64 / 1000.0)
    }
}

/// Reads these in turn, so many a second. Every answer has to be right.
pub(crate) async fn run(
    (http, url, api_key): (&HttpClient, &str, &str),
    readable: &[(&'static str, String)],
    rate: u32,
    time: Duration,
) -> Result<Taken, Error> {
    let mut reads = JoinSet::new();
    let began = Instant::now();
    for index in 0..rate * u32::try_from(time.as_secs())? {
        let due = began + Duration::from_secs(1) * index / rate;
        sleep_until(due).await;
        let (kind, path) = &readable[index as usize % readable.len()];
        let request =
            Request::get(format!("{url}{path}")).header("authorization", format!("Bearer {api_key}"));
        let (request, http, kind) = (request.body(Bytes::new())?, http.clone(), *kind);
        reads.spawn(async move {
            let answer = http.send(request, ANSWER_MAX).await?;
            match answer.status.is_success() {
                true => Ok((kind, due.elapsed())),
                false => Err(format!("{kind}: {} {}", answer.status, String::from_utf8_lossy(&answer.body))),
            }
        });
    }
    let mut taken = Taken::default();
    while let Some(read) = reads.join_next().await {
        let (kind, took) = read??;
        if !taken.0.contains_key(kind) {
            taken.0.insert(kind, Histogram::new(3)?);
        }
        if let Some(of) = taken.0.get_mut(kind) {
            of.record(u64::try_from(took.as_micros())?)?;
        }
    }
    Ok(taken)
}
