//! Puts the parts together: settings, ledger, authorizer, listener.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bursar_authorizer::{Authorizer, Settings as Lanes};
use bursar_broker::{Broker, BrokerError};
use bursar_broker_rabbitmq::RabbitBroker;
use bursar_broker_sqlite::SqliteBroker;
use bursar_cache::{Beside, Cache, KeyValue, Seal};
use bursar_cache_redis::RedisKeyValue;
use bursar_documents::{Documents, DocumentsError, DocumentsKey, People, PeopleError, Vault};
use bursar_documents_mongodb::MongoDocuments;
use bursar_documents_sqlite::SqliteDocuments;
use bursar_marqeta_client::MarqetaClient;
use bursar_processors::inquiry::Inquire;
use bursar_server::workers::{relay, sender, sweeper};
use bursar_server::{App, Engines, Parts, QuarantineKey, Server, Settings as Http};
use bursar_store::{Ledger, Page, Store};
use bursar_store_postgres::PostgresLedger;
use bursar_store_sqlite::{Options, SqliteLedger, Synchronous};
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::config::{Config, LogFormat, SecretUrl, Sweeper};
use crate::credentials::{self, ApiTokens, Credentials};
use crate::place::Place;
use crate::{descriptors, embedded_queues, telemetry};

/// A Bursar that is bound to its port and not serving yet.
pub(crate) struct Bursar {
    server: Server,
    app: App,
    pub(crate) credentials: Credentials,
    /// Whether this start made the credentials.
    is_first_start: bool,
}

/// Binds the port, opens the ledger and starts the lanes. A port that is taken leaves nothing
/// behind.
pub(crate) async fn start(config: &Config) -> Result<Bursar, Failure> {
    start_with(config, None).await
}

/// The same, with these tokens for the processor's API instead of those of the credentials file.
pub(crate) async fn start_with(config: &Config, tokens: Option<ApiTokens>) -> Result<Bursar, Failure> {
    descriptors::allow(config)?;
    warn_of(config);
    let server = Server::bind(config.server.listen)?;
    let ledger = open_ledger(config).await?;
    let (credentials, is_first_start) = credentials::load_or_create(&config.credentials.file)?;
    if is_first_start {
        warn_of_lone_credentials(config, ledger.as_ref()).await;
    }
    let broker = open_broker(config).await?;
    let quarantine =
        credentials.quarantine_key.clone().ok_or("the credentials file lost its quarantine_key")?;
    let documents_key =
        credentials.documents_key.as_ref().ok_or("the credentials file lost its documents_key")?;
    let people = open_people(config, documents_key).await?;
    let cache = open_cache(config, ledger.as_ref(), &quarantine).await?;
    let authorizer = Authorizer::start(ledger.clone(), cache, lane_settings(config))?;
    let keys = bursar_server::Credentials {
        api_key: credentials.api_key.clone(),
        marqeta: credentials.marqeta.clone(),
        quarantine,
    };
    let processor = processor(config, tokens.or_else(|| credentials.marqeta_api.clone()))?;
    let parts = Parts { authorizer, store: ledger, broker, people, processor };
    let app = App::new(parts, keys, http_settings(config));
    Ok(Bursar { server, app, credentials, is_first_start })
}

/// Marqeta's API, if it is to be asked.
fn processor(config: &Config, tokens: Option<ApiTokens>) -> Result<Option<Arc<dyn Inquire>>, Failure> {
    let Some(base_url) = &config.marqeta.base_url else { return Ok(None) };
    let tokens = tokens.ok_or_else(|| {
        let file = config.credentials.file.display();
        format!("marqeta.base_url is set, and {file} has no application_token and access_token in [marqeta]: set both")
    })?;
    let client = MarqetaClient::new(&bursar_marqeta_client::Settings {
        base_url: base_url.clone(),
        application_token: tokens.application,
        access_token: tokens.access,
        timeout: config.marqeta.timeout,
    })?;
    Ok(Some(Arc::new(client)))
}

async fn open_ledger(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let place = Place::of(config);
    let failed = |error| place.failed(&error, "--data-dir");
    Ok(match &place {
        Place::Folder(folder) => {
            Arc::new(SqliteLedger::open(folder, ledger_options(config)).map_err(failed)?)
        }
        Place::Postgres(options) => {
            Arc::new(PostgresLedger::open((**options).clone()).await.map_err(failed)?)
        }
    })
}

