//! The figures of relay and queues, as a drive shows them.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value;

/// Whether every event is published, and every queue that somebody consumes is empty. Others are never: nobody has to
/// read them.
pub(crate) fn is_drained(profile: &Value) -> bool {
    let is_empty = |queue: &Value| {
        queue["consumers"] == 0
            || ["depth", "paused", "unacked"].iter().all(|waiting| queue[*waiting].as_u64() == Some(0))
    };
    profile["relay"]["waiting"] == 0
        && profile["queues"].as_array().is_some_and(|queues| queues.iter().all(is_empty))
}

/// A row for the outbox, then one a queue.
pub(crate) fn describe(profile: &Value) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["events and queues", "waiting", "done", "failed", "p50", "p99"]);
    let relay = &profile["relay"];
    table.add_row(row("published", relay, ["waiting", "published", "failures"], "publish"));
    let Some(queues) = profile["queues"].as_array() else {
        let why = profile["queues_problem"].as_str().unwrap_or("nothing");
        return format!("{table}\n the broker says: {why}");
    };
    for queue in queues {
        let name = queue["queue"].as_str().unwrap_or_default();
        table.add_row(row(name, queue, ["depth", "done", "failed"], "consume"));
    }
    table.to_string()
}

/// Of what was never measured there are no times.
fn row(name: &str, of: &Value, counts: [&str; 3], latency: &str) -> [String; 6] {
    let count = |name: &str| of[name].as_u64().unwrap_or_default().to_string();
    let latency = &of[latency];
    let ms = |name: &str| match latency["count"].as_u64() {
        None | Some(0) => String::new(),
        Some(_) => format!("{:.2} ms", latency[name].as_f64().unwrap_or_default() / 1000.0),
    };
    let [waiting, done, failed] = counts.map(count);
    [name.to_owned(), waiting, done, failed, ms("p50_us"), ms("p99_us")]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(waiting: u64, depth: u64, consumers: u64) -> Value {
        let queue =
            json!({"queue": "a-queue", "depth": depth, "paused": 0, "unacked": 0, "consumers": consumers});
        json!({"relay": {"waiting": waiting}, "queues": [queue]})
    }

    #[test]
    fn what_is_published_and_consumed_is_drained() {
        assert!(is_drained(&profile(0, 0, 1)));
        assert!(is_drained(&profile(0, 7, 0)), "nobody consumes it");
        assert!(!is_drained(&profile(1, 0, 1)));
        assert!(!is_drained(&profile(0, 1, 1)));
        assert!(!is_drained(&json!({"relay": {"waiting": 0}, "queues": null})), "nobody knows");
    }
}
