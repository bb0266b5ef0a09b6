//! What the settings say, to each part in its own words.

use std::time::Duration;

use bursar_authorizer::Settings as Lanes;
use bursar_server::workers::{relay, sender, sweeper};
use bursar_server::{Engines, Settings as Http};
use bursar_store_sqlite::Options;

use crate::config::{Config, Sweeper};

pub(super) fn ledger(config: &Config) -> Options {
    Options {
        synchronous: config.sqlite.synchronous,
        checkpoint_pages: config.sqlite.checkpoint_pages,
        readers: config.sqlite.readers,
        cache_kib: config.sqlite.cache_kib,
        ..Options::default()
    }
}

pub(super) fn lanes(config: &Config) -> Lanes {
    Lanes {
        batch_size_max: config.lanes.batch_size_max,
        queue_max: config.lanes.queue_max,
        answer_grace: config.jit.deadline.saturating_sub(config.jit.start),
        many: config.events.rest_above,
        warning: config.profiler.warning,
        critical: config.profiler.critical,
        ..Lanes::default()
    }
}

pub(super) const fn cache(config: &Config) -> bursar_cache::Settings {
    let cache = &config.cache;
    bursar_cache::Settings {
        user: cache.user_ttl,
        card: cache.card_ttl,
        limits: cache.limits_ttl,
        transaction: cache.transaction_ttl,
        entries_max: cache.entries_max,
    }
}

fn engines(config: &Config) -> Engines {
    let embedded = Engines::default();
    Engines {
        ledger: if config.postgres.url.is_some() { "postgresql" } else { embedded.ledger },
        broker: if config.rabbitmq.url.is_some() { "rabbitmq" } else { embedded.broker },
        cache: if config.redis.url.is_some() { "redis" } else { embedded.cache },
        documents: if config.mongodb.url.is_some() { "mongodb" } else { embedded.documents },
    }
}

/// How often a relay looks while it finds what other instances committed.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

pub(super) fn http(config: &Config) -> Http {
    Http {
        header_timeout: config.server.header_timeout,
        body_timeout: config.server.body_timeout,
        answer_timeout: config.server.answer_timeout,
        body_max_bytes: config.server.body_max_bytes,
        connections_max: config.server.connections_max,
        api_rate_max: config.server.api_rate_max,
        drain: config.server.drain,
        linger: config.server.linger,
        shutdown_grace: config.server.shutdown_grace,
        jit_start: config.jit.start,
        engines: engines(config),
        roles: config.server.roles,
        sweeper: sweeper(&config.sweeper),
        relay: relay::Settings {
            kept: config.events.kept,
            // Another instance's commits are only seen by a look.
            interval: if config.postgres.url.is_some() {
                LOOKS_EVERY
            } else {
                relay::Settings::default().interval
            },
        },
        sender: sender::Settings {
            timeout: config.webhooks.timeout,
            allow_private: config.webhooks.allow_private,
            kept: config.webhooks.kept,
        },
        ..Http::default()
    }
}

const fn sweeper(of: &Sweeper) -> sweeper::Settings {
    let &Sweeper { is_on, interval, slice, unconfirmed_after } = of;
    sweeper::Settings { is_on, interval, slice, unconfirmed_after }
}
