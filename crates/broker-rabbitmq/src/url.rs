//! The URL of RabbitMQ: shown without its password, and refused by what is wrong with it.

use lapin::uri::AMQPUri;

/// The form of a URL.
pub const URL_FORM: &str = "amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://… for TLS";

/// A URL as it may be shown: the user, the host and the virtual host.
#[must_use]
pub fn describe(url: &str) -> String {
    match url.parse::<AMQPUri>() {
        Ok(uri) => format!(
            "RabbitMQ {} at {} port {}, virtual host {}",
            uri.authority.userinfo.username, uri.authority.host, uri.authority.port, uri.vhost
        ),
        Err(_) => "RabbitMQ, by a URL that cannot be read".to_owned(),
    }
}

/// What is wrong with a URL, as what follows "the URL"; `None` if it can be connected to. The parser's own words may
/// hold the password.
#[must_use]
pub fn url_problem(url: &str) -> Option<String> {
    if !["amqp://", "amqps://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Some("does not begin with amqp:// or amqps://".to_owned());
    }
    match url.parse::<AMQPUri>() {
        Ok(_) => None,
        Err(_) => Some("cannot be read; write signs of the password as %XX".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let shown = describe("amqp://bursar:a%2Fsecret@queue.example:5673/%2f");
        assert_eq!(shown, "RabbitMQ bursar at queue.example port 5673, virtual host /");
        for bad in ["", "http://queue.example", "amqp://u:pa/ss@host:port/"] {
            let why = url_problem(bad).expect("it is wrong");
            assert!(!why.contains("pa/ss") && !describe(bad).contains("pa/ss"), "{why}");
        }
        assert_eq!(url_problem("amqps://bursar:x@queue.example"), None);
    }
}