/// RabbitMQ if the settings have a URL, else the queues in the data folder.
async fn open_broker(config: &Config) -> Result<Arc<dyn Broker>, Failure> {
    let Some(url) = &config.rabbitmq.url else {
        let opened = SqliteBroker::open(&config.data.dir, config.queues.retries);
        return Ok(Arc::new(opened.map_err(|error| match error {
            BrokerError::InUse(_) => Failure::from(format!(
                "{error}; stop that, choose another folder with --data-dir, or set rabbitmq.url"
            )),
            error => error.into(),
        })?));
    };
    let left = embedded_queues::waiting_in(&config.data.dir).await?;
    if left > 0 {
        let folder = config.data.dir.display();
        tracing::error!(
            "{left} messages wait in the embedded queues of {folder}, and nobody works them off while rabbitmq.url is \
             set: start without it until none waits"
        );
    }
    let started = RabbitBroker::start(rabbitmq_options(config, url)).await;
    Ok(Arc::new(started.map_err(|error| format!("{url}: {error}"))?))
}

/// Persons, by this key: in MongoDB if the settings have a URL, else in the data folder.
async fn open_people(config: &Config, key: &DocumentsKey) -> Result<Arc<People>, Failure> {
    let documents: Arc<dyn Documents> = match &config.mongodb.url {
        Some(url) => {
            let started = MongoDocuments::start(mongodb_options(config, url)).await;
            Arc::new(started.map_err(|error| format!("{url}: {error}"))?)
        }
        None => Arc::new(SqliteDocuments::open(&config.data.dir).map_err(|error| match error {
            DocumentsError::InUse(_) => Failure::from(format!(
                "{error}; stop that, choose another folder with --data-dir, or set mongodb.url"
            )),
            error => error.into(),
        })?),
    };
    let people = People::new(documents, Vault::new(key));
    match people.check_key().await {
        Ok(()) => Ok(Arc::new(people)),
        // The log has said so; who asks first when they are there finds out.
        Err(PeopleError::Documents(DocumentsError::Unavailable(_))) => Ok(Arc::new(people)),
        Err(error @ PeopleError::OtherKey { .. }) => Err(other_key(config, &error).into()),
        Err(error) => Err(error.into()),
    }
}

/// What to do about documents of another key. None of them is lost.
fn other_key(config: &Config, error: &PeopleError) -> String {
    let documents = match &config.mongodb.url {
        Some(url) => url.to_string(),
        None => format!("the data folder {}", config.data.dir.display()),
    };
    format!(
        "{error}; nothing was changed in {documents}\n  documents_key in {} is another one than that which sealed them: \
         copy that line from the credentials file of the instance that did, or from a backup of it",
        config.credentials.file.display()
    )
}

/// The ledger, and the documents that follow it; nothing is made that is not there.
pub(crate) async fn open_documents(config: &Config) -> Result<(Arc<dyn Store>, Arc<People>), Failure> {
    let ledger = open_ledger(config).await?;
    let credentials = credentials::load(&config.credentials.file)?;
    let key = credentials
        .documents_key
        .ok_or("the credentials file has no documents_key: there are no documents")?;
    Ok((ledger, open_people(config, &key).await?))
}

/// In memory, and in Redis if the settings have a URL. Who shares it has the same ledger and the same credentials file.
async fn open_cache(
    config: &Config,
    ledger: &dyn Ledger,
    quarantine: &QuarantineKey,
) -> Result<Arc<Cache>, Failure> {
    let seal = Seal::new(ledger.identity().await?.id, &quarantine.derive("cache"));
    let beside = match &config.redis.url {
        Some(url) => {
            let started = RedisKeyValue::start(redis_options(config, url, &seal));
            let values: Arc<dyn KeyValue> = Arc::new(started?);
            Beside::Shared(values)
        }
        None if config.postgres.url.is_none() => Beside::Alone,
        None => Beside::Untold,
    };
    Ok(Cache::start(beside, &seal, cache_settings(config)))
}

/// Whether the ledger has programs whose names begin otherwise.
pub(crate) async fn has_programs_beside(config: &Config, name: &str) -> Result<bool, Failure> {
    let ledger = open_ledger(config).await?;
    let mut page = Page { after: None, limit: 1_000 };
    loop {
        let programs = ledger.list_programs(page).await?;
        if programs.iter().any(|program| !program.name.as_str().starts_with(name)) {
            return Ok(true);
        }
        page.after = programs.last().map(|program| program.id);
        if page.after.is_none() {
            return Ok(false);
        }
    }
}

impl Bursar {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.local_addr())
    }

    /// Serves until `shutdown` is done, then finishes what runs.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()> + Send) -> std::io::Result<()> {
        self.server.run(self.app, shutdown).await
    }

    /// What a newcomer needs to know first.
    pub(crate) fn greeting(&self, config: &Config) -> String {
        let made = if self.is_first_start { ", made now" } else { "" };
        let line = |what: &str, url: &Option<_>| {
            url.as_ref().map_or(String::new(), |url: &SecretUrl| format!("{what} {url}\n"))
        };
        let services = [
            ("ledger", &config.postgres.url),
            ("queues", &config.rabbitmq.url),
            ("cache", &config.redis.url),
            ("documents", &config.mongodb.url),
        ];
        let services: String = services.map(|(what, url)| line(what, url)).concat();
        format!(
            "Bursar {}\n{services}data folder {}\nAPI key and processor password in {}{made}\nAPI page {}/docs",
            env!("CARGO_PKG_VERSION"),
            config.data.dir.display(),
            config.credentials.file.display(),
            self.url(),
        )
    }
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

