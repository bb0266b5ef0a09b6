use std::time::Duration;

use bursar_broker::{Content, Exchange, Queue, publish_one};
use bursar_documents::DocumentsKey;
use bursar_server::workers::{sender, sweeper};
#[cfg(feature = "mongodb")]
use bursar_testkit::MongoPlace;
use uuid::Uuid;

use super::*;
use crate::config::tests::with;

#[test]
fn every_setting_of_the_sweeper_comes_to_it() {
    let config = with(&[
        ("sweeper.switch", "off"),
        ("sweeper.interval_s", "7"),
        ("sweeper.slice", "33"),
        ("sweeper.unconfirmed_after_s", "9"),
    ]);
    let expected = sweeper::Settings {
        is_on: false,
        interval: Duration::from_secs(7),
        slice: 33,
        unconfirmed_after: Duration::from_secs(9),
    };
    assert_eq!(settings::http(&config).sweeper, expected);
}

#[test]
fn every_setting_of_events_and_webhooks_comes_to_who_works_by_it() {
    let config = with(&[
        ("events.kept_days", "2"),
        ("events.rest_above", "5"),
        ("webhooks.timeout_ms", "1300"),
        ("webhooks.private_networks", "allowed"),
        ("webhooks.kept_days", "3"),
    ]);
    let day = Duration::from_secs(24 * 3600);
    let settings = settings::http(&config);
    assert_eq!((settings.relay.kept, settings::lanes(&config).many), (2 * day, 5));
    let sender =
        sender::Settings { timeout: Duration::from_millis(1300), allow_private: true, kept: 3 * day };
    assert_eq!(settings.sender, sender);
}

#[test]
fn the_limits_of_the_api_and_of_a_stop_come_to_the_server() {
    let config = with(&[("server.api_rate_max", "7"), ("server.drain_ms", "8"), ("server.linger_ms", "9")]);
    let settings = settings::http(&config);
    let [drain, linger] = [8, 9].map(Duration::from_millis);
    assert_eq!((settings.api_rate_max, settings.drain, settings.linger), (Some(7), drain, linger));
    assert_eq!(settings::http(&with(&[])).api_rate_max, None);
}

#[test]
fn every_setting_of_the_cache_comes_to_it() {
    let config = with(&[
        ("cache.user_ttl_s", "1"),
        ("cache.card_ttl_s", "2"),
        ("cache.limits_ttl_s", "3"),
        ("cache.transaction_ttl_s", "4"),
        ("cache.entries_max", "5"),
    ]);
    let [user, card, limits, transaction] = [1, 2, 3, 4].map(Duration::from_secs);
    let settings = settings::cache(&config);
    assert_eq!(
        (settings.user, settings.card, settings.limits, settings.transaction),
        (user, card, limits, transaction)
    );
    assert_eq!(settings.entries_max, 5);
}

/// With pauses of its own they would take more than a minute.
#[tokio::test]
async fn the_embedded_queues_pause_as_the_settings_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let pauses = ["queues.retry_first_ms", "queues.retry_second_ms", "queues.retry_third_ms"];
    let mut config = with(&pauses.map(|key| (key, "1")));
    config.data.dir = folder.path().to_owned();
    let broker = open::broker(&config).await.expect("it opens");
    let message = Content::new(Uuid::nil(), "test", Vec::new());
    let message = message.to(Exchange::Transactions, "transaction.webhook");
    publish_one(broker.as_ref(), message).await.expect("it is published");
    let (mut webhooks, mut letters) =
        (broker.subscribe(Queue::Webhook, 1), broker.subscribe(Queue::DeadLetters, 1));
    let runs = async {
        for _ in 0..4 {
            let delivery = webhooks.next().await.expect("the broker is there");
            delivery.failed("as it always does").await.expect("it is settled");
        }
        letters.next().await.expect("the broker is there")
    };
    tokio::time::timeout(Duration::from_secs(30), runs).await.expect("four runs, and three short pauses");
}

#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
#[test]
fn what_has_a_url_is_the_engine_that_health_names() {
    use bursar_server::Engines;
    let all = Engines { ledger: "postgresql", broker: "rabbitmq", cache: "redis", documents: "mongodb" };
    let config = with(&[
        ("postgres.url", "postgres://bursar:password@127.0.0.1:1/cards"),
        ("rabbitmq.url", "amqp://bursar:password@127.0.0.1:1/%2f"),
        ("redis.url", "redis://:password@127.0.0.1:1/1"),
        ("mongodb.url", "mongodb://bursar:password@127.0.0.1:1/cards"),
    ]);
    assert_eq!(settings::http(&config).engines, all);
    assert_eq!(settings::http(&with(&[])).engines, Engines::default());
}

#[tokio::test]
async fn without_a_url_documents_are_in_the_data_folder_for_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = with(&[]);
    config.data.dir = folder.path().to_owned();
    let key = DocumentsKey::new([7; 32]);
    let people = open::people(&config, &key).await.expect("it opens");
    people.documents().ready().await.expect("they can be used");
    assert!(folder.path().join(bursar_documents_sqlite::FILE).exists());
    let said = open::people(&config, &key).await.err().expect("it is taken").to_string();
    assert!(said.contains("--data-dir") && said.contains("mongodb.url"), "{said}");
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn documents_of_another_key_are_refused_by_its_name_and_file() {
    let (folder, mongodb) = (tempfile::tempdir().expect("a folder"), MongoPlace::new());
    for set in [&[][..], &[("mongodb.url", mongodb.url().as_str())]] {
        let mut config = with(set);
        config.data.dir = folder.path().to_owned();
        config.credentials.file = folder.path().join("mine.toml");
        let open = async |byte| open::people(&config, &DocumentsKey::new([byte; 32])).await;
        drop(open(7).await.expect("nobody has sealed anything"));
        let said = open(8).await.err().expect("it is another").to_string();
        assert!(said.contains("documents_key in") && said.contains("mine.toml"), "{said}");
        assert!(said.contains("nothing was changed") && said.contains("copy that line"), "{said}");
        drop(open(7).await.expect("it is the one that sealed them"));
    }
}
