//! Documents in a database of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_core::OwnerId;
use bursar_documents::Documents;
use bursar_documents::contract::Place;
use bursar_documents_mongodb::{MongoDocuments, Options};
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{Client, Database};
use uuid::Uuid;

use super::services_file;

/// Where MongoDB is, if `cargo xtask services up` does not tell.
const URL: &str = "BURSAR_TEST_MONGODB_URL";

/// Longer than a busy machine takes to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database that is dropped in the end.
pub struct MongoPlace {
    server: String,
    database: String,
    patience: Duration,
}

impl MongoPlace {
    /// An empty database of the MongoDB that tests share.
    ///
    /// # Panics
    /// There is no MongoDB.
    #[must_use]
    pub fn new() -> Self {
        Self::on(&services_file(URL, "mongodb/url"))
    }

    /// An empty database of this MongoDB.
    #[must_use]
    pub fn on(url: &str) -> Self {
        let database = format!("bursar-test-{}", Uuid::new_v4().simple());
        Self { server: url.to_owned(), database, patience: PATIENCE }
    }

    /// The same, given up after so long where nobody answers: for who is away.
    #[must_use]
    pub const fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        with_database(&self.server, &self.database)
    }

    /// The same, by another way to the server: what listens there is connected to, whatever else it tells of.
    #[must_use]
    pub fn url_by(&self, address: std::net::SocketAddr) -> String {
        format!("mongodb://{address}/{}?directConnection=true", self.database)
    }

    /// How it is opened: with time-outs that a busy machine keeps.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            server_selection_timeout: self.patience,
            operation_timeout: self.patience,
            ..Options::new(&self.url())
        }
    }

    /// The database, as somebody else has it.
    ///
    /// # Panics
    /// Its URL is wrong.
    pub async fn database(&self) -> Database {
        let client = Client::with_uri_str(self.url()).await.expect("a URL");
        client.database(&self.database)
    }

    /// Every binary of every person's documents: keys, and what they seal.
    ///
    /// # Panics
    /// It is not there.
    pub async fn binaries(&self) -> Vec<Vec<u8>> {
        let (database, mut binaries) = (self.database().await, Vec::new());
        let names = database.list_collection_names().await.expect("it is there");
        for name in names.iter().filter(|name| *name != "documents_key") {
            let mut found = database.collection::<Document>(name).find(doc! {}).await.expect("it is there");
            while found.advance().await.expect("it is there") {
                let document = found.deserialize_current().expect("a document");
                collect(&Bson::Document(document), &mut binaries);
            }
        }
        binaries
    }
}

fn collect(value: &Bson, binaries: &mut Vec<Vec<u8>>) {
    match value {
        Bson::Binary(binary) => binaries.push(binary.bytes.clone()),
        Bson::Document(document) => document.values().for_each(|value| collect(value, binaries)),
        Bson::Array(values) => values.iter().for_each(|value| collect(value, binaries)),
        _ => {}
    }
}

impl Default for MongoPlace {
    fn default() -> Self {
        Self::new()
    }
}

/// The URL with this database in the place of any.
fn with_database(url: &str, database: &str) -> String {
    let (server, options) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, hosts) = server.split_once("://").expect("a URL with a scheme");
    let hosts = hosts.split('/').next().unwrap_or_default();
    format!("{scheme}://{hosts}/{database}?{options}")
}

#[async_trait]
impl Place for MongoPlace {
    async fn open(&self) -> Arc<dyn Documents> {
        Arc::new(MongoDocuments::start(self.options()).await.expect("it starts"))
    }

    /// Every document of every collection, as MongoDB sends it.
    async fn dump(&self) -> Vec<u8> {
        let database = self.database().await;
        let mut dump = Vec::new();
        for name in database.list_collection_names().await.expect("it is there") {
            let mut found =
                database.collection::<RawDocumentBuf>(&name).find(doc! {}).await.expect("it is there");
            while found.advance().await.expect("it is there") {
                dump.extend_from_slice(found.current().as_bytes());
            }
        }
        dump
    }

    async fn begin_erasure(&self, id: OwnerId, at: Timestamp) {
        let persons = self.database().await.collection::<Document>("persons");
        let tombstone = doc! {
            "_id": id.to_string(),
            "state": "erased",
            "erased_at_us": at.as_microsecond(),
            "unfinished": true,
        };
        persons.replace_one(doc! { "_id": id.to_string() }, tombstone).await.expect("it is there");
    }
}

impl Drop for MongoPlace {
    fn drop(&mut self) {
        let (url, database) = (self.url(), self.database.clone());
        // On a thread of its own: a test's runtime cannot be waited for from inside.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let dropped = async {
                let mut options = mongodb::options::ClientOptions::parse(&url).await?;
                options.server_selection_timeout = Some(Duration::from_secs(1));
                Client::with_options(options)?.database(&database).drop().await
            };
            runtime.block_on(async { tokio::time::timeout(PATIENCE, dropped).await })
        });
        // Whoever killed its MongoDB has nothing left to drop.
        let _ = dropping.join();
    }
}
