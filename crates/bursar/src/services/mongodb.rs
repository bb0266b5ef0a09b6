//! Personal documents in MongoDB.

use std::sync::Arc;

use bursar_documents::Documents;
use bursar_documents_mongodb::{MongoDocuments, Options};
use secrecy::ExposeSecret;

use super::{Service, UrlRules};
use crate::Failure;
use crate::config::{Mongodb, SecretUrl};

pub(crate) const SERVICE: Service = Service {
    name: "MongoDB",
    feature: "mongodb",
    url: Some(UrlRules {
        describe: bursar_documents_mongodb::describe,
        problem: bursar_documents_mongodb::url_problem,
        form: bursar_documents_mongodb::URL_FORM,
    }),
};

pub(crate) async fn start(of: &Mongodb, url: &SecretUrl) -> Result<Arc<dyn Documents>, Failure> {
    let started = MongoDocuments::start(options(of, url)).await;
    Ok(Arc::new(started.map_err(|error| format!("{url}: {error}"))?))
}

fn options(of: &Mongodb, url: &SecretUrl) -> Options {
    Options {
        url: url.expose_secret().to_owned(),
        pool_min: of.connections_min,
        pool_max: of.connections_max,
        idle_timeout: of.idle_timeout,
        server_selection_timeout: of.selection_timeout,
        operation_timeout: of.operation_timeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::with;
    use std::time::Duration;

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
        let options = options(&config.mongodb, config.mongodb.url.as_ref().expect("it is set"));
        assert_eq!(options.url, "mongodb://bursar:password@127.0.0.1:1/cards");
        assert_eq!((options.pool_min, options.pool_max), (3, 4));
        let times = [options.idle_timeout, options.server_selection_timeout, options.operation_timeout];
        assert_eq!(times, [1100, 1200, 1300].map(Duration::from_millis));
    }
}
