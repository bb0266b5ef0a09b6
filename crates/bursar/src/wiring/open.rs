//! Opens what a Bursar works with: each in the service whose URL is set, else in the data folder.

use std::sync::Arc;

use bursar_broker::{Broker, BrokerError};
use bursar_broker_sqlite::SqliteBroker;
use bursar_cache::{Beside, Cache, Seal};
use bursar_documents::{Documents, DocumentsError, DocumentsKey, People, PeopleError, Vault};
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

/// The ledger, and the documents that follow it, of a server that was started before: without its key there is nothing.
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