pub(crate) fn start_logs(config: &Config) -> Result<(), Failure> {
    telemetry::start(config.log.level, config.log.format == LogFormat::Json)
}

/// What an operator should know of these settings before something happens.
fn warn_of(config: &Config) {
    if config.sqlite.synchronous == Synchronous::Normal {
        tracing::warn!(
            "sqlite.synchronous is \"normal\": answered decisions can be lost, so this instance never reports ready"
        );
    }
    if config.postgres.url.is_some() && config.mongodb.url.is_none() {
        tracing::warn!(
            "personal documents are in {}, for this instance alone: another one on the same ledger does not see them, \
             and what it is told of does not come to them; set mongodb.url where there are several",
            config.data.dir.display()
        );
    }
    let listen = config.server.listen;
    if !listen.ip().is_loopback() {
        tracing::warn!(
            "listening on {listen} in plain HTTP: whoever reaches it can read along; put TLS in front"
        );
    }
}

/// Who has used this ledger before has other credentials than those that were made just now. A ledger that
/// cannot be asked says so elsewhere.
async fn warn_of_lone_credentials(config: &Config, ledger: &dyn Ledger) {
    let programs = ledger.list_programs(Page { after: None, limit: 1 }).await;
    if programs.is_ok_and(|programs| !programs.is_empty()) {
        tracing::warn!(
            "the ledger was used before, and API key and passwords are new: callers who know those of another \
             instance are refused here; copy its credentials file to {} and restart",
            config.credentials.file.display()
        );
    }
}

/// Done on Ctrl-C or SIGTERM, which are caught from this call on. A second one ends the process at
/// once.
///
/// # Errors
/// The system does not let signals be caught.
pub(crate) fn until_stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut signalled = async move || {
        tokio::select! { _ = interrupts.recv() => {}, _ = terminations.recv() => {} }
    };
    Ok(async move {
        signalled().await;
        eprintln!("bursar: stopping; a second signal stops at once");
        tokio::spawn(async move {
            signalled().await;
            eprintln!(
                "bursar: stopped at once, on the second signal; what ran may be committed and unanswered"
            );
            std::process::exit(130);
        });
    })
}

fn ledger_options(config: &Config) -> Options {
    Options {
        synchronous: config.sqlite.synchronous,
        checkpoint_pages: config.sqlite.checkpoint_pages,
        readers: config.sqlite.readers,
        cache_kib: config.sqlite.cache_kib,
        ..Options::default()
    }
}

fn rabbitmq_options(config: &Config, url: &SecretUrl) -> bursar_broker_rabbitmq::Options {
    bursar_broker_rabbitmq::Options {
        connect_timeout: config.rabbitmq.connect_timeout,
        confirm_timeout: config.rabbitmq.confirm_timeout,
        retries: config.queues.retries,
        url: url.expose().to_owned(),
    }
}

fn lane_settings(config: &Config) -> Lanes {
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

fn redis_options(config: &Config, url: &SecretUrl, seal: &Seal) -> bursar_cache_redis::Options {
    bursar_cache_redis::Options {
        url: url.expose().to_owned(),
        connect_timeout: config.redis.connect_timeout,
        channel: seal.channel(),
    }
}

fn mongodb_options(config: &Config, url: &SecretUrl) -> bursar_documents_mongodb::Options {
    let mongodb = &config.mongodb;
    bursar_documents_mongodb::Options {
        url: url.expose().to_owned(),
        pool_min: mongodb.connections_min,
        pool_max: mongodb.connections_max,
        idle_timeout: mongodb.idle_timeout,
        server_selection_timeout: mongodb.selection_timeout,
        operation_timeout: mongodb.operation_timeout,
    }
}

const fn cache_settings(config: &Config) -> bursar_cache::Settings {
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

/// How often a relay looks for what other instances committed: a look reads an index that is empty then.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

fn http_settings(config: &Config) -> Http {
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
        sweeper: sweeper_settings(&config.sweeper),
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

const fn sweeper_settings(of: &Sweeper) -> sweeper::Settings {
    let &Sweeper { is_on, interval, slice, unconfirmed_after } = of;
    sweeper::Settings { is_on, interval, slice, unconfirmed_after }
}
