//! Persons on two instances that share PostgreSQL, RabbitMQ and MongoDB; and documents of another key, on both engines.

use std::path::Path;
use std::time::Instant;

use bursar_testkit::{DocumentsPlace, MongoPlace, RabbitPlace, Store};
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running};
use crate::home::Home;

struct Pair {
    home: Home,
    rabbitmq: RabbitPlace,
    mongodb: MongoPlace,
}

impl Pair {
    async fn new() -> Result<Self, Error> {
        let (home, rabbitmq) = (Home::on(Store::Postgres)?, RabbitPlace::new().await);
        Ok(Self { home, rabbitmq, mongodb: MongoPlace::new() })
    }

    /// Starts one that does this part of the work, with the credentials of this folder.
    fn start(&self, roles: &str, folder: &Path) -> Result<Running, Error> {
        let mut command = self.home.bursar(&["serve", "--roles", roles]);
        command.env("BURSAR__RABBITMQ__URL", self.rabbitmq.url());
        command.env("BURSAR__MONGODB__URL", self.mongodb.url());
        command.env("BURSAR__SWEEPER__INTERVAL_S", "1");
        Running::launch(command, folder)
    }
}

/// What identifies the person.
fn profile() -> Value {
    json!({"given_name": "Ada", "family_name": "Lovelace", "email": "ada@example.org"})
}

/// A person with 100 dollars, a card and a profile: the path of what it has, and the card.
async fn person(server: &Running) -> Result<(String, String), Error> {
    let (id, wallet) = server.person("100.00").await?;
    let path = format!("/v1/persons/{id}");
    let put = server.http.put(format!("{}{path}/profile", server.base)).bearer_auth(&server.api_key);
    assert_eq!(put.json(&profile()).send().await?.status(), 200);
    Ok((path, wallet.card))
}

async fn swipes(server: &Running, card: &str) -> Result<(), Error> {
    let swipe = json!({"card": card, "amount": "25.00", "currency": "USD"});
    assert_eq!(server.post("/v1/authorizations", &swipe).await?["status"], "approved");
    Ok(())
}

async fn erases(server: &Running, path: &str) -> Result<Value, Error> {
    let erase = server.http.delete(format!("{}{path}/profile", server.base)).bearer_auth(&server.api_key);
    Ok(erase.send().await?.json().await?)
}

