//! What a MongoDB that is killed, stands still or is cut off does to documents.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_core::text::FreeText;
use bursar_core::{OwnerId, ProgramId};
use bursar_documents::{Documents, DocumentsError, DocumentsKey, People, PeopleError, Profile, Vault};
use bursar_documents_mongodb::{MongoDocuments, Options};
use bursar_testkit::{Fault, MongoPlace, MongoServer, Proxy};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

/// Longer than anything here takes: after a kill the stand-in needs a quarter of a minute.
const PATIENCE: Duration = Duration::from_secs(120);

fn id(number: u128) -> OwnerId {
    OwnerId::new(Uuid::from_u128(number))
}

fn profile(name: &str) -> Profile {
    Profile {
        given_name: FreeText::new(name),
        family_name: FreeText::new("Lovelace"),
        email: None,
        phone: None,
        birth_date: None,
        address: None,
    }
}

/// One that finds out soon.
fn impatient(url: &str) -> Options {
    Options {
        server_selection_timeout: Duration::from_secs(1),
        operation_timeout: Duration::from_secs(1),
        ..Options::new(url)
    }
}

async fn people(options: Options) -> Arc<People> {
    let documents = MongoDocuments::start(options).await.expect("that it is away is no error");
    Arc::new(People::new(Arc::new(documents), Vault::new(&DocumentsKey::new([7; 32]))))
}

async fn create(people: &People, number: u128) -> Result<(), PeopleError> {
    let program = ProgramId::new(Uuid::from_u128(1));
    people.create(id(number), program, profile("Ada"), Timestamp::UNIX_EPOCH).await.map(drop)
}

fn is_unavailable<T>(asked: &Result<T, PeopleError>) -> bool {
    matches!(asked, Err(PeopleError::Documents(DocumentsError::Unavailable(_))))
}

/// Waits until it can be used.
async fn is_back(people: &People) {
    let began = Instant::now();
    while let Err(error) = people.documents().ready().await {
        assert!(began.elapsed() < PATIENCE, "{error}");
        tokio::task::yield_now().await;
    }
}

/// What a writer was told.
#[derive(Debug, Clone, Default)]
struct Told {
    /// The last version of each person that was acknowledged.
    versions: BTreeMap<u128, i64>,
    /// Writes of which something was told, and those that failed.
    writes: u64,
    failures: u64,
}

/// Makes persons and changes each of them three times, and notes what was acknowledged.
struct Writer {
    told: watch::Receiver<Told>,
    task: JoinHandle<()>,
}

impl Writer {
    fn start(people: Arc<People>) -> Self {
        let (tell, told) = watch::channel(Told::default());
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !tell.is_closed() {
                number += 1;
                let mut written = create(&people, number).await.map(|()| 1);
                for version in 1..=3 {
                    let note = |told: &mut Told| {
                        told.writes += 1;
                        match written {
                            Ok(version) => drop(told.versions.insert(number, version)),
                            Err(_) => told.failures += 1,
                        }
                    };
                    tell.send_modify(note);
                    if written.is_err() {
                        break;
                    }
                    let name = format!("Ada {version}");
                    let updated = people.update(id(number), version, profile(&name), Timestamp::UNIX_EPOCH);
                    written = updated.await.map(|person| person.version);
                }
                tokio::task::yield_now().await;
            }
        });
        Self { told, task }
    }

    async fn acknowledges(&mut self, more: usize) {
        let count = self.told.borrow().versions.len() + more;
        self.until(|told| told.versions.len() >= count).await;
    }

    /// Waits until of so many more something was told.
    async fn writes(&mut self, more: u64) {
        let count = self.told.borrow().writes + more;
        self.until(|told| told.writes >= count).await;
    }

    async fn fails(&mut self) {
        let before = self.told.borrow().failures;
        self.until(|told| told.failures > before).await;
    }

    async fn until(&mut self, is_so: impl FnMut(&Told) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, self.told.wait_for(is_so)).await;
        waited.expect("it comes to that").expect("it writes");
    }

    async fn stop(self) -> Told {
        let told = self.told.borrow().clone();
        drop(self.told);
        self.task.await.expect("it writes");
        told
    }
}

