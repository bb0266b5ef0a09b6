//! A person of whom everything is planted, and card numbers wherever somebody may have put them: readable nowhere while
//! it lives, and gone with it.

mod dumps;

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running};
use dumps::{Around, Dump};

/// What identifies the person, in words that are nowhere else.
const PERSONAL: [&str; 14] = [
    "Wilhelmine-Planted",
    "Achterberg-Planted",
    "planted.mail@example.org",
    "4915199887761",
    "151 9988 7761",
    "1907-12-09",
    "Planted Alley 7",
    "Plantedville",
    "PLANTED-ID-X99",
    "planted-case-7",
    "Planted reason",
    "Planted level",
    "Planted holiday card",
    "Planted-in-a-webhook",
];

/// Where the person paid: the ledger knows it, and of everybody else only the person.
const MERCHANT: &str = "Planted Bakery";

/// What the ledger calls the person: no personal data, and found wherever the ledger's own words are.
const REFERENCE: &str = "marker-of-customer-4711";

/// Card numbers that are planted, each in another place.
const CARD_NUMBERS: u64 = 40;

/// A number that passes Luhn; another one for each place.
fn card_number(place: u64) -> String {
    assert!(place < CARD_NUMBERS, "it would not be looked for");
    let digits = format!("45395787{:07}", 1_000_003 + place * 104_729);
    let value = |(at, digit): (usize, char)| match (at % 2, digit.to_digit(10).unwrap_or_default()) {
        (0, digit) if digit > 4 => digit * 2 - 9,
        (0, digit) => digit * 2,
        (_, digit) => digit,
    };
    let sum: u32 = digits.chars().rev().enumerate().map(value).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// As people write it.
fn spaced(number: &str) -> String {
    let groups = [&number[..4], &number[4..8], &number[8..12], &number[12..]];
    groups.join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_and_no_card_number_can_be_read_in_the_data_folder() -> Result<(), Error> {
    live_and_be_erased(Around::folder()?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_and_no_card_number_can_be_read_in_any_service_or_log() -> Result<(), Error> {
    live_and_be_erased(Around::services().await?).await
}

async fn live_and_be_erased(around: Around) -> Result<(), Error> {
    let mut server = around.start()?;
    // On its way to the dead letters it is what somebody else published; after that it is ours.
    let letters = around.publish(&format!("no JSON {} {}", card_number(38), PERSONAL[0])).await;
    until("it is a dead letter", async || {
        Ok(server.get("/v1/profile").await?["dead_letters"].as_u64() >= Some(letters))
    })
    .await?;
    around.keep_messages().await;
    let planted = Planted::make(&server).await?;
    planted.by_the_api(&server).await?;
    planted.by_the_processor(&server).await?;
    planted.until_history(&server, 2).await?;
    until("what nobody can read is kept", async || {
        let kept = server.get("/v1/inbox/items?state=quarantined").await?;
        Ok(kept["items"].as_array().map(Vec::len) >= Some(2))
    })
    .await?;
    server.until_drained().await?;
    assert!(around.cached().is_none_or(|values| values > 0), "nothing is cached");
    let (sealed, living) = around.of_one_moment(REFERENCE, &planted.person).await?;
    assert!(sealed.len() > 10, "{} things are sealed", sealed.len());
    for dump in &living {
        assert_nothing_is_readable("while it lives", dump);
    }
    let erased = server.http.delete(planted.url(&server, "profile")).bearer_auth(&server.api_key);
    assert_eq!(erased.send().await?.json::<Value>().await?, json!({"status": "erased"}));
    // Who comes late brings nothing back.
    planted.swipes(&server, "late").await?;
    server.until_drained().await?;
    for dump in &around.dumps(REFERENCE, &planted.person).await? {
        assert_nothing_is_readable("after it was erased", dump);
        let left = sealed.iter().filter(|sealed| dump.has(sealed)).count();
        assert_eq!(left, 0, "{} has things that were sealed for who is erased", dump.place);
    }
    assert_eq!(around.sealed().await?, Vec::<Vec<u8>>::new());
    assert!(server.terminate()?.success());
    let ended = server.ended()?;
    let log = Dump::new("the log", [ended.stdout, ended.stderr].concat().as_bytes(), b"token-of-a-conflict");
    assert_nothing_is_readable("in all its life", &log);
    Ok(())
}

fn assert_nothing_is_readable(when: &str, dump: &Dump) {
    let place = dump.place;
    assert!(dump.is_one(), "{when} {place} does not even show its marker");
    assert_eq!(dump.shows(MERCHANT), dump.knows_merchants, "{when} {place}: {MERCHANT}");
    let numbers: Vec<String> = (0..CARD_NUMBERS).map(card_number).collect();
    let spaced: Vec<String> = numbers.iter().map(|number| spaced(number)).collect();
    let texts = PERSONAL.iter().copied().chain(numbers.iter().chain(&spaced).map(String::as_str));
    let readable: Vec<&str> = texts.filter(|text| dump.shows(text)).collect();
    assert_eq!(readable, Vec::<&str>::new(), "readable {when} in {place}");
}

/// A person with a wallet and a card.
struct Planted {
    person: String,
    cardholder: String,
    card: String,
}

impl Planted {
    async fn make(server: &Running) -> Result<Self, Error> {
        let number = |place| format!("{MERCHANT} {}", card_number(place));
        let program = json!({"name": card_number(0), "time_zone": "UTC", "currencies": ["USD"]});
        let program = server.post("/v1/programs", &program).await?;
        let reference = format!("{REFERENCE} {}", spaced(&card_number(1)));
        let person = json!({"program": program["id"], "reference": reference, "token": "user-planted"});
        let person = server.post("/v1/persons", &person).await?;
        let account = person["accounts"][0]["id"].as_str().ok_or("an account")?;
        let load = json!({"amount": "1000.00", "currency": "USD"});
        server.post(&format!("/v1/accounts/{account}/loads"), &load).await?;
        let card = json!({
            "cardholder": person["cardholder"], "account": account, "status": "active",
            "token": "card-planted", "last_four": "4242",
        });
        let card = server.post("/v1/cards", &card).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let planted = Self {
            person: text(&person["id"]),
            cardholder: text(&person["cardholder"]),
            card: text(&card["id"]),
        };
        let profile = json!({
            "given_name": format!("{} {}", PERSONAL[0], card_number(2)), "family_name": PERSONAL[1],
            "email": "Planted.Mail@example.org", "phone": "+49 151 9988 7761", "birth_date": PERSONAL[5],
            "address": {"lines": [PERSONAL[6], spaced(&card_number(3))], "city": PERSONAL[7], "country": "DE"},
        });
        planted.puts(server, "profile", &profile).await?;
        let step = json!({
            "version": 0, "to": "pending", "reason": format!("{} {}", PERSONAL[10], card_number(4)),
            "level": format!("{} {}", PERSONAL[11], card_number(5)), "provider_reference": PERSONAL[9],
            "document": {"kind": "passport", "number": PERSONAL[8], "issuing_country": "DE"},
        });
        server.post(&format!("/v1/persons/{}/kyc", planted.person), &step).await?;
        let swipe = json!({
            "card": "card-planted", "amount": "1.00", "currency": "USD",
            "merchant": {"name": number(6), "city": spaced(&card_number(7)), "mcc": "5814"},
        });
        assert_eq!(server.post("/v1/authorizations", &swipe).await?["status"], "approved");
        planted.until_history(server, 1).await?;
        let label = json!({"label": format!("{} {}", PERSONAL[12], card_number(8))});
        planted.puts(server, &format!("cards/{}/label", planted.card), &label).await?;
        Ok(planted)
    }

    fn url(&self, server: &Running, what: &str) -> String {
        format!("{}/v1/persons/{}/{what}", server.base, self.person)
    }

    async fn puts(&self, server: &Running, what: &str, body: &Value) -> Result<(), Error> {
        let put = server.http.put(self.url(server, what)).bearer_auth(&server.api_key).json(body);
        let answer = put.send().await?;
        assert_eq!(answer.status(), 200, "{what}: {}", answer.text().await?);
        Ok(())
    }

    /// In requests that are refused, in what nobody reads, and where somebody searches.
    async fn by_the_api(&self, server: &Running) -> Result<(), Error> {
        let swipe = |merchant: Value| json!({"card": "card-planted", "amount": "1.00", "currency": "USD", "merchant": merchant});
        let bodies = [
            json!({"card": "card-planted", "amount": "1.00", "currency": "USD", "pan": card_number(9)}).to_string(),
            swipe(json!({"name": [card_number(10), PERSONAL[0]]})).to_string(),
            json!({"card": "card-planted", "amount": format!("x{}", card_number(11)), "currency": PERSONAL[1]}).to_string(),
            format!("{{\"card\": \"card-planted\", \"pan\": {}, {}", card_number(12), PERSONAL[1]),
        ];
        for body in bodies {
            let request =
                server.http.post(format!("{}/v1/authorizations", server.base)).bearer_auth(&server.api_key);
            let request = request.header("idempotency-key", uuid::Uuid::new_v4().to_string());
            let answer = request.header("content-type", "application/json").body(body).send().await?;
            assert!(answer.status().is_client_error(), "{}", answer.text().await?);
        }
        for (path, status) in [
            (format!("/v1/cards?pan={}", card_number(13)), 400),
            (format!("/v1/cards/{}", card_number(14)), 404),
            (format!("/{}/{}", PERSONAL[1], card_number(15)), 404),
            (format!("/v1/profiles?email={}", PERSONAL[2]), 200),
            ("/v1/profiles?phone=%2B4915199887761".to_owned(), 200),
            (format!("/v1/profiles?email={}", PERSONAL[0]), 400),
            (format!("/v1/transaction-records?search={}+{}", card_number(16), PERSONAL[1]), 200),
            (format!("/v1/cardholders/{}", self.cardholder), 200),
        ] {
            let request = server.http.request(Method::GET, format!("{}{path}", server.base));
            let request = request.bearer_auth(&server.api_key).header("x-card-number", card_number(17));
            let request = request.header("user-agent", format!("{} {}", PERSONAL[0], card_number(18)));
            let answer = request.send().await?;
            assert_eq!(answer.status(), status, "{path}: {}", answer.text().await?);
        }
        let stranger = server.http.get(format!("{}/v1/cards", server.base)).bearer_auth(card_number(19));
        assert_eq!(stranger.send().await?.status(), 401);
        Ok(())
    }

    async fn swipes(&self, server: &Running, token: &str) -> Result<(), Error> {
        let swipe = json!({
            "type": "authorization", "state": "PENDING", "token": token, "user_token": "user-planted",
            "acting_user_token": "user-planted", "card_token": "card-planted", "amount": 2.5, "currency_code": "USD",
            "pan": card_number(20), "card": {"pan": card_number(21), "cardholder": PERSONAL[1]},
            "user": {"first_name": PERSONAL[0], "last_name": PERSONAL[1], "email": PERSONAL[2]},
            "gpa_order": {
                "token": format!("order-{token}"), "amount": 2.5, "currency_code": "USD", "memo": card_number(22),
                "jit_funding": {
                    "token": format!("jit-{token}"), "method": "pgfs.authorization", "amount": 2.5,
                    "user_token": "user-planted", "acting_user_token": "user-planted",
                    "metadata": {"number": spaced(&card_number(23)), "mail": PERSONAL[2]},
                },
            },
            "card_acceptor": {
                "mid": "merchant-7", "mcc": "5814", "name": format!("{MERCHANT} {}", card_number(24)),
                "city": spaced(&card_number(25)), "country_code": "USA",
            },
            "transaction_metadata": {"payment_channel": card_number(26)},
            "user_transaction_time": "2026-11-20T15:14:04Z",
        });
        let url = format!("{}/jit/marqeta?pan={}", server.base, card_number(27));
        let request = server.http.post(url).basic_auth("marqeta", Some(&server.password));
        let answer = request.header("x-card-number", card_number(28)).json(&swipe).send().await?;
        assert_eq!(answer.status(), 200, "{}", answer.text().await?);
        Ok(())
    }

    /// In what it asks, in what it reports, and in what of that nobody can read.
    async fn by_the_processor(&self, server: &Running) -> Result<(), Error> {
        self.swipes(server, "swipe-1").await?;
        for body in [
            format!("{{\"type\": \"authorization\", \"pan\": {}, {}", card_number(29), PERSONAL[0]),
            json!({"type": card_number(30), "amount": PERSONAL[1], "token": [card_number(31)]}).to_string(),
        ] {
            assert_eq!(server.jit(&body).await?.0, 400);
        }
        let cleared = |amount: f64| {
            json!({
                "type": "authorization.clearing", "token": "token-of-a-conflict", "state": "COMPLETION", "amount": amount,
                "preceding_related_transaction_token": "swipe-1", "card_token": "card-planted",
                "user_token": "user-planted", "currency_code": "USD", "response": {"code": "0000", "memo": card_number(32)},
                "pan": card_number(33), "cardholder": {"first_name": PERSONAL[13]},
                "card_acceptor": {"name": format!("{MERCHANT} {}", card_number(34))},
                "created_time": "2026-11-20T15:14:04Z",
            })
        };
        let report = json!({
            "transactions": [cleared(2.5), {"token": "unreadable-1", "amount": [card_number(35)], "who": PERSONAL[13]}],
            "cards": [{
                "token": "transition-1", "card_token": "card-planted", "state": "ACTIVE", "pan": card_number(36),
                "user": {"last_name": PERSONAL[1]}, "created_time": "2026-11-20T15:14:04Z",
            }],
            "usertransitions": [{
                "token": "transition-2", "user_token": "user-planted", "status": "ACTIVE", "reason": PERSONAL[13],
                "metadata": {"email": PERSONAL[2]}, "created_time": "2026-11-20T15:14:04Z",
            }],
            "mysteries": [{"token": "mystery-1", "first_name": PERSONAL[0], "pan": card_number(37)}],
        });
        assert_eq!(server.webhook(&report).await?, 200);
        // The log tells of it, by its token.
        assert_eq!(server.webhook(&json!({"transactions": [cleared(2.0)]})).await?, 200);
        Ok(())
    }

    async fn until_history(&self, server: &Running, wanted: usize) -> Result<(), Error> {
        let path = format!("/v1/persons/{}/history", self.person);
        until("its purchases are shown", async || {
            Ok(server.get(&path).await?["items"].as_array().map(Vec::len) >= Some(wanted))
        })
        .await
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> Result<bool, Error>) -> Result<(), Error> {
    let began = Instant::now();
    while !is_so().await? {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
    }
    Ok(())
}