/// Waits until this is answered there so.
async fn until(
    server: &Running,
    path: &str,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Result<Value, Error> {
    let began = Instant::now();
    loop {
        let answer = server.get(path).await?;
        if is_so(&answer) {
            return Ok(answer);
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}: {answer}");
    }
}

/// Whatever is asked of the person there.
async fn assert_erased(server: &Running, path: &str) -> Result<(), Error> {
    for what in ["profile", "kyc", "wallets", "cards", "history"] {
        assert_eq!(server.get(&format!("{path}/{what}")).await?["code"], "erased", "{what}");
    }
    Ok(())
}

fn len(list: &Value) -> usize {
    list["items"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_is_told_of_a_person_the_other_shows_and_forgets() -> Result<(), Error> {
    let pair = Pair::new().await?;
    let start = || pair.start("api,relay,worker,sweeper", pair.home.folder());
    let (one, other) = (start()?, start()?);
    let (path, card) = person(&one).await?;
    assert_eq!(other.get(&format!("{path}/profile")).await?["family_name"], "Lovelace");
    assert_eq!(len(&other.get("/v1/profiles?email=ADA@example.org").await?), 1);
    for (count, available) in [(1, "75.00"), (2, "50.00")] {
        swipes(&one, &card).await?;
        until(&other, &format!("{path}/history"), "the swipe is shown", |list| len(list) == count).await?;
        until(&other, &format!("{path}/wallets"), "the wallet follows", |list| {
            list["items"][0]["available"] == available
        })
        .await?;
    }
    assert_eq!(erases(&one, &path).await?, json!({"status": "erased"}));
    assert_erased(&other, &path).await?;
    assert_eq!(len(&other.get("/v1/profiles?email=ada@example.org").await?), 0);
    // What either remembers of owners and cards makes the records of what happens from now on.
    swipes(&other, &card).await?;
    let records =
        until(&other, "/v1/transaction-records", "there is a record", |list| len(list) == 3).await?;
    let records = records.to_string().to_lowercase();
    assert!(records.contains("\"customer\""), "the ledger's own reference stays: {records}");
    assert!(!["ada", "lovelace"].iter().any(|name| records.contains(name)), "{records}");
    one.until_drained().await?;
    for instance in [&one, &other] {
        assert_erased(instance, &path).await?;
        assert_eq!(instance.get("/v1/profile").await?["dead_letters"], 0);
    }
    assert_eq!(pair.home.check()?["findings"], json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_locked_is_erased_by_one_instance_for_all() -> Result<(), Error> {
    let pair = Pair::new().await?;
    let one = pair.start("api,relay,worker", pair.home.folder())?;
    let (path, card) = person(&one).await?;
    let step = json!({"version": 0, "to": "pending", "retain_until": "2999-01-01"});
    one.post(&format!("{path}/kyc"), &step).await?;
    assert_eq!(erases(&one, &path).await?, json!({"status": "locked", "erase_on": "2999-01-01"}));
    let sweeping = pair.start("api,sweeper", pair.home.folder())?;
    for instance in [&one, &sweeping] {
        assert_eq!(instance.get(&format!("{path}/profile")).await?["code"], "locked");
    }
    // Its day has come.
    let documents = pair.mongodb.open().await;
    let id = path.trim_start_matches("/v1/persons/").parse()?;
    documents.lock_person(id, jiff::civil::date(2020, 1, 1)).await?;
    until(&one, &format!("{path}/profile"), "it is erased", |answer| answer["code"] == "erased").await?;
    // The profile is gone first, and all that was sealed in the end.
    let began = Instant::now();
    while !pair.mongodb.binaries().await.is_empty() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until nothing sealed is left");
    }
    swipes(&one, &card).await?;
    one.until_drained().await?;
    assert_erased(&one, &path).await?;
    assert_erased(&sweeping, &path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_another_documents_key_does_not_start_beside_the_first() -> Result<(), Error> {
    let (pair, strange) = (Pair::new().await?, tempfile::tempdir()?);
    let one = pair.start("api,relay,worker,sweeper", pair.home.folder())?;
    let (path, _) = person(&one).await?;
    let refused = pair.start("api,sweeper", strange.path()).err().ok_or("it started")?.to_string();
    assert_refused(&refused, strange.path());
    assert_eq!(one.get(&format!("{path}/profile")).await?["family_name"], "Lovelace");
    // With the line of the first one it starts.
    let file = strange.path().join("credentials.toml");
    let key = key_line(&std::fs::read_to_string(pair.home.folder().join("credentials.toml"))?)?;
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace(&key_line(&text)?, &key))?;
    let other = pair.start("api,sweeper", strange.path())?;
    assert_eq!(other.get(&format!("{path}/profile")).await?["family_name"], "Lovelace");
    Ok(())
}

#[tokio::test]
async fn a_data_folder_with_another_documents_key_is_refused_and_nothing_is_lost() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut server = Running::start(folder.path())?;
    let (path, _) = person(&server).await?;
    server.drain_and_terminate().await?;
    let file = folder.path().join("credentials.toml");
    let right = std::fs::read_to_string(&file)?;
    let without = right.replace(&key_line(&right)?, "");
    // One that somebody made up, and one that is made anew where the line is gone.
    for wrong in [right.replace(&key_line(&right)?, &format!("documents_key = \"{:064x}\"", 7)), without] {
        std::fs::write(&file, wrong)?;
        let refused = Running::start(folder.path()).err().ok_or("it started")?.to_string();
        assert_refused(&refused, folder.path());
    }
    std::fs::write(&file, right)?;
    let server = Running::start(folder.path())?;
    assert_eq!(server.get(&format!("{path}/profile")).await?["family_name"], "Lovelace");
    assert_eq!(len(&server.get(&format!("{path}/wallets")).await?), 1);
    Ok(())
}

fn assert_refused(said: &str, folder: &Path) {
    let file = folder.join("credentials.toml").display().to_string();
    for part in ["documents_key", &file, "nothing was changed", "copy that line"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

fn key_line(credentials: &str) -> Result<String, Error> {
    let line = credentials.lines().find(|line| line.starts_with("documents_key = "));
    Ok(line.ok_or("a documents_key")?.to_owned())
}