/// What was acknowledged is there, or what was written after it.
async fn assert_nothing_lost(people: &People, told: &Told) {
    for (number, version) in &told.versions {
        let found = people.find(id(*number)).await.expect("it is there").expect("it was acknowledged");
        assert!(found.version >= *version, "{number}: {} is older than {version}", found.version);
        let name = if found.version == 1 { "Ada".to_owned() } else { format!("Ada {}", found.version - 1) };
        assert_eq!(found.profile, profile(&name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_kills() {
    let mut server = MongoServer::new();
    let place = server.place();
    let people = people(impatient(&place.url())).await;
    let mut writer = Writer::start(people.clone());
    for _ in 0..2 {
        writer.acknowledges(20).await;
        server.kill();
        writer.fails().await;
        server.start();
        is_back(&people).await;
    }
    writer.acknowledges(20).await;
    let told = writer.stop().await;
    assert!(told.versions.len() >= 60);
    assert_nothing_lost(&people, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_stands_still_is_waited_for_in_bounds_and_then_not_at_all() {
    let server = MongoServer::new();
    let place = server.place();
    let people = people(impatient(&place.url())).await;
    create(&people, 1).await.expect("it is made");
    server.freeze();
    let began = Instant::now();
    let found = people.find(id(1)).await;
    assert!(is_unavailable(&found), "{found:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // That is remembered for a second: so many would otherwise take two minutes.
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..120 {
        let people = people.clone();
        asking.spawn(async move { people.find(id(1)).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(is_unavailable));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    server.thaw();
    is_back(&people).await;
    assert!(people.find(id(1)).await.expect("it is there").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_away_at_the_start_is_used_once_it_is_there() {
    let mut server = MongoServer::new();
    let place = server.place();
    server.kill();
    let people = people(impatient(&place.url())).await;
    assert!(is_unavailable(&people.find(id(1)).await));
    assert!(matches!(people.documents().ready().await, Err(DocumentsError::Unavailable(_))));
    server.start();
    is_back(&people).await;
    create(&people, 1).await.expect("it is made");
    // With all that would have been made at the start.
    let indexes =
        place.database().await.collection::<mongodb::bson::Document>("persons").list_index_names().await;
    assert!(indexes.expect("it is there").contains(&"by_email".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_loses_nothing_that_was_acknowledged() {
    let server = MongoServer::new();
    let place = server.place();
    let proxy = Proxy::to(server.address()).await;
    let people = people(impatient(&place.url_by(proxy.address()))).await;
    let mut writer = Writer::start(people.clone());
    writer.acknowledges(5).await;
    proxy.set(Fault::Cut);
    writer.fails().await;
    // Within questions, within answers, after some: the driver asks once more by itself, and nothing is done twice.
    for bytes in [100, 700, 1_500, 4_000] {
        proxy.set(Fault::CutAfter(bytes));
        writer.writes(20).await;
    }
    proxy.set(Fault::None);
    is_back(&people).await;
    writer.acknowledges(5).await;
    // Nobody is told that nothing passes.
    proxy.set(Fault::HalfOpen);
    writer.fails().await;
    proxy.set(Fault::None);
    is_back(&people).await;
    writer.acknowledges(5).await;
    let told = writer.stop().await;
    assert_nothing_lost(&people, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_few_and_all_come_back() {
    let place = MongoPlace::new();
    let options = Options { pool_max: 3, ..place.options() };
    let people = people(options).await;
    create(&people, 1).await.expect("it is made");
    let mut asking = JoinSet::new();
    for _ in 0..64 {
        let people = people.clone();
        asking.spawn(async move {
            let found = people.find(id(1)).await.expect("it is there");
            let figures = people.documents().figures().await.expect("it is there");
            (found.is_some(), figures.connections.expect("there are such"))
        });
    }
    for (is_found, connections) in asking.join_all().await {
        assert!(is_found && connections.in_use <= 3 && connections.in_use + connections.idle <= 4);
    }
    let began = Instant::now();
    loop {
        let figures = people.documents().figures().await.expect("it is there");
        let connections = figures.connections.expect("there are such");
        if connections.in_use == 0 && connections.idle >= 2 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{connections:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wrong_url_is_an_error_at_the_start_and_shows_no_password() {
    for url in [
        "http://bursar:secret@127.0.0.1",
        "mongodb://bursar:sec/ret@127.0.0.1/x",
        "mongodb://bursar:secret@127.0.0.1/?socketTimeoutMS=1000",
        "mongodb://bursar:secret@127.0.0.1/?authMechanism=NONE",
    ] {
        let error = MongoDocuments::start(Options::new(url)).await.map(drop).expect_err(url);
        let words = error.to_string();
        assert!(matches!(error, DocumentsError::Misfit(_)), "{words}");
        assert!(!words.contains("sec"), "{words}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_told_of_soon() {
    // A port that somebody has and nobody answers at.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = taken.local_addr().expect("a port");
    let began = Instant::now();
    let documents = MongoDocuments::start(impatient(&format!("mongodb://{address}/x"))).await;
    let documents = documents.expect("that it is away is no error");
    assert!(matches!(documents.find_person(id(1)).await, Err(DocumentsError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
