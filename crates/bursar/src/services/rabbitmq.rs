//! Messages carried by RabbitMQ.

use std::sync::Arc;

use bursar_broker::{Broker, Retries};
use bursar_broker_rabbitmq::{Options, RabbitBroker};
use secrecy::ExposeSecret;

use super::{Service, UrlRules};
use crate::Failure;
use crate::config::{Rabbitmq, SecretUrl};

pub(crate) const SERVICE: Service = Service {
    name: "RabbitMQ",
    feature: "rabbitmq",
    url: Some(UrlRules {
        describe: bursar_broker_rabbitmq::describe,
        problem: bursar_broker_rabbitmq::url_problem,
        form: bursar_broker_rabbitmq::URL_FORM,
    }),
};

pub(crate) async fn start(
    of: &Rabbitmq,
    url: &SecretUrl,
    retries: Retries,
) -> Result<Arc<dyn Broker>, Failure> {
    let started = RabbitBroker::start(options(of, url, retries)).await;
    Ok(Arc::new(started.map_err(|error| format!("{url}: {error}"))?))
}

fn options(of: &Rabbitmq, url: &SecretUrl, retries: Retries) -> Options {
    Options {
        connect_timeout: of.connect_timeout,
        confirm_timeout: of.confirm_timeout,
        retries,
        url: url.expose_secret().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::with;
    use std::time::Duration;

    #[test]
    fn every_setting_of_rabbitmq_comes_to_it() {
        let config = with(&[
            ("rabbitmq.url", "amqp://user:password@127.0.0.1:5672/%2f"),
            ("rabbitmq.connect_timeout_ms", "1100"),
            ("rabbitmq.confirm_timeout_ms", "1200"),
            ("queues.retry_first_ms", "11"),
            ("queues.retry_second_ms", "12"),
            ("queues.retry_third_ms", "13"),
        ]);
        let url = config.rabbitmq.url.as_ref().expect("it is set");
        let options = options(&config.rabbitmq, url, config.queues.retries);
        assert_eq!(options.url, "amqp://user:password@127.0.0.1:5672/%2f");
        assert_eq!(
            (options.connect_timeout, options.confirm_timeout, options.retries),
            (
                Duration::from_millis(1100),
                Duration::from_millis(1200),
                Retries([11, 12, 13].map(Duration::from_millis))
            )
        );
    }
}
