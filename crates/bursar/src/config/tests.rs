use std::collections::BTreeSet;
use std::io::Write;

use tempfile::NamedTempFile;

use super::*;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a small file");
    file
}

fn with_file(file: &NamedTempFile) -> Sources {
    Sources { file: Some(file.path().to_owned()), ..Sources::default() }
}

fn with_environment(variables: &[(&str, &str)]) -> Sources {
    let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    Sources { environment: variables.iter().map(pair).collect(), ..Sources::default() }
}

fn overridden(key: &str, value: &str) -> Vec<(String, String)> {
    vec![(key.to_owned(), value.to_owned())]
}

fn loaded(sources: &Sources) -> Config {
    load(sources).expect("good settings").0
}

/// What is said of bad settings, without the headline and without the path of the file.
fn problems(sources: &Sources) -> Vec<String> {
    let problems = load(sources).expect_err("bad settings").to_string();
    let path = sources.file.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    problems.lines().skip(1).map(|line| line.trim().replace(&path, "FILE")).collect()
}

#[test]
fn with_no_configuration_the_defaults_serve() {
    let config = loaded(&Sources::default());
    assert_eq!(
        config,
        Config {
            server: Server {
                listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
                roles: Roles::ALL,
                header_timeout: Duration::from_secs(5),
                body_timeout: Duration::from_secs(5),
                answer_timeout: Duration::from_secs(10),
                body_max_bytes: 262_144,
                connections_max: 4096,
                api_rate_max: None,
                drain: Duration::ZERO,
                linger: Duration::ZERO,
                shutdown_grace: Duration::from_secs(10),
            },
            data: Data { dir: "bursar-data".into() },
            credentials: Credentials { file: "bursar-data/credentials.toml".into() },
            jit: Jit { start: Duration::from_millis(1200), deadline: Duration::from_millis(1500) },
            lanes: Lanes { batch_size_max: 256, queue_max: 4096 },
            cache: Cache {
                user_ttl: Duration::from_secs(3600),
                card_ttl: Duration::from_secs(900),
                limits_ttl: Duration::from_secs(300),
                transaction_ttl: Duration::from_secs(300),
                entries_max: 100_000,
            },
            redis: Redis { url: None, connect_timeout: Duration::from_secs(5) },
            sqlite: Sqlite {
                synchronous: Synchronous::Full,
                checkpoint_pages: 20_000,
                readers: 4,
                cache_kib: 32_768,
            },
            postgres: Postgres {
                url: None,
                ca_file: None,
                connections_min: 5,
                connections_max: 20,
                idle_timeout: Duration::from_secs(30),
                connect_timeout: Duration::from_secs(5),
                statement_timeout: Duration::from_secs(30),
                lanes: 2,
                lane_timeout: Duration::from_millis(800),
                lock_timeout: Duration::from_millis(300),
            },
            rabbitmq: Rabbitmq {
                url: None,
                connect_timeout: Duration::from_secs(5),
                confirm_timeout: Duration::from_secs(5),
            },
            mongodb: Mongodb {
                url: None,
                connections_min: 2,
                connections_max: 10,
                idle_timeout: Duration::from_secs(30),
                selection_timeout: Duration::from_secs(5),
                operation_timeout: Duration::from_secs(45),
            },
            queues: Queues { retries: bursar_broker::Retries::default() },
            events: Events { kept: Duration::from_secs(30 * 24 * 3600), rest_above: 16 },
            webhooks: Webhooks {
                timeout: Duration::from_secs(15),
                allow_private: false,
                kept: Duration::from_secs(30 * 24 * 3600),
            },
            sweeper: Sweeper {
                is_on: true,
                interval: Duration::from_secs(60),
                slice: 1_000,
                unconfirmed_after: Duration::from_secs(3_600),
            },
            marqeta: Marqeta { base_url: None, timeout: Duration::from_secs(5) },
            profiler: Profiler { warning: Duration::from_millis(50), critical: Duration::from_millis(100) },
            log: Log { level: "info", format: LogFormat::Text },
        }
    );
}

