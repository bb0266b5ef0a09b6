//! `bursar rebuild documents`: what persons see is made anew from the ledger.

use serde_json::{Value, json};

use crate::common::{Error, Running, bursar, report};

/// A person with a profile, and 75 of 100 dollars left.
async fn person(server: &Running) -> Result<String, Error> {
    let program = json!({"name": "test", "time_zone": "UTC", "currencies": ["USD"]});
    let program = server.post("/v1/programs", &program).await?;
    let person = server.post("/v1/persons", &json!({"program": program["id"], "reference": "one"})).await?;
    let account = person["accounts"][0]["id"].as_str().unwrap_or_default();
    let load = json!({"amount": "100.00", "currency": "USD"});
    server.post(&format!("/v1/accounts/{account}/loads"), &load).await?;
    let card = json!({"cardholder": person["cardholder"], "account": account, "status": "active"});
    let card = server.post("/v1/cards", &card).await?;
    let swipe = json!({"card": card["token"], "amount": "25.00", "currency": "USD"});
    server.post("/v1/authorizations", &swipe).await?;
    let path = format!("/v1/persons/{}", person["id"].as_str().unwrap_or_default());
    let profile = json!({"given_name": "Ada", "family_name": "Lovelace"});
    let put = server.http.put(format!("{}{path}/profile", server.base)).bearer_auth(&server.api_key);
    assert_eq!(put.json(&profile).send().await?.status(), 200);
    Ok(path)
}

#[tokio::test]
async fn what_is_wrong_is_made_anew_and_what_the_ledger_does_not_have_is_gone() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut server = Running::start(folder.path())?;
    let path = person(&server).await?;
    let (wallets, history) = (format!("{path}/wallets"), format!("{path}/history"));
    let before = [server.get(&wallets).await?, server.get(&history).await?];
    assert_eq!(before[0]["items"][0]["available"], "75.00", "{before:?}");
    let rebuild = || bursar(&["rebuild", "documents", "--json", "--data-dir"]).arg(folder.path()).output();
    let beside = rebuild()?;
    let said = String::from_utf8_lossy(&beside.stderr).into_owned();
    assert!(!beside.status.success() && said.contains("stop that"), "{said}");
    server.drain_and_terminate().await?;
    let file = rusqlite::Connection::open(folder.path().join("documents.db"))?;
    file.execute_batch(
        "update wallets set available_minor = 1, sequence = sequence + 1000, kept_at = 1;
         insert into wallets select randomblob(16), person, currency, 1, 1, 1, 1, 1 from wallets;
         delete from history; delete from cards;",
    )?;
    drop(file);
    let rebuilt: Value = report(&rebuild()?)?;
    assert_eq!(rebuilt, json!({"persons": 1, "purchases": 1, "forgotten": 1}));
    let server = Running::start(folder.path())?;
    assert_eq!([server.get(&wallets).await?, server.get(&history).await?], before);
    let cards = server.get(&format!("{path}/cards")).await?;
    assert_eq!(cards["items"].as_array().map(Vec::len), Some(1), "{cards}");
    Ok(())
}
