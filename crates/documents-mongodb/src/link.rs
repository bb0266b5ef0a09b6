//! The way to MongoDB: made when it is first used, and bounded whatever is asked.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bursar_documents::{Connections, DocumentsError, Measure};
use mongodb::bson::Document;
use mongodb::error::Error;
use mongodb::options::ConnectionString;
use mongodb::{Collection, Database};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::away::Away;
use crate::failure;
use crate::options::{Options, Pool};
use crate::schema;

/// The collections.
pub(crate) mod name {
    pub(crate) const PERSONS: &str = "persons";
    pub(crate) const CARDS: &str = "cards";
    pub(crate) const WALLETS: &str = "wallets";
    pub(crate) const HISTORY: &str = "history";
    pub(crate) const DOCUMENTS_KEY: &str = "documents_key";

    /// Those of read models.
    pub(crate) const READ_MODELS: [&str; 3] = [CARDS, WALLETS, HISTORY];
}

pub(crate) struct Link {
    pub(crate) options: Options,
    url: ConnectionString,
    away: Away,
    client: OnceCell<Open>,
    /// Set once validators and indexes are there.
    prepared: OnceCell<()>,
    measure: OnceLock<Measure>,
}

/// The client's database, and its connections.
struct Open {
    database: Database,
    pool: Arc<Pool>,
}

impl Link {
    /// # Errors
    /// The URL is wrong.
    pub(crate) fn new(options: Options) -> Result<Self, DocumentsError> {
        let url = options.connection_string()?;
        let (client, prepared) = (OnceCell::new(), OnceCell::new());
        Ok(Self { options, url, away: Away::default(), client, prepared, measure: OnceLock::new() })
    }

    /// Asks MongoDB, which has its validators and indexes then. Ends in bounded time: the driver has no time-out of its
    /// own for what it writes.
    pub(crate) async fn ask<'a, T, A>(
        &'a self,
        ask: impl FnOnce(&'a Database) -> A,
    ) -> Result<T, DocumentsError>
    where
        A: Future<Output = Result<T, Error>>,
    {
        self.bounded(async {
            let database = self.prepared().await?;
            ask(database).await.map_err(Failed::Driver)
        })
        .await
    }

    /// The same of one collection.
    pub(crate) async fn of<T, A>(
        &self,
        name: &str,
        ask: impl FnOnce(Collection<Document>) -> A,
    ) -> Result<T, DocumentsError>
    where
        A: Future<Output = Result<T, Error>>,
    {
        self.ask(|database| ask(database.collection(name))).await
    }

    /// The database, with validators and indexes.
    async fn prepared(&self) -> Result<&Database, Failed> {
        let database = &self.open().await?.database;
        // Of many who come first one makes them; if it fails, the next one tries.
        self.prepared
            .get_or_try_init(|| schema::prepare(database, &self.options))
            .await
            .map_err(Failed::Driver)?;
        Ok(database)
    }

    async fn open(&self) -> Result<&Open, Failed> {
        let open = async || {
            let (client, pool, name) = self.options.client(self.url.clone()).await.map_err(Failed::Said)?;
            Ok(Open { database: client.database(&name), pool })
        };
        self.client.get_or_try_init(open).await
    }

    /// The connections, if there is a client.
    pub(crate) fn connections(&self) -> Option<Connections> {
        self.client.get().map(|open| open.pool.figures(self.options.pool_max))
    }

    /// The first who asks for that is told how long each operation takes.
    pub(crate) fn measure(&self, measure: Measure) {
        let _ = self.measure.set(measure);
    }

    async fn bounded<T>(&self, asking: impl Future<Output = Result<T, Failed>>) -> Result<T, DocumentsError> {
        let leave = self.away.enter(Instant::now())?;
        let (limit, began) = (self.options.operation_timeout, Instant::now());
        let answer = match timeout(limit, asking).await {
            Ok(answer) => answer.map_err(DocumentsError::from),
            Err(_) => Err(DocumentsError::Unavailable(format!("MongoDB did not answer within {limit:?}"))),
        };
        if let Some(measure) = self.measure.get() {
            measure(began.elapsed());
        }
        match &answer {
            // Each outage is told once.
            Err(DocumentsError::Unavailable(why)) => {
                if leave.silent(why, Instant::now()) {
                    tracing::warn!("MongoDB is away, and documents with it: {why}");
                }
            }
            _ => {
                if leave.answered() {
                    tracing::info!("MongoDB is there again");
                }
            }
        }
        answer
    }
}

/// What went wrong on the way.
enum Failed {
    Driver(Error),
    Said(DocumentsError),
}

impl From<Failed> for DocumentsError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Driver(error) => failure::of(&error),
            Failed::Said(error) => error,
        }
    }
}
