//! What instances share of the cache, in Redis.

use std::sync::Arc;

use bursar_cache::{KeyValue, Seal};
use bursar_cache_redis::{Options, RedisKeyValue};
use secrecy::ExposeSecret;

use super::{Service, UrlRules};
use crate::Failure;
use crate::config::{Redis, SecretUrl};

pub(crate) const SERVICE: Service = Service {
    name: "Redis",
    feature: "redis",
    url: Some(UrlRules {
        describe: bursar_cache_redis::describe,
        problem: bursar_cache_redis::url_problem,
        form: bursar_cache_redis::URL_FORM,
    }),
};

pub(crate) fn start(of: &Redis, url: &SecretUrl, seal: &Seal) -> Result<Arc<dyn KeyValue>, Failure> {
    Ok(Arc::new(RedisKeyValue::start(options(of, url, seal))?))
}

fn options(of: &Redis, url: &SecretUrl, seal: &Seal) -> Options {
    Options {
        url: url.expose_secret().to_owned(),
        connect_timeout: of.connect_timeout,
        channel: seal.channel(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::with;
    use std::time::Duration;
    use uuid::Uuid;

    #[test]
    fn every_setting_of_redis_comes_to_it() {
        let config = with(&[
            ("redis.url", "redis://:password@127.0.0.1:6379/1"),
            ("redis.connect_timeout_ms", "1100"),
        ]);
        let seal = Seal::new(Uuid::nil(), &[7; 32]);
        let options = options(&config.redis, config.redis.url.as_ref().expect("it is set"), &seal);
        assert_eq!(options.url, "redis://:password@127.0.0.1:6379/1");
        assert_eq!((options.connect_timeout, options.channel), (Duration::from_millis(1100), seal.channel()));
    }
}
