//! Documents of persons, on embedded documents and on MongoDB.

use std::time::Duration;

use bursar_server::Settings;
use bursar_server::workers::sweeper;
use bursar_testkit::{DocumentsFolder, MongoPlace, MongoServer, Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::running::{API_KEY, Answered, Beside, Error, Running, answered, until};

/// What must be in no file and no collection.
const PLANTED: [&str; 7] = [
    "Lovelace-Planted",
    "ada.planted@example.org",
    "4915112345678",
    "1815-12-10",
    "Planted Square",
    "P1234567X",
    "Planted Cafe",
];

fn profile() -> Value {
    json!({
        "given_name": "Ada", "family_name": PLANTED[0], "email": "Ada.Planted@example.org",
        "phone": "+49 151 1234-5678", "birth_date": PLANTED[3],
        "address": {"lines": [PLANTED[4]], "city": "London", "country": "gb"},
    })
}

/// A person with a wallet of 100 dollars and an active card.
struct Ada {
    id: String,
    account: String,
    card: String,
    program: String,
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

async fn ada(server: &Running) -> Result<Ada, Error> {
    let program = json!({"name": "P", "time_zone": "UTC", "currencies": ["USD"]});
    let program = server.make("/v1/programs", program).await?;
    let person = json!({"program": program["id"], "reference": "customer 1", "token": "user-9"});
    let person = server.make("/v1/persons", person).await?;
    let account = text(&person["accounts"][0]["id"]);
    let load = json!({"amount": "100.00", "currency": "USD"});
    server.make(&format!("/v1/accounts/{account}/loads"), load).await?;
    let card = json!({
        "cardholder": person["cardholder"], "account": account, "token": "card-9", "last_four": "1111",
        "status": "active",
    });
    let card = server.make("/v1/cards", card).await?;
    Ok(Ada { id: text(&person["id"]), account, card: text(&card["id"]), program: text(&program["id"]) })
}

impl Ada {
    fn at(&self, what: &str) -> String {
        format!("/v1/persons/{}/{what}", self.id)
    }
}

impl Running {
    async fn put(&self, path: &str, body: &Value) -> Result<Answered, Error> {
        answered(self.client.put(self.url(path)).bearer_auth(API_KEY).json(body)).await
    }

    async fn delete(&self, path: &str) -> Result<Answered, Error> {
        answered(self.client.delete(self.url(path)).bearer_auth(API_KEY)).await
    }

    async fn swipes(&self, amount: &str) -> Result<Value, Error> {
        let swipe = json!({
            "card": "card-9", "amount": amount, "currency": "USD",
            "merchant": {"name": "SQ *Planted Cafe", "mcc": "5814"},
        });
        self.make("/v1/authorizations", swipe).await
    }

    async fn items(&self, path: &str) -> Result<Vec<Value>, Error> {
        let listed = self.get(path).await?;
        match listed.json()["items"].as_array() {
            Some(items) => Ok(items.clone()),
            None => Err(format!("{path}: {} {}", listed.status, listed.text).into()),
        }
    }
}

fn says(answered: &Answered) -> (u16, String) {
    (answered.status.as_u16(), answered.code())
}

fn embedded() -> Beside {
    Beside { documents: Box::new(DocumentsFolder::new()), ..Beside::default() }
}

fn on_mongodb() -> Beside {
    Beside { documents: Box::new(MongoPlace::new()), ..Beside::default() }
}

on_both_stores!(a_profile_is_kept_changed_found_and_erased);
async fn a_profile_is_kept_changed_found_and_erased(store: Store) -> Tested {
    live_through(Running::start_beside(store, embedded()).await?).await
}

on_both_stores!(so_it_is_on_mongodb);
async fn so_it_is_on_mongodb(store: Store) -> Tested {
    live_through(Running::start_beside(store, on_mongodb()).await?).await
}

async fn live_through(server: Running) -> Tested {
    let ada = ada(&server).await?;
    keep_and_change(&server, &ada).await?;
    find(&server, &ada).await?;
    verify(&server, &ada).await?;
    assert_eq!(server.swipes("7.00").await?["status"], "approved");
    until("the swipe is seen", async || Ok(server.items(&ada.at("history")).await?.len() == 1)).await?;
    let documents = server.beside.documents.dump().await;
    let holds = |planted: &str| documents.windows(planted.len()).any(|part| part == planted.as_bytes());
    assert!(
        documents.len() > 1_000 && !PLANTED.iter().any(|planted| holds(planted)),
        "something is in clear"
    );
    erase(&server, &ada).await
}

async fn keep_and_change(server: &Running, ada: &Ada) -> Tested {
    let path = ada.at("profile");
    assert_eq!(says(&server.get(&path).await?), (404, "profile_unknown".to_owned()));
    let made = server.put(&path, &profile()).await?;
    assert_eq!((made.status.as_u16(), &made.json()["version"]), (200, &json!(1)), "{}", made.text);
    assert_eq!(made.json()["phone"], "+4915112345678");
    // No answer came, so it is sent again.
    assert_eq!(server.put(&path, &profile()).await?.json(), made.json());
    let mut changed = profile();
    changed["given_name"] = json!("Augusta");
    assert_eq!(says(&server.put(&path, &changed).await?), (409, "version_changed".to_owned()));
    changed["version"] = json!(1);
    let second = server.put(&path, &changed).await?.json();
    assert_eq!((&second["version"], &second["given_name"]), (&json!(2), &json!("Augusta")));
    let mut late = profile();
    late["version"] = json!(1);
    assert_eq!(says(&server.put(&path, &late).await?), (409, "version_changed".to_owned()));
    assert_eq!(server.get(&path).await?.json(), second);
    Ok(())
}

async fn find(server: &Running, ada: &Ada) -> Tested {
    for query in ["email=ADA.planted@EXAMPLE.org", "phone=%2B49%20(151)%2012345678", "phone=+4915112345678"] {
        let found = server.items(&format!("/v1/profiles?{query}&program={}", ada.program)).await?;
        assert_eq!(found.len(), 1, "{query}");
        assert_eq!(found[0]["person"], ada.id.as_str(), "{query}");
    }
    assert_eq!(server.items("/v1/profiles?email=nobody@example.org").await?, Vec::<Value>::new());
    assert_eq!(server.items("/v1/profiles?limit=1").await?.len(), 1);
    let both = server.get("/v1/profiles?email=a@b.c&phone=%2B4915112345678").await?;
    assert_eq!(says(&both), (400, "invalid_query".to_owned()));
    Ok(())
}

async fn verify(server: &Running, ada: &Ada) -> Tested {
    let path = ada.at("kyc");
    assert_eq!(server.get(&path).await?.json()["status"], "not_started");
    let document = json!({"kind": "passport", "number": PLANTED[5], "issuing_country": "GB"});
    let asked = json!({"version": 0, "to": "pending", "reason": "first swipe", "document": document});
    let pending = server.make(&path, asked.clone()).await?;
    assert_eq!((&pending["status"], &pending["version"]), (&json!("pending"), &json!(1)));
    assert_eq!(server.make(&path, asked.clone()).await?, pending, "sent again");
    let mut other = asked;
    other["document"]["number"] = json!("another-document");
    assert_eq!(says(&server.post(&path, &other).await?), (409, "version_changed".to_owned()));
    let late = server.post(&path, &json!({"version": 0, "to": "approved"})).await?;
    assert_eq!(says(&late), (409, "version_changed".to_owned()));
    let refused = server.post(&path, &json!({"version": 1, "to": "not_started"})).await?;
    assert_eq!(says(&refused), (422, "kyc_step_not_allowed".to_owned()));
    let approved = server.make(&path, json!({"version": 1, "to": "approved"})).await?;
    assert_eq!(approved["document"]["number"], PLANTED[5]);
    assert_eq!(server.get(&path).await?.json(), approved);
    Ok(())
}

/// The money is where it was, and the card still works.
async fn erase(server: &Running, ada: &Ada) -> Tested {
    let account = format!("/v1/accounts/{}", ada.account);
    let before = server.get(&account).await?.json();
    let erased = server.delete(&ada.at("profile")).await?;
    assert_eq!((erased.status.as_u16(), erased.json()), (200, json!({"status": "erased"})));
    for what in ["profile", "kyc", "wallets", "cards", "history"] {
        assert_eq!(says(&server.get(&ada.at(what)).await?), (410, "erased".to_owned()), "{what}");
    }
    assert_eq!(says(&server.put(&ada.at("profile"), &profile()).await?), (410, "erased".to_owned()));
    assert_eq!(server.delete(&ada.at("profile")).await?.json(), json!({"status": "erased"}), "again");
    assert_eq!(server.items("/v1/profiles?email=ada.planted@example.org").await?, Vec::<Value>::new());
    assert_eq!(server.get(&account).await?.json(), before);
    assert_eq!(server.swipes("5.00").await?["status"], "approved");
    Ok(())
}

on_both_stores!(what_is_wrong_in_a_profile_is_named_and_not_shown);
async fn what_is_wrong_in_a_profile_is_named_and_not_shown(store: Store) -> Tested {
    let server = Running::start_beside(store, embedded()).await?;
    let ada = ada(&server).await?;
    for (field, place, bad) in [
        ("email", "/email", json!("planted")),
        ("phone", "/phone", json!("0151 planted")),
        ("birth_date", "/birth_date", json!("planted")),
        ("birth_date", "/birth_date", json!("2999-01-01")),
        ("given_name", "/given_name", json!(" ")),
        ("address.lines", "/address/lines", json!([])),
        ("address.country", "/address/country", json!("planted")),
    ] {
        let mut wrong = profile();
        *wrong.pointer_mut(place).ok_or("no such field")? = bad;
        let refused = server.put(&ada.at("profile"), &wrong).await?;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (400, &json!(field)));
        assert!(!refused.text.to_lowercase().contains("planted"), "{}", refused.text);
    }
    let given = server.given("USD", None).await?;
    let company = format!("/v1/persons/{}/profile", text(&given.company["id"]));
    assert_eq!(says(&server.put(&company, &profile()).await?), (404, "owner_unknown".to_owned()));
    Ok(())
}

on_both_stores!(who_the_law_has_kept_is_locked_and_seen_by_nobody);
async fn who_the_law_has_kept_is_locked_and_seen_by_nobody(store: Store) -> Tested {
    let server = Running::start_beside(store, embedded()).await?;
    let ada = ada(&server).await?;
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.status, 200);
    let step = json!({"version": 0, "to": "pending", "retain_until": "2999-01-01"});
    server.make(&ada.at("kyc"), step).await?;
    let locked = server.delete(&ada.at("profile")).await?.json();
    assert_eq!(locked, json!({"status": "locked", "erase_on": "2999-01-01"}));
    assert_eq!(says(&server.get(&ada.at("profile")).await?), (423, "locked".to_owned()));
    Ok(())
}

