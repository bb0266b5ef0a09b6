//! All that an instance keeps, wherever it keeps it, as somebody reads it who has stolen it.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use bursar_testkit::{DocumentsPlace, MongoPlace, RabbitPlace, RedisServer, Store};
use tempfile::TempDir;

use crate::common::{Error, PATIENCE, Running};
use crate::home::Home;

/// Where an instance keeps what it keeps.
pub(super) enum Around {
    /// In files of its data folder.
    Folder(TempDir),
    /// In the services that instances share.
    Services(Box<Services>),
}

pub(super) struct Services {
    home: Home,
    rabbitmq: RabbitPlace,
    redis: RedisServer,
    mongodb: MongoPlace,
}

/// All that is kept in one place.
pub(super) struct Dump {
    pub(super) place: &'static str,
    /// A byte a character, letters of ASCII small.
    content: String,
    /// What is found in it as long as it is a dump.
    marker: Vec<u8>,
    /// Whether it is the ledger's, which knows who was paid.
    pub(super) knows_merchants: bool,
}

/// In Redis keys are hashes, and values sealed: whoever looks into it would find nothing of ours at all.
const FOREIGN: &str = "planted-by-nobody-of-ours";

impl Around {
    pub(super) fn folder() -> Result<Self, Error> {
        Ok(Self::Folder(tempfile::tempdir()?))
    }

    pub(super) async fn services() -> Result<Self, Error> {
        let redis = RedisServer::new();
        let _ = redis.ask(&["set", FOREIGN, FOREIGN]);
        let (home, rabbitmq) = (Home::on(Store::Postgres)?, RabbitPlace::new().await);
        Ok(Self::Services(Box::new(Services { home, rabbitmq, redis, mongodb: MongoPlace::new() })))
    }

    /// Starts an instance that writes all that it can write into its log.
    pub(super) fn start(&self) -> Result<Running, Error> {
        match self {
            Self::Folder(folder) => {
                let mut command = crate::common::bursar(&["serve"]);
                command.env("BURSAR__LOG__LEVEL", "trace").env_remove("RUST_LOG");
                Running::launch(command, folder.path())
            }
            Self::Services(services) => {
                let Services { home, rabbitmq, redis, mongodb } = &**services;
                let mut command = home.bursar(&["serve"]);
                command.env("BURSAR__LOG__LEVEL", "trace").env_remove("RUST_LOG");
                command.env("BURSAR__RABBITMQ__URL", rabbitmq.url()).env("BURSAR__REDIS__URL", redis.url());
                command.env("BURSAR__MONGODB__URL", mongodb.url());
                Running::launch(command, home.folder())
            }
        }
    }

    /// Publishes this where reports of processors wait. How many dead letters that makes: only RabbitMQ lets others do that.
    pub(super) async fn publish(&self, text: &str) -> u64 {
        match self {
            Self::Folder(_) => 0,
            Self::Services(services) => {
                services.rabbitmq.publish("webhook-queue", text).await;
                1
            }
        }
    }

    /// From now on what is published is kept, whoever consumes it.
    pub(super) async fn keep_messages(&self) {
        if let Self::Services(services) = self {
            services.rabbitmq.copy(&["transactions", "events"]).await;
        }
    }

    /// Everything that is kept; each has its marker: what the ledger calls the person, its id, or what others call it.
    pub(super) async fn dumps(&self, reference: &str, person: &str) -> Result<Vec<Dump>, Error> {
        Ok(match self {
            Self::Folder(folder) => {
                let files = |name| files(folder.path(), name);
                let id = id(folder.path())?;
                vec![
                    Dump::new("ledger.db", &files("ledger.db")?, reference.as_bytes()).of_the_ledger(),
                    Dump::new("broker.db", &files("broker.db")?, person.as_bytes()),
                    Dump::new("documents.db", &files("documents.db")?, &id),
                ]
            }
            Self::Services(services) => {
                let Services { home, rabbitmq, redis, mongodb } = &**services;
                let postgres = home.postgres().ok_or("a database")?;
                let ledger = [postgres.dump(), postgres.stored()].concat();
                vec![
                    Dump::new("PostgreSQL", ledger.as_bytes(), reference.as_bytes()).of_the_ledger(),
                    Dump::new("RabbitMQ", rabbitmq.copied().await.as_bytes(), person.as_bytes()),
                    Dump::new("Redis", redis.dump().as_bytes(), FOREIGN.as_bytes()),
                    Dump::new("MongoDB", &mongodb.dump().await, person.as_bytes()),
                ]
            }
        })
    }

