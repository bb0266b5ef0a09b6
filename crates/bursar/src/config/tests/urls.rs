//! Of services that are built in.

use super::*;

#[test]
fn the_password_in_a_url_is_neither_listed_nor_printed() {
    let sources = Sources {
        overrides: vec![("postgres.url".to_owned(), "postgres://bursar:s3cret@db/bursar".to_owned())],
        ..Sources::default()
    };
    let (config, effective) = load(&sources).expect("good settings");
    let url = config.postgres.url.as_ref().expect("a URL");
    assert_eq!(
        (url.expose_secret(), url.to_string().as_str()),
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