on_both_stores!(who_is_locked_is_erased_when_its_day_has_come);
async fn who_is_locked_is_erased_when_its_day_has_come(store: Store) -> Tested {
    let sweeper = sweeper::Settings { interval: Duration::from_millis(20), ..sweeper::Settings::default() };
    let settings = Settings { sweeper, ..Settings::default() };
    let server = Running::start_beside_with(store, on_mongodb(), settings).await?;
    let ada = ada(&server).await?;
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.status, 200);
    let yesterday = jiff::civil::date(2020, 1, 1);
    server.beside.people().await.documents().lock_person(ada.id.parse()?, yesterday).await?;
    until("it is erased", async || Ok(server.get(&ada.at("profile")).await?.code() == "erased")).await
}

on_both_stores!(a_person_sees_what_the_ledger_did);
async fn a_person_sees_what_the_ledger_did(store: Store) -> Tested {
    let server = Running::start_beside(store, embedded()).await?;
    let ada = ada(&server).await?;
    let before = server.swipes("1.00").await?;
    // What happened before there is a profile is told by no event any more.
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.status, 200);
    assert_eq!(server.items(&ada.at("history")).await?.len(), 1);
    assert_eq!(server.items(&ada.at("wallets")).await?[0]["available"], "99.00");
    let after = server.swipes("2.50").await?;
    until("the swipe is seen", async || Ok(server.items(&ada.at("history")).await?.len() == 2)).await?;
    let history = server.items(&ada.at("history")).await?;
    assert_eq!((&history[0]["id"], &history[1]["id"]), (&after["id"], &before["id"]));
    assert_eq!((&history[0]["merchant"], &history[0]["amount"]), (&json!("Planted Cafe"), &json!("2.50")));
    until("the wallet follows", async || {
        Ok(server.items(&ada.at("wallets")).await?[0]["available"] == "96.50")
    })
    .await?;
    let page = server.get(&ada.at("history?limit=1")).await?.json();
    let rest = server.items(&ada.at(&format!("history?limit=1&after={}", text(&page["next"])))).await?;
    assert_eq!(rest[0]["id"], before["id"]);
    label_and_suspend(&server, &ada).await
}

