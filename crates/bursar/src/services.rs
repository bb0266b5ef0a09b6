//! The services that a Bursar may use, each a cargo feature and a file. That file alone names the crate of the service; in a
//! Bursar that is built without the feature the one of the same name in `without` is in its place.

#[cfg_attr(not(feature = "mongodb"), path = "services/without/mongodb.rs")]
pub(crate) mod mongodb;
#[cfg_attr(not(feature = "postgres"), path = "services/without/postgres.rs")]
pub(crate) mod postgres;
#[cfg_attr(not(feature = "rabbitmq"), path = "services/without/rabbitmq.rs")]
pub(crate) mod rabbitmq;
#[cfg_attr(not(feature = "redis"), path = "services/without/redis.rs")]
pub(crate) mod redis;

use std::sync::LazyLock;

const ALL: [&Service; 4] = [&postgres::SERVICE, &rabbitmq::SERVICE, &redis::SERVICE, &mongodb::SERVICE];

/// The version, and what is built in.
pub(crate) static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let built_in: Vec<&str> = ALL.into_iter().filter_map(|of| of.url.as_ref().map(|_| of.name)).collect();
    let services = match built_in.is_empty() {
        true => "none, all is embedded".to_owned(),
        false => built_in.join(", "),
    };
    format!("{}\nservices built in: {services}", env!("CARGO_PKG_VERSION"))
});

/// A service, whether it is built in or not.
pub(crate) struct Service {
    name: &'static str,
    /// What builds it in.
    feature: &'static str,
    /// `None` if it is not built in.
    url: Option<UrlRules>,
}

/// How the URLs of a service are shown and judged, and the form that they have.
struct UrlRules {
    describe: fn(&str) -> String,
    problem: fn(&str) -> Option<String>,
    form: &'static str,
}

impl Service {
    /// What is wrong with a URL, as what follows its name, and what to do: `instead`, where there is no service to go to.
    pub(crate) fn url_problem(&self, url: &str, instead: &str) -> Option<(String, String)> {
        match &self.url {
            Some(rules) => (rules.problem)(url).map(|what| (what, format!("write {}", rules.form))),
            None => Some((
                format!("cannot be used, as {}", self.missing()),
                format!("{instead}, or build with `--features {}`", self.feature),
            )),
        }
    }

    /// A URL as it may be shown.
    pub(crate) fn describe(&self, url: &str) -> String {
        match &self.url {
            Some(rules) => (rules.describe)(url),
            None => format!("{}, which is not built in", self.name),
        }
    }

    fn missing(&self) -> String {
        format!("this bursar was built without {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_what_is_not_built_in_is_refused_whatever_it_is_and_never_shown() {
        let redis = Service { name: "Redis", feature: "redis", url: None };
        for url in ["redis://:s3cret@cache:6379/0", "s3cret"] {
            let (what, remedy) = redis.url_problem(url, "unset it").expect("it is refused");
            assert_eq!(what, "cannot be used, as this bursar was built without Redis");
            assert_eq!(remedy, "unset it, or build with `--features redis`");
            assert!(!redis.describe(url).contains("s3cret"));
        }
    }

    #[test]
    fn the_version_names_what_is_built_in() {
        for service in ALL {
            assert_eq!(LONG_VERSION.contains(service.name), service.url.is_some(), "{}", *LONG_VERSION);
        }
    }
}
