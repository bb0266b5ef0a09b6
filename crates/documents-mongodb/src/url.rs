//! The URL of MongoDB: shown without its password, and refused by what is wrong with it.

use mongodb::options::{ConnectionString, HostInfo};

/// The form of a URL.
pub const URL_FORM: &str =
    "mongodb://USER:PASSWORD@HOST:PORT/DATABASE, or mongodb+srv://… by DNS; ?tls=true for TLS";

/// A URL as it may be shown: the user, the hosts and the database.
#[must_use]
pub fn describe(url: &str) -> String {
    let Some(url) = parse(url) else { return "MongoDB, by a URL that cannot be read".to_owned() };
    let hosts = match &url.host_info {
        HostInfo::HostIdentifiers(hosts) => {
            hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        HostInfo::DnsRecord(name) => format!("the hosts of {name}"),
        _ => "hosts of another kind".to_owned(),
    };
    let user = url.credential.as_ref().and_then(|credential| credential.username.as_ref());
    let user = user.map(|user| format!(" {user}")).unwrap_or_default();
    let database = url.default_database.as_ref();
    let database = database.map(|database| format!(", database {database}")).unwrap_or_default();
    format!("MongoDB{user} at {hosts}{database}")
}

/// What is wrong with a URL, as what follows "the URL"; `None` if it can be connected to. The parser's own words may
/// hold the password.
#[must_use]
pub fn url_problem(url: &str) -> Option<String> {
    if !["mongodb://", "mongodb+srv://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Some("does not begin with mongodb:// or mongodb+srv://".to_owned());
    }
    let options = url.split_once('?').map_or("", |(_, options)| options);
    let names = |wanted: &str| {
        let mut names = options.split('&').filter_map(|option| option.split('=').next());
        names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    if names("socketTimeoutMS") {
        // The driver refuses it in words of its own, which do not say what to do instead.
        return Some(
            "has socketTimeoutMS: take it out; the time-out of operations is a setting of Bursar's"
                .to_owned(),
        );
    }
    if ["tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"].into_iter().any(names) {
        return Some("switches off what TLS is for: who the server is has to be verified".to_owned());
    }
    match parse(url) {
        Some(_) => None,
        None => Some("cannot be read; write signs of the password as %XX".to_owned()),
    }
}

pub(crate) fn parse(url: &str) -> Option<ConnectionString> {
    ConnectionString::parse(url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let shown = describe("mongodb://bursar:a%2Fsecret@one.example:27018,two.example/cards?tls=true");
        assert_eq!(shown, "MongoDB bursar at one.example:27018, two.example:27017, database cards");
        assert_eq!(describe("mongodb+srv://db.example"), "MongoDB at the hosts of db.example");
        for bad in ["", "http://db.example", "mongodb://u:pa/ss@host:port/", "mongodb://u:pa/ss@host/?x"] {
            let why = url_problem(bad).expect("it is wrong");
            assert!(!why.contains("pa/ss") && !describe(bad).contains("pa/ss"), "{why}");
        }
        assert_eq!(url_problem("mongodb://bursar:x@db.example"), None);
        assert_eq!(url_problem("mongodb+srv://bursar:x@db.example/cards"), None);
    }

    #[test]
    fn what_the_driver_does_not_know_or_must_not_do_is_named() {
        let why = url_problem("mongodb://db.example/cards?w=1&sockettimeoutms=10").expect("it is wrong");
        assert!(why.contains("socketTimeoutMS") && why.contains("take it out"), "{why}");
        for insecure in
            ["tlsInsecure=true", "tlsAllowInvalidCertificates=true", "tlsAllowInvalidHostnames=true"]
        {
            let why =
                url_problem(&format!("mongodb://db.example/?tls=true&{insecure}")).expect("it is wrong");
            assert!(why.contains("verified"), "{why}");
        }
        assert!(url_problem("mongodb://db.example/?connectTimeoutMS=soon").is_some());
    }
}