on_both_stores!(it_is_told_how_far_behind_persons_are);
/// Without who consumes events there is nothing to be told.
async fn it_is_told_how_far_behind_persons_are(store: Store) -> Tested {
    let server = Running::start_beside(store, on_mongodb()).await?;
    let ada = ada(&server).await?;
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.status, 200);
    let figures = async || Ok::<_, Error>(server.get("/v1/profile").await?.json()["shown"].clone());
    let before = figures().await?;
    server.swipes("2.50").await?;
    server.make(&format!("/v1/cards/{}/transitions", ada.card), json!({"status": "suspended"})).await?;
    let rose = |now: &Value, what: &str, by: u64| {
        let of = |figures: &Value| figures.pointer(what).and_then(Value::as_u64).unwrap_or_default();
        of(now) >= of(&before) + by
    };
    // A wallet and a purchase after the swipe, a card after its step.
    until("both are shown", async || {
        let now = figures().await?;
        Ok(rose(&now, "/lag/count", 2) && rose(&now, "/made", 3) && rose(&now, "/operations/count", 3))
    })
    .await?;
    let now = figures().await?;
    assert!(
        now["lag"]["max_us"].as_u64() > Some(0) && now["operations"]["max_us"].as_u64() > Some(0),
        "{now}"
    );
    assert_eq!((&now["waited"], &now["connections"]["max"]), (&json!(0), &json!(10)), "{now}");
    Ok(())
}