#[test]
fn every_default_is_read_and_every_setting_has_a_default() {
    let (_, effective) = load(&Sources::default()).expect("good settings");
    let read: BTreeSet<String> = effective.rows.iter().map(|row| row.key.to_owned()).collect();
    assert_eq!(read, layer::keys().into_iter().collect());
}

/// Key, comment above it and value of every setting in the text of the defaults, in order.
fn documented() -> Vec<(String, String, &'static str)> {
    let (mut section, mut comment) = ("", String::new());
    let mut settings = Vec::new();
    for line in layer::defaults().lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment = format!("{comment} {text}");
        } else if let Some(name) = line.strip_prefix('[') {
            (section, comment) = (name.trim_end_matches(']'), String::new());
        } else if let Some((name, value)) = line.split_once(" = ") {
            settings.push((format!("{section}.{name}"), std::mem::take(&mut comment), value));
        }
    }
    settings
}

/// The first `N to N` in a comment.
fn range_in(comment: &str) -> Option<(i64, i64)> {
    let words: Vec<&str> = comment.split([' ', ',', '.']).collect();
    words
        .windows(3)
        .filter(|words| words[1] == "to")
        .find_map(|words| words[0].parse().ok().zip(words[2].parse().ok()))
}

#[test]
fn every_setting_is_documented_and_listed_in_the_order_of_the_defaults() {
    let (_, effective) = load(&Sources::default()).expect("good settings");
    let listed: Vec<&str> = effective.rows.iter().map(|row| row.key).collect();
    let documented = documented();
    let keys: Vec<&str> = documented.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(listed, keys);
    for (key, comment, _) in &documented {
        assert!(!comment.is_empty(), "no comment above {key}");
    }
}

#[test]
fn the_ranges_in_the_comments_are_the_ranges_that_are_checked() {
    for (key, comment, value) in documented() {
        let Some((from, to)) = range_in(&comment) else {
            assert!(value.starts_with('"'), "no range in the comment above {key}");
            continue;
        };
        for bad in [from - 1, to + 1] {
            let sources = Sources { overrides: overridden(&key, &bad.to_string()), ..Sources::default() };
            let said = format!("{key} (command line) = {bad} is out of range: give {from} to {to}");
            assert_eq!(problems(&sources), [said]);
        }
    }
}

#[test]
fn later_sources_win_and_each_value_knows_where_it_came_from() {
    let file = file("[server]\nconnections_max = 10\nbody_max_kib = 1\n[lanes]\nqueue_max = 5\n");
    let sources = Sources {
        overrides: overridden("server.connections_max", "30"),
        ..with_environment(&[
            ("BURSAR__SERVER__CONNECTIONS_MAX", "20"),
            ("BURSAR__SERVER__BODY_MAX_KIB", "2"),
            ("BURSAR_CONFIG", "is not a setting"),
            ("PATH", "/bin"),
        ])
    };
    let sources = Sources { file: Some(file.path().to_owned()), ..sources };
    let (config, effective) = load(&sources).expect("good settings");
    assert_eq!(config.server.connections_max, 30);
    assert_eq!(config.server.body_max_bytes, 2048);
    assert_eq!(config.lanes.queue_max, 5);
    let origin = |key| {
        let row = effective.rows.iter().find(|row| row.key == key);
        row.expect("a row").origin.clone()
    };
    assert_eq!(origin("server.connections_max"), "command line");
    assert_eq!(origin("server.body_max_kib"), "environment variable BURSAR__SERVER__BODY_MAX_KIB");
    assert_eq!(origin("lanes.queue_max"), format!("file {}", file.path().display()));
    assert_eq!(origin("data.dir"), "default");
}

