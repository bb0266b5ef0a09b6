use bursar_testkit::PostgresPlace;
use deadpool_postgres::{PoolError, TimeoutType};

use super::*;
use crate::schema::migrate;

/// Settings by which the server limits a connection.
const LIMITS: [&str; 4] =
    ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "tcp_user_timeout"];

async fn limits(pool: &Pool) -> [String; 4] {
    let client = pool.get().await.expect("a connection");
    let mut shown = LIMITS.map(str::to_owned);
    for setting in &mut shown {
        *setting = client.query_one(&format!("show {setting}"), &[]).await.expect("an answer").get(0);
    }
    shown
}

#[tokio::test]
async fn the_server_limits_each_connection_as_it_is_set() {
    let place = PostgresPlace::new();
    // Whatever the URL says, these come after it.
    let options = Options {
        statement_timeout: Duration::from_millis(31_001),
        lane_timeout: Duration::from_millis(901),
        lock_timeout: Duration::from_millis(401),
        ..Options::new(&format!("{}?options=-c%20statement_timeout%3D1", place.url()))
    };
    migrate(&Options::new(&place.url())).await.expect("migrated");
    let pools = Pools::open(&options, &Memory::default()).await.expect("opens");
    assert_eq!(limits(&pools.readers).await, ["31001ms", "0", "0", "0"]);
    assert_eq!(limits(&pools.lookups).await, ["901ms", "0", "0", "0"]);
    assert_eq!(limits(&pools.writers).await, ["901ms", "401ms", "901ms", "901"]);
}

/// The settings that a text names.
fn named(text: &str) -> Vec<&str> {
    let words = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_' || char == '.'));
    words.filter_map(|word| word.strip_prefix("postgres.")).collect()
}

#[test]
fn a_pool_that_gives_no_connection_names_its_own_settings() {
    let settings = include_str!("../../../../config/default.toml");
    let said = |limit, purpose| no_connection(PoolError::Timeout(limit), purpose).to_string();
    for (purpose, busy, slow) in [
        (Purpose::Reads, "connections_max", "connect_timeout_ms"),
        (Purpose::Lookups, "lane_timeout_ms", "lane_timeout_ms"),
        (Purpose::Lanes, "lanes", "lane_timeout_ms"),
    ] {
        for (limit, name) in [(TimeoutType::Wait, busy), (TimeoutType::Create, slow)] {
            assert_eq!(named(&said(limit, purpose)), [name], "{purpose:?}");
            assert!(settings.contains(&format!("\n{name} = ")), "{name} is a setting");
        }
    }
}