    /// What is sealed, and the dumps that have all of it. A message that a consumer is handed just now is in no queue,
    /// and what it changes is sealed anew: both are read again until they are of one moment.
    pub(super) async fn of_one_moment(
        &self,
        reference: &str,
        person: &str,
    ) -> Result<(Vec<Vec<u8>>, Vec<Dump>), Error> {
        let began = Instant::now();
        loop {
            let (sealed, dumps) = (self.sealed().await?, self.dumps(reference, person).await?);
            if sealed.iter().all(|sealed| dumps.iter().any(|dump| dump.has(sealed))) {
                return Ok((sealed, dumps));
            }
            assert!(began.elapsed() < PATIENCE, "what is sealed is not where it is looked for");
        }
    }

    /// Keys of persons, and what they seal.
    pub(super) async fn sealed(&self) -> Result<Vec<Vec<u8>>, Error> {
        match self {
            Self::Folder(folder) => sealed(folder.path()),
            Self::Services(services) => Ok(services.mongodb.binaries().await),
        }
    }

    /// How many values are cached where others can read them.
    pub(super) fn cached(&self) -> Option<usize> {
        match self {
            Self::Folder(_) => None,
            Self::Services(services) => Some(services.redis.ask(&["keys", "*"]).lines().count() - 1),
        }
    }
}

impl Dump {
    pub(super) fn new(place: &'static str, content: &[u8], marker: &[u8]) -> Self {
        Self { place, content: latin(content), marker: marker.to_owned(), knows_merchants: false }
    }

    fn of_the_ledger(self) -> Self {
        Self { knows_merchants: true, ..self }
    }

    /// Whether its marker is in it: in a dump of nothing, nothing can be read.
    pub(super) fn is_one(&self) -> bool {
        self.has(&self.marker)
    }

    /// Whether it can be read here, in letters of any case, or as the hexadecimal digits of bytes.
    pub(super) fn shows(&self, text: &str) -> bool {
        self.has(text.as_bytes())
            || self.content.contains(&hex(text))
            || self.content.contains(&hex(&text.to_lowercase()))
    }

    /// Whether these bytes are in it.
    pub(super) fn has(&self, bytes: &[u8]) -> bool {
        self.content.contains(&latin(bytes))
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A file of SQLite's, with its log and whatever else lies beside it.
fn files(folder: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with(name) {
            bytes.extend(std::fs::read(file.path())?);
        }
    }
    Ok(bytes)
}

fn blobs(folder: &Path, query: &str) -> Result<Vec<Vec<u8>>, Error> {
    let file = rusqlite::Connection::open(folder.join("documents.db"))?;
    let mut find = file.prepare(query)?;
    let found = find.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// The one person's.
fn id(folder: &Path) -> Result<Vec<u8>, Error> {
    Ok(blobs(folder, "select id from persons")?.concat())
}

fn sealed(folder: &Path) -> Result<Vec<Vec<u8>>, Error> {
    blobs(
        folder,
        "select wrapped_key from persons where wrapped_key is not null union all select email_index from persons
             where email_index is not null union all select sealed from fields
         union all select reason from kyc_transitions where reason is not null
         union all select label from cards where label is not null
         union all select merchant from history where merchant is not null",
    )
}