#[test]
fn all_problems_of_all_sources_are_reported_at_once() {
    let file = file("nonsense = 1\n[server]\nlisen = \"127.0.0.1:80\"\nbody_max_kib = \"many\"\n");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        overrides: overridden("server.listen", "localhost"),
        ..with_environment(&[
            ("BURSAR__LANES__BATCH_SIZE_MAX", "257"),
            ("BURSAR__LANES__QUEUE_MAX", "4k"),
            ("BURSAR__LOG__LEVLE", "debug"),
        ])
    };
    assert_eq!(
        problems(&sources),
        [
            "nonsense (file FILE) is unknown: remove it; `bursar config` lists every setting",
            "server.body_max_kib (file FILE) is \"many\": give a whole number",
            "server.lisen (file FILE) is unknown: did you mean server.listen?",
            "lanes.queue_max (environment variable BURSAR__LANES__QUEUE_MAX) is \"4k\": give a whole number",
            "log.levle (environment variable BURSAR__LOG__LEVLE) is unknown: did you mean BURSAR__LOG__LEVEL?",
            "server.listen (command line) = \"localhost\" cannot be read (invalid socket address syntax): \
             give an IP address and a port: \"127.0.0.1:3000\" or \"[::1]:3000\"",
            "lanes.batch_size_max (environment variable BURSAR__LANES__BATCH_SIZE_MAX) = 257 is out of \
             range: give 1 to 256",
        ]
    );
}

#[test]
fn numbers_are_not_guessed() {
    let file = file(
        "[server]\nlisten = 3000\nbody_max_kib = 1.5\nconnections_max = true\nheader_timeout_ms = [1]\n\
         body_timeout_ms = { s = 1 }\n",
    );
    assert_eq!(
        problems(&with_file(&file)),
        [
            "server.body_max_kib (file FILE) is 1.5: give a whole number",
            "server.body_timeout_ms.s (file FILE) is unknown: did you mean server.body_timeout_ms?",
            "server.connections_max (file FILE) is true: give a whole number",
            "server.header_timeout_ms (file FILE) is a list: give a whole number",
            "server.listen (file FILE) is 3000: give a text in quotes",
        ]
    );
    let texts = with_environment(&[
        ("BURSAR__LANES__QUEUE_MAX", "1e3"),
        ("BURSAR__CACHE__CARD_TTL_S", ""),
        ("BURSAR__CACHE__USER_TTL_S", "99999999999999999999"),
        ("BURSAR__SQLITE__READERS", "-1"),
    ]);
    assert_eq!(problems(&texts).len(), 4);
}

#[test]
fn a_text_that_looks_like_a_number_stays_a_text() {
    let sources = with_environment(&[("BURSAR__DATA__DIR", "007"), ("BURSAR__CREDENTIALS__FILE", "true")]);
    let config = loaded(&sources);
    assert_eq!(config.data.dir, PathBuf::from("007"));
    assert_eq!(config.credentials.file, PathBuf::from("true"));
}

#[test]
fn a_section_is_not_a_setting() {
    let file = file("server = \"127.0.0.1:3000\"\n[log]\n[loggers]\n");
    let sources =
        Sources { file: Some(file.path().to_owned()), ..with_environment(&[("BURSAR__SQLITE", "on")]) };
    assert_eq!(
        problems(&sources),
        [
            "loggers (file FILE) is unknown: remove it; `bursar config` lists every setting",
            "server (file FILE) is a section, not a setting: set the settings in it",
            "sqlite (environment variable BURSAR__SQLITE) is a section, not a setting: set the settings in it",
        ]
    );
}

#[test]
fn a_variable_in_small_letters_is_refused_with_its_right_spelling() {
    assert_eq!(
        problems(&with_environment(&[("BURSAR__server__listen", "127.0.0.1:3000")])),
        ["server.listen (environment variable BURSAR__server__listen) is unknown: \
          did you mean BURSAR__SERVER__LISTEN?"]
    );
}

