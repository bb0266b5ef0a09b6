//! The topology, as RabbitMQ's own tool reads it back.

use std::collections::BTreeSet;

use bursar_broker::contract::Place;
use bursar_testkit::RabbitServer;
use serde_json::{Value, json};

/// The rows as texts of their values.
fn rows(listed: &Value, columns: &[&str]) -> BTreeSet<String> {
    let row =
        |row: &Value| columns.iter().map(|column| row[column].to_string()).collect::<Vec<_>>().join(" ");
    listed.as_array().expect("rows").iter().map(row).map(|row| row.replace('"', "")).collect()
}

#[tokio::test]
async fn exchanges_queues_and_bindings_are_those_of_the_document() {
    let server = RabbitServer::new();
    let place = server.place().await;
    let _broker = place.open().await;

    let exchanges = rows(
        &server.list(&place, &["list_exchanges", "name", "type", "durable"]),
        &["name", "type", "durable"],
    );
    for exchange in ["transactions topic true", "events topic true", "unrouted fanout true"] {
        assert!(exchanges.contains(exchange), "{exchange}: {exchanges:?}");
    }

    let listed = server.list(&place, &["list_queues", "name", "type", "durable", "arguments"]);
    let queues = rows(&listed, &["name", "type", "durable"]);
    for queue in [
        "jit-funding-queue",
        "jit-funding-response-queue",
        "transaction-processing-queue",
        "webhook-queue",
        "events-queue",
        "jit-funding-dlq",
        "unrouted-queue",
        "webhook-queue.retry-20ms",
        "webhook-queue.retry-40ms",
        "webhook-queue.retry-60ms",
    ] {
        assert!(queues.contains(&format!("{queue} quorum true")), "{queue}: {queues:?}");
    }
    for (queue, key) in [
        ("jit-funding-queue", "jit-funding.failed"),
        ("transaction-processing-queue", "transaction.failed"),
        ("webhook-queue", "webhook.failed"),
        ("events-queue", "event.failed"),
    ] {
        let of = listed.as_array().expect("rows").iter().find(|of| of["name"] == queue).expect(queue);
        let arguments = of["arguments"].to_string();
        for argument in [json!("transactions"), json!(key), json!("at-least-once"), json!("reject-publish")] {
            assert!(arguments.contains(&argument.to_string()), "{queue} {argument}: {arguments}");
        }
    }

    let waits = listed
        .as_array()
        .expect("rows")
        .iter()
        .filter(|of| of["arguments"].to_string().contains("x-message-ttl"));
    let mut pauses: Vec<(String, bool)> = waits
        .map(|of| {
            let (name, arguments) = (of["name"].as_str().unwrap_or_default(), of["arguments"].to_string());
            let pause = name
                .rsplit_once("retry-")
                .and_then(|(_, pause)| pause.strip_suffix("ms"))
                .unwrap_or_default();
            (pause.to_owned(), arguments.contains(pause))
        })
        .collect();
    pauses.sort_unstable();
    pauses.dedup();
    assert_eq!(pauses, ["20", "40", "60"].map(|pause| (pause.to_owned(), true)));

    let columns = ["source_name", "routing_key", "destination_kind", "destination_name"];
    let bindings = rows(&server.list(&place, &[&["list_bindings"], &columns[..]].concat()), &columns);
    for binding in [
        "transactions jit-funding.created queue jit-funding-queue",
        "transactions jit-funding.decided queue jit-funding-response-queue",
        "transactions transaction.created queue transaction-processing-queue",
        "transactions transaction.created exchange events",
        "transactions transaction.webhook queue webhook-queue",
        "transactions *.failed queue jit-funding-dlq",
        "events # queue events-queue",
        "unrouted # queue unrouted-queue",
    ] {
        assert!(bindings.contains(binding), "{binding}: {bindings:?}");
    }
}