async fn label_and_suspend(server: &Running, ada: &Ada) -> Tested {
    let label = format!("cards/{}/label", ada.card);
    let labelled = server.put(&ada.at(&label), &json!({"label": "holidays"})).await?;
    assert_eq!((labelled.status.as_u16(), labelled.json()), (200, json!({"label": "holidays"})));
    let nobodys =
        server.put(&ada.at("cards/card_00000000000000000000000000/label"), &json!({"label": "x"})).await?;
    assert_eq!(says(&nobodys), (404, "card_unknown".to_owned()));
    server.make(&format!("/v1/cards/{}/transitions", ada.card), json!({"status": "suspended"})).await?;
    until("the card is suspended", async || {
        let cards = server.items(&ada.at("cards")).await?;
        Ok(cards[0]["status"] == "suspended" && cards[0]["label"] == "holidays")
    })
    .await
}

on_both_stores!(while_mongodb_is_away_swipes_are_decided_and_seen_afterwards);
async fn while_mongodb_is_away_swipes_are_decided_and_seen_afterwards(store: Store) -> Tested {
    let mut mongodb = MongoServer::new();
    let beside = Beside {
        documents: Box::new(mongodb.place().patient_for(Duration::from_secs(3))),
        ..Beside::default()
    };
    let server = Running::start_beside(store, beside).await?;
    let ada = ada(&server).await?;
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.status, 200);
    mongodb.kill();
    let away = server.get(&ada.at("profile")).await?;
    assert_eq!((says(&away), &away.headers["retry-after"]), ((503, "unavailable".to_owned()), &"1".parse()?));
    assert_eq!(server.put(&ada.at("profile"), &profile()).await?.code(), "unavailable");
    for _ in 0..5 {
        assert_eq!(server.swipes("1.00").await?["status"], "approved");
    }
    assert_eq!(server.get("/ready").await?.status, 200);
    assert_eq!(server.get("/health").await?.json()["status"], "degraded");
    mongodb.start();
    until("every swipe is seen", async || {
        let listed = server.get(&ada.at("history")).await?;
        Ok(listed.json()["items"].as_array().is_some_and(|items| items.len() == 5))
    })
    .await?;
    until("the wallet follows", async || {
        Ok(server.items(&ada.at("wallets")).await?[0]["available"] == "95.00")
    })
    .await?;
    let letters = server.items("/v1/dead-letters").await?;
    assert_eq!(letters, Vec::<Value>::new(), "nobody counted a run");
    let shown = server.get("/v1/profile").await?.json()["shown"].clone();
    assert!(shown["waited"].as_u64() > Some(0), "{shown}");
    Ok(())
}