#[test]
fn the_value_of_an_unknown_name_is_never_shown() {
    let file = file("[credentials]\napi_key = \"hunter2\"\n");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        ..with_environment(&[("BURSAR__CREDENTIALS__PASSWORD", "hunter2")])
    };
    let said = problems(&sources).join("\n");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(problems(&sources).len(), 2);
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_says_where_and_shows_no_line_of_it() {
    let absent = Sources { file: Some("/no/such/file.toml".into()), ..Sources::default() };
    assert_eq!(
        problems(&absent),
        ["file FILE cannot be read: No such file or directory (os error 2): \
          check the path given by --config or BURSAR_CONFIG"]
    );
    let broken = file("[server]\nlisten = \"127.0.0.1:3000\"\nsecret = \"hunter2\n");
    let said = problems(&with_file(&broken)).join("\n");
    assert!(said.starts_with("file FILE is not TOML: line 3, column "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_whole_number_that_is_too_large_is_found_where_it_stands() {
    let file = file("[lanes]\nqueue_max = 99999999999999999999\n");
    let said = problems(&with_file(&file)).join("\n");
    assert!(said.starts_with("file FILE is not TOML: line 2, column 13"), "{said}");
}

#[test]
fn a_bad_word_is_answered_with_the_good_ones() {
    let sources = with_environment(&[("BURSAR__SQLITE__SYNCHRONOUS", "off")]);
    assert_eq!(
        problems(&sources),
        ["sqlite.synchronous (environment variable BURSAR__SQLITE__SYNCHRONOUS) = \"off\" is none of its \
          words: give \"full\" or \"normal\""]
    );
}

#[test]
fn critical_is_not_below_warning() {
    let sources = with_environment(&[("BURSAR__PROFILER__WARNING_MS", "101")]);
    assert_eq!(
        problems(&sources),
        ["profiler.critical_ms (default) = 100 is below profiler.warning_ms (101 ms): raise it or lower \
          profiler.warning_ms"]
    );
    let one_mistake = with_environment(&[("BURSAR__PROFILER__CRITICAL_MS", "0")]);
    assert_eq!(problems(&one_mistake).len(), 1);
}

#[test]
fn a_swipe_begins_before_it_has_to_be_answered() {
    let sources = with_environment(&[("BURSAR__JIT__START_MS", "1501")]);
    assert_eq!(
        problems(&sources),
        ["jit.deadline_ms (default) = 1500 is below jit.start_ms (1501 ms): raise it or lower jit.start_ms"]
    );
}

#[test]
fn the_listing_is_rows_for_machines_and_a_table_for_people() {
    let sources = with_environment(&[("BURSAR__LOG__FORMAT", "json")]);
    let (_, effective) = load(&sources).expect("good settings");
    let rows = serde_json::to_value(&effective).expect("rows are JSON");
    assert_eq!(
        rows[0],
        serde_json::json!({"key": "server.listen", "value": "127.0.0.1:3000", "origin": "default"})
    );
    assert_eq!(rows[2]["value"], 5000);
    let table = effective.to_string();
    let last = table.lines().last().expect("a last line");
    let words: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(words, ["log.format", "\"json\"", "environment", "variable", "BURSAR__LOG__FORMAT"]);
}

#[test]
fn the_listing_shows_that_secrets_are_there_and_not_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.toml");
    let (credentials, _) = crate::credentials::load_or_create(&path).expect("credentials");
    let (_, mut effective) = load(&Sources::default()).expect("good settings");
    effective.add_credentials(&path, &credentials);
    let table = effective.to_string();
    assert_eq!(table.matches("[redacted]").count(), 4, "{table}");
    use secrecy::ExposeSecret;
    assert!(!table.contains(credentials.api_key.expose_secret()));
    assert!(!table.contains(credentials.marqeta.password.expose_secret()));
}

#[test]
fn the_password_in_a_url_is_neither_listed_nor_printed() {
    let sources = Sources {
        overrides: vec![("postgres.url".to_owned(), "postgres://bursar:s3cret@db/bursar".to_owned())],
        ..Sources::default()
    };
    let (config, effective) = load(&sources).expect("good settings");
    let url = config.postgres.url.as_ref().expect("a URL");
    assert_eq!(
        (url.expose(), url.to_string().as_str()),
        ("postgres://bursar:s3cret@db/bursar", "PostgreSQL bursar at db port 5432, database bursar")
    );
    let printed =
        format!("{config:?} {effective} {effective:?} {}", serde_json::to_string(&effective).expect("JSON"));
    assert!(!printed.contains("s3cret") && printed.contains("[redacted]"), "{printed}");
}

#[test]
fn a_url_that_leads_nowhere_is_refused_by_its_part_and_without_its_password() {
    let sources = with_environment(&[("BURSAR__POSTGRES__URL", "postgres://bursar:s3cret@db:54x/bursar")]);
    assert_eq!(
        problems(&sources),
        [
            "postgres.url (environment variable BURSAR__POSTGRES__URL) = [redacted] has a port that is no number from 1 to \
          65535: write postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        ]
    );
}

#[test]
fn lanes_leave_connections_to_read_with() {
    let sources = Sources {
        overrides: vec![
            ("postgres.lanes".to_owned(), "4".to_owned()),
            ("postgres.connections_max".to_owned(), "6".to_owned()),
        ],
        ..Sources::default()
    };
    let problems = load(&sources).expect_err("too many lanes").to_string();
    assert!(problems.contains("postgres.lanes") && problems.contains("connections_max"), "{problems}");
}

#[test]
fn work_is_left_to_others_only_where_they_can_do_it() {
    let postgres = ("BURSAR__POSTGRES__URL", "postgres://bursar:s3cret@db/bursar");
    let rabbitmq = ("BURSAR__RABBITMQ__URL", "amqp://bursar:s3cret@queue/%2f");
    let mongodb = ("BURSAR__MONGODB__URL", "mongodb://bursar:s3cret@documents/bursar");
    let roles = ("BURSAR__SERVER__ROLES", "relay,worker");
    let config = loaded(&with_environment(&[postgres, rabbitmq, mongodb, roles]));
    assert_eq!(config.server.roles.to_string(), "relay,worker");
    for some in [
        &[roles][..],
        &[roles, postgres],
        &[roles, rabbitmq, mongodb],
        &[roles, postgres, rabbitmq],
        &[roles, postgres, mongodb],
    ] {
        let said = problems(&with_environment(some)).join("\n");
        let remedy = "set postgres.url, rabbitmq.url and mongodb.url";
        assert!(said.contains("server.roles") && said.contains(remedy), "{said}");
    }
    let said = problems(&with_environment(&[("BURSAR__SERVER__ROLES", "api,boss")])).join("\n");
    assert!(said.contains("\"boss\" is no role"), "{said}");
}

#[test]
fn the_url_of_rabbitmq_is_shown_and_refused_without_its_password() {
    let config = loaded(&with_environment(&[("BURSAR__RABBITMQ__URL", "amqp://bursar:s3cret@queue/%2f")]));
    let url = config.rabbitmq.url.as_ref().expect("a URL");
    assert_eq!(url.to_string(), "RabbitMQ bursar at queue port 5672, virtual host /");
    assert!(!format!("{config:?}").contains("s3cret"));
    let said = problems(&with_environment(&[("BURSAR__RABBITMQ__URL", "http://bursar:s3cret@queue")]));
    assert_eq!(
        said,
        [
            "rabbitmq.url (environment variable BURSAR__RABBITMQ__URL) = [redacted] does not begin with amqp:// or \
          amqps://: write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://… for TLS"
        ]
    );
}

#[test]
fn the_url_of_mongodb_is_shown_and_refused_without_its_password() {
    let good = ("BURSAR__MONGODB__URL", "mongodb://bursar:s3cret@mongo:27017/bursar");
    let config = loaded(&with_environment(&[good]));
    let url = config.mongodb.url.as_ref().expect("a URL");
    assert_eq!(url.to_string(), "MongoDB bursar at mongo:27017, database bursar");
    assert!(!format!("{config:?}").contains("s3cret"));
    let said = problems(&with_environment(&[("BURSAR__MONGODB__URL", "http://bursar:s3cret@mongo")]));
    assert_eq!(
        said,
        [
            "mongodb.url (environment variable BURSAR__MONGODB__URL) = [redacted] does not begin with mongodb:// or \
             mongodb+srv://: write mongodb://USER:PASSWORD@HOST:PORT/DATABASE, or mongodb+srv://… by DNS; ?tls=true for TLS"
        ]
    );
}

#[test]
fn the_pool_of_mongodb_is_not_smaller_than_its_least() {
    let least = [("BURSAR__MONGODB__CONNECTIONS_MIN", "11")];
    let said = problems(&with_environment(&least)).join("\n");
    assert!(said.contains("mongodb.connections_min") && said.contains("mongodb.connections_max"), "{said}");
}
