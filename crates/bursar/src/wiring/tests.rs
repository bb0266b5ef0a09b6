use bursar_broker::{Content, Exchange, Queue, Retries, publish_one};
use bursar_testkit::MongoPlace;
use uuid::Uuid;

use super::*;
use crate::config::{Sources, load};

/// The settings with these ones set.
fn with(set: &[(&str, &str)]) -> Config {
    let overrides = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&Sources { overrides, ..Sources::default() }).expect("good settings").0
}

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
    assert_eq!(http_settings(&config).sweeper, expected);
}

#[test]
fn every_setting_of_queues_events_and_webhooks_comes_to_who_works_by_it() {
    let config = with(&[
        ("rabbitmq.url", "amqp://user:password@127.0.0.1:5672/%2f"),
        ("rabbitmq.connect_timeout_ms", "1100"),
        ("rabbitmq.confirm_timeout_ms", "1200"),
        ("queues.retry_first_ms", "11"),
        ("queues.retry_second_ms", "12"),
        ("queues.retry_third_ms", "13"),
        ("events.kept_days", "2"),
        ("events.rest_above", "5"),
        ("webhooks.timeout_ms", "1300"),
        ("webhooks.private_networks", "allowed"),
        ("webhooks.kept_days", "3"),
    ]);
    let day = Duration::from_secs(24 * 3600);
    let settings = http_settings(&config);
    assert_eq!((settings.relay.kept, lane_settings(&config).many), (2 * day, 5));
    let sender =
        sender::Settings { timeout: Duration::from_millis(1300), allow_private: true, kept: 3 * day };
    assert_eq!(settings.sender, sender);
    let options = rabbitmq_options(&config, config.rabbitmq.url.as_ref().expect("it is set"));
    assert_eq!(
        (options.connect_timeout, options.confirm_timeout, options.retries),
        (
            Duration::from_millis(1100),
            Duration::from_millis(1200),
            Retries([11, 12, 13].map(Duration::from_millis))
        )
    );
}

#[test]
fn the_limits_of_the_api_and_of_a_stop_come_to_the_server() {
    let config = with(&[("server.api_rate_max", "7"), ("server.drain_ms", "8"), ("server.linger_ms", "9")]);
    let settings = http_settings(&config);
    let [drain, linger] = [8, 9].map(Duration::from_millis);
    assert_eq!((settings.api_rate_max, settings.drain, settings.linger), (Some(7), drain, linger));
    assert_eq!(http_settings(&with(&[])).api_rate_max, None);
}

#[test]
fn every_setting_of_the_cache_comes_to_it() {
    let config = with(&[
        ("cache.user_ttl_s", "1"),
        ("cache.card_ttl_s", "2"),
        ("cache.limits_ttl_s", "3"),
        ("cache.transaction_ttl_s", "4"),
        ("cache.entries_max", "5"),
        ("redis.url", "redis://:password@127.0.0.1:6379/1"),
        ("redis.connect_timeout_ms", "1100"),
    ]);
    let [user, card, limits, transaction] = [1, 2, 3, 4].map(Duration::from_secs);
    let settings = cache_settings(&config);
    assert_eq!(
        (settings.user, settings.card, settings.limits, settings.transaction),
        (user, card, limits, transaction)
    );
    assert_eq!(settings.entries_max, 5);
    let seal = Seal::new(Uuid::nil(), &[7; 32]);
    let options = redis_options(&config, config.redis.url.as_ref().expect("it is set"), &seal);
    assert_eq!(options.url, "redis://:password@127.0.0.1:6379/1");
    assert_eq!((options.connect_timeout, options.channel), (Duration::from_millis(1100), seal.channel()));
    assert_eq!(http_settings(&config).engines, Engines { cache: "redis", ..Engines::default() });
}

/// With pauses of its own they would take more than a minute.
#[tokio::test]
async fn the_embedded_queues_pause_as_the_settings_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let pauses = ["queues.retry_first_ms", "queues.retry_second_ms", "queues.retry_third_ms"];
    let mut config = with(&pauses.map(|key| (key, "1")));
    config.data.dir = folder.path().to_owned();
    let broker = open_broker(&config).await.expect("it opens");
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

#[test]
fn every_setting_of_mongodb_comes_to_it() {
    let config = with(&[
        ("mongodb.url", "mongodb://bursar:password@127.0.0.1:1/cards"),
        ("mongodb.connections_min", "3"),
        ("mongodb.connections_max", "4"),
        ("mongodb.idle_timeout_ms", "1100"),
        ("mongodb.selection_timeout_ms", "1200"),
        ("mongodb.operation_timeout_ms", "1300"),
    ]);
    let options = mongodb_options(&config, config.mongodb.url.as_ref().expect("it is set"));
    assert_eq!(options.url, "mongodb://bursar:password@127.0.0.1:1/cards");
    assert_eq!((options.pool_min, options.pool_max), (3, 4));
    let times = [options.idle_timeout, options.server_selection_timeout, options.operation_timeout];
    assert_eq!(times, [1100, 1200, 1300].map(Duration::from_millis));
    assert_eq!(http_settings(&config).engines, Engines { documents: "mongodb", ..Engines::default() });
}

#[tokio::test]
async fn without_a_url_documents_are_in_the_data_folder_for_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = with(&[]);
    config.data.dir = folder.path().to_owned();
    let key = DocumentsKey::new([7; 32]);
    let people = open_people(&config, &key).await.expect("it opens");
    people.documents().ready().await.expect("they can be used");
    assert!(folder.path().join(bursar_documents_sqlite::FILE).exists());
    let said = open_people(&config, &key).await.err().expect("it is taken").to_string();
    assert!(said.contains("--data-dir") && said.contains("mongodb.url"), "{said}");
}

#[tokio::test]
async fn documents_of_another_key_are_refused_by_its_name_and_file() {
    let (folder, mongodb) = (tempfile::tempdir().expect("a folder"), MongoPlace::new());
    for set in [&[][..], &[("mongodb.url", mongodb.url().as_str())]] {
        let mut config = with(set);
        config.data.dir = folder.path().to_owned();
        config.credentials.file = folder.path().join("mine.toml");
        let open = async |byte| open_people(&config, &DocumentsKey::new([byte; 32])).await;
        drop(open(7).await.expect("nobody has sealed anything"));
        let said = open(8).await.err().expect("it is another").to_string();
        assert!(said.contains("documents_key in") && said.contains("mine.toml"), "{said}");
        assert!(said.contains("nothing was changed") && said.contains("copy that line"), "{said}");
        drop(open(7).await.expect("it is the one that sealed them"));
    }
}
