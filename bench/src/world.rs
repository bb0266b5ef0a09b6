//! What is made before a load: a program, its companies and persons, their cards and money.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Error;
use crate::server::Bursar;

/// Cards that draw on one account.
const CARDS_A_COMPANY: usize = 10;

impl Bursar {
    /// Companies with an account, a cardholder and ten cards each, and money without end. With controls, each card has three
    /// limits and a list of categories.
    pub(crate) async fn fill(&mut self, companies: usize, controls: bool) -> Result<(), Error> {
        let program = json!({"name": "bench", "time_zone": "UTC", "currencies": ["USD"]});
        let program = self.post("/v1/programs", &program).await?;
        for number in 0..companies {
            let company = json!({"program": program["id"], "name": format!("Company {number}")});
            let company = self.post("/v1/companies", &company).await?;
            let account = &company["accounts"][0]["id"];
            let load = json!({"amount": "10000000000.00", "currency": "USD"});
            let loads = format!("/v1/accounts/{}/loads", text(account));
            self.post(&loads, &load).await?;
            let user = json!({"company": company["id"], "reference": format!("user {number}")});
            let user = self.post("/v1/cardholders", &user).await?;
            self.can_read("cardholder", "cardholders", &user);
            self.target.readable.push(("account", format!("/v1/accounts/{}", text(account))));
            let token = |of: &Value| text(&of["token"]).to_owned();
            for _ in 0..CARDS_A_COMPANY {
                let card = json!({"cardholder": user["id"], "account": account, "status": "active"});
                let card = self.post("/v1/cards", &card).await?;
                self.can_read("card", "cards", &card);
                if controls {
                    self.control(&card["id"]).await?;
                }
                self.target.cards.push((token(&card), token(&user)));
            }
        }
        Ok(())
    }

    /// None of them refuses anything here: what is measured is what they cost an approval.
    async fn control(&mut self, card: &Value) -> Result<(), Error> {
        let limit = |window: &str, count: Option<u32>| json!({"window": window, "amount": "1000000000.00", "currency": "USD", "count": count});
        let many = Some(1_000_000_000);
        for (name, field, rule) in [
            ("daily", "velocity", limit("day", many)),
            ("monthly", "velocity", limit("month", None)),
            ("rolling", "velocity", limit("rolling_24_hours", None)),
            ("no gambling", "merchant", json!({"list": "deny", "mccs": ["gambling"]})),
        ] {
            let control = json!({"card": card, "name": name, field: rule});
            let control = self.post("/v1/controls", &control).await?;
            self.can_read("control", "controls", &control);
        }
        Ok(())
    }

    /// Persons with a profile, a card and money.
    pub(crate) async fn admit(&mut self, persons: usize) -> Result<(), Error> {
        let program = json!({"name": "bench persons", "time_zone": "UTC", "currencies": ["USD"]});
        let program = self.post("/v1/programs", &program).await?;
        for number in 0..persons {
            let (user, card) = (format!("person-{number}"), format!("card-of-person-{number}"));
            let person = json!({"program": program["id"], "reference": user, "token": user});
            let person = self.post("/v1/persons", &person).await?;
            let account = text(&person["accounts"][0]["id"]);
            let load = json!({"amount": "10000000.00", "currency": "USD"});
            self.post(&format!("/v1/accounts/{account}/loads"), &load).await?;
            let of_it = json!({
                "cardholder": person["cardholder"], "account": account, "token": card, "status": "active",
            });
            self.post("/v1/cards", &of_it).await?;
            let path = format!("/v1/persons/{}", text(&person["id"]));
            let profile = json!({
                "given_name": "Ada", "family_name": format!("Number {number}"),
                "email": format!("ada-{number}@example.org"),
            });
            self.send(Method::PUT, &format!("{path}/profile"), &profile).await?;
            for (kind, what) in
                [("profile", "profile"), ("wallets", "wallets"), ("history", "history?limit=20")]
            {
                self.target.readable.push((kind, format!("{path}/{what}")));
            }
            self.target.cards.push((card, user));
        }
        Ok(())
    }

    fn can_read(&mut self, kind: &'static str, list: &str, of: &Value) {
        self.target.readable.push((kind, format!("/v1/{list}/{}", text(&of["id"]))));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
