//! Opens what a Bursar works with: each in the service whose URL is set, else in the data folder.

use std::sync::Arc;

use bursar_broker::{Broker, BrokerError};
use bursar_broker_sqlite::SqliteBroker;
use bursar_cache::{Beside, Cache, Seal};
use bursar_documents::{Documents, DocumentsError, DocumentsKey, People, Vault};
use bursar_documents_sqlite::SqliteDocuments;
use bursar_server::QuarantineKey;
use bursar_store::{Ledger, Store};
use bursar_store_sqlite::SqliteLedger;

use super::settings;
use crate::config::Config;
use crate::place::Place;
use crate::services::{mongodb, postgres, rabbitmq, redis};
use crate::{Failure, credentials, embedded_queues};

/// In PostgreSQL or in the data folder.
pub(super) async fn ledger(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let place = Place::of(config)?;
    let failed = |error| place.failed(&error, "--data-dir");
    Ok(match &place {
        Place::Folder(folder) => {
            Arc::new(SqliteLedger::open(folder, settings::ledger(config)).map_err(failed)?)
        }
        Place::Postgres(options) => postgres::open(options).await.map_err(failed)?,
    })
}

/// RabbitMQ, or the queues in the data folder.
pub(super) async fn broker(config: &Config) -> Result<Arc<dyn Broker>, Failure> {
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
    rabbitmq::start(&config.rabbitmq, url, config.queues.retries).await
}

/// Persons, by this key: in MongoDB or in the data folder.
pub(super) async fn people(config: &Config, key: &DocumentsKey) -> Result<Arc<People>, Failure> {
    let documents: Arc<dyn Documents> = match &config.mongodb.url {
        Some(url) => mongodb::start(&config.mongodb, url).await?,
        None => Arc::new(SqliteDocuments::open(&config.data.dir).map_err(|error| match error {
            DocumentsError::InUse(_) => Failure::from(format!(
                "{error}; stop that, choose another folder with --data-dir, or set mongodb.url"
            )),
            error => error.into(),
        })?),
    };
    Ok(Arc::new(People::new(documents, Vault::new(key))))
}

/// The ledger, and the documents that follow it; nothing is made that is not there.
pub(crate) async fn documents(config: &Config) -> Result<(Arc<dyn Store>, Arc<People>), Failure> {
    let ledger = ledger(config).await?;
    let credentials = credentials::load(&config.credentials.file)?;
    let key = credentials
        .documents_key
        .ok_or("the credentials file has no documents_key: there are no documents")?;
    Ok((ledger, people(config, &key).await?))
}

/// In memory, and in Redis if the settings have a URL. Who shares it has the same ledger and the same credentials file.
pub(super) async fn cache(
    config: &Config,
    ledger: &dyn Ledger,
    quarantine: &QuarantineKey,
) -> Result<Arc<Cache>, Failure> {
    let seal = Seal::new(ledger.identity().await?.id, &quarantine.derive("cache"));
    let beside = match &config.redis.url {
        Some(url) => Beside::Shared(redis::start(&config.redis, url, &seal)?),
        None if config.postgres.url.is_none() => Beside::Alone,
        None => Beside::Untold,
    };
    Ok(Cache::start(beside, &seal, settings::cache(config)))
}
