//! A server in this process, and what a client says to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bursar_authorizer::Authorizer;
use bursar_broker::Broker;
use bursar_broker::contract::Place as _;
use bursar_cache::Cache;
use bursar_documents::contract::Place as DocumentsPlace;
use bursar_documents::{DocumentsKey, People, Vault};
use bursar_processors::inquiry::Inquire;
use bursar_processors::marqeta;
use bursar_server::{App, Credentials, Parts, QuarantineKey, Roles, Server, Settings};
use bursar_testkit::{BrokerFolder, DocumentsFolder, FaultyBroker, Place, Store, Way};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) type Error = Box<dyn std::error::Error>;

pub(crate) const API_KEY: &str = "bursar_test";
pub(crate) const JIT_PASSWORD: &str = "Jit_password-1.23456789";
pub(crate) const JIT_PASSWORD_NEXT: &str = "Jit_password-2.23456789";

pub(crate) const WEBHOOK_SECRET: &str = "webhook-secret-1.23456789";
pub(crate) const QUARANTINE_KEY: [u8; 32] = [7; 32];
const DOCUMENTS_KEY: [u8; 32] = [8; 32];

pub(crate) const WEBHOOK_SECRET_NEXT: &str = "webhook-secret-2.23456789";

/// A server that runs until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
    pub(crate) app: App,
    keys: AtomicU32,
    pub(crate) place: Box<dyn Place>,
    pub(crate) beside: Beside,
}

/// What a server has beside its ledger.
pub(crate) struct Beside {
    pub(crate) queues: BrokerFolder,
    pub(crate) documents: Box<dyn DocumentsPlace>,
}

impl Default for Beside {
    fn default() -> Self {
        Self { queues: BrokerFolder::new(), documents: Box::new(DocumentsFolder::new()) }
    }
}

impl Beside {
    /// Persons of its own.
    pub(crate) async fn people(&self) -> Arc<People> {
        Arc::new(People::new(self.documents.open().await, Vault::new(&DocumentsKey::new(DOCUMENTS_KEY))))
    }
}

/// How a body is signed with this secret.
pub(crate) fn signature(secret: &str, body: &str) -> Result<String, Error> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?.chain_update(body);
    Ok(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A program with a company, a cardholder and an active card on a loaded account.
pub(crate) struct Given {
    pub(crate) program: Value,
    pub(crate) company: Value,
    pub(crate) cardholder: Value,
    pub(crate) card: Value,
}

impl Given {
    pub(crate) fn account(&self) -> &str {
        self.company["accounts"][0]["id"].as_str().unwrap_or_default()
    }
}

/// A processor to ask.
pub(crate) type Processor = Arc<dyn Inquire>;

pub(crate) async fn app(
    place: &dyn Place,
    beside: &Beside,
    settings: Settings,
    key: [u8; 32],
    processor: Option<Processor>,
) -> Result<App, Error> {
    let (store, broker, people) = (place.open(), beside.queues.open().await, beside.people().await);
    let authorizer = Authorizer::start(
        store.clone(),
        Cache::in_memory(bursar_cache::Settings::default()),
        bursar_authorizer::Settings::default(),
    )?;
    Ok(app_of(Parts { authorizer, store, broker, people, processor }, settings, key))
}

fn app_of(parts: Parts, settings: Settings, key: [u8; 32]) -> App {
    let credentials = Credentials {
        api_key: SecretString::from(API_KEY),
        marqeta: marqeta::Credentials {
            username: "marqeta".to_owned(),
            password: SecretString::from(JIT_PASSWORD),
            password_next: Some(SecretString::from(JIT_PASSWORD_NEXT)),
            webhook_secrets: [WEBHOOK_SECRET, WEBHOOK_SECRET_NEXT].map(SecretString::from).into(),
        },
        quarantine: QuarantineKey::new(key),
    };
    App::new(parts, credentials, settings)
}

/// Nobody publishes events, unless the test says what the instance does: what consumes them would read beside the test.
fn quiet(settings: Settings) -> Settings {
    let roles = match settings.roles {
        Roles::ALL => "api,worker,sweeper".parse().unwrap_or(Roles::ALL),
        roles => roles,
    };
    Settings { roles, ..settings }
}

impl Running {
    /// With all roles, on a broker of its own.
    pub(crate) async fn start_whole(store: Store, settings: Settings) -> Result<Self, Error> {
        Self::start_whole_in(store.place(), settings).await
    }

    pub(crate) async fn start_whole_in(place: Box<dyn Place>, settings: Settings) -> Result<Self, Error> {
        let beside = Beside::default();
        let app = app(place.as_ref(), &beside, settings, QUARANTINE_KEY, None).await?;
        Self::start_of(place, beside, app)
    }

    /// With the roles of the settings, on a broker that goes this way until it is switched.
    pub(crate) async fn start_faulty(
        store: Store,
        settings: Settings,
        way: Way,
    ) -> Result<(Self, Arc<FaultyBroker>), Error> {
        let (place, beside) = (store.place(), Beside::default());
        let broker = FaultyBroker::over(beside.queues.open().await, way);
        let authorizing = bursar_authorizer::Settings::default();
        let server = Self::start_on(place, beside, broker.clone(), (settings, authorizing)).await?;
        Ok((server, broker))
    }

    /// With the roles of the settings, and an authorizer of these settings.
    pub(crate) async fn start_authorizing(
        store: Store,
        settings: Settings,
        authorizing: bursar_authorizer::Settings,
    ) -> Result<Self, Error> {
        let (place, beside) = (store.place(), Beside::default());
        let broker = beside.queues.open().await;
        Self::start_on(place, beside, broker, (settings, authorizing)).await
    }

    async fn start_on(
        place: Box<dyn Place>,
        beside: Beside,
        broker: Arc<dyn Broker>,
        (settings, authorizing): (Settings, bursar_authorizer::Settings),
    ) -> Result<Self, Error> {
        let store = place.open();
        let authorizer = Authorizer::start(
            store.clone(),
            Cache::in_memory(bursar_cache::Settings::default()),
            authorizing,
        )?;
        let people = beside.people().await;
        let parts = Parts { authorizer, store, broker, people, processor: None };
        Self::start_of(place, beside, app_of(parts, settings, QUARANTINE_KEY))
    }

    pub(crate) async fn start(store: Store) -> Result<Self, Error> {
        Self::start_with(store, Settings::default()).await
    }

    pub(crate) async fn start_with(store: Store, settings: Settings) -> Result<Self, Error> {
        Self::start_in(store.place(), settings).await
    }

    pub(crate) async fn start_in(place: Box<dyn Place>, settings: Settings) -> Result<Self, Error> {
        Self::start_sealing(place, settings, QUARANTINE_KEY).await
    }

    /// With all roles, on these queues and documents.
    pub(crate) async fn start_beside(store: Store, beside: Beside) -> Result<Self, Error> {
        Self::start_beside_with(store, beside, Settings::default()).await
    }

    pub(crate) async fn start_beside_with(
        store: Store,
        beside: Beside,
        settings: Settings,
    ) -> Result<Self, Error> {
        let place = store.place();
        let app = app(place.as_ref(), &beside, settings, QUARANTINE_KEY, None).await?;
        Self::start_of(place, beside, app)
    }

    /// With a processor that can be asked.
    pub(crate) async fn start_asking(
        place: Box<dyn Place>,
        settings: Settings,
        processor: Processor,
    ) -> Result<Self, Error> {
        let beside = Beside::default();
        let app = app(place.as_ref(), &beside, quiet(settings), QUARANTINE_KEY, Some(processor)).await?;
        Self::start_of(place, beside, app)
    }

    /// With a quarantine key of its own.
    pub(crate) async fn start_sealing(
        place: Box<dyn Place>,
        settings: Settings,
        key: [u8; 32],
    ) -> Result<Self, Error> {
        let beside = Beside::default();
        let app = app(place.as_ref(), &beside, quiet(settings), key, None).await?;
        Self::start_of(place, beside, app)
    }

    fn start_of(place: Box<dyn Place>, beside: Beside, app: App) -> Result<Self, Error> {
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(app.clone(), async move {
            let _ = stopped.await;
        }));
        let (client, keys) = (Client::new(), AtomicU32::new(0));
        Ok(Self { address, client, stop, task, app, keys, place, beside })
    }

    /// Stops it, and hands over its data.
    pub(crate) async fn end(self) -> Result<Box<dyn Place>, Error> {
        let _ = self.stop.send(());
        self.task.await??;
        Ok(self.place)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answered, Error> {
        answered(self.client.get(self.url(path)).bearer_auth(API_KEY)).await
    }

    /// Posts under a key of its own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answered, Error> {
        let key = format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        self.post_as(&key, path, &body.to_string()).await
    }

    pub(crate) async fn post_as(&self, key: &str, path: &str, body: &str) -> Result<Answered, Error> {
        let request = self.client.post(self.url(path)).bearer_auth(API_KEY);
        let request = request.header("Idempotency-Key", key).header("Content-Type", "application/json");
        answered(request.body(body.to_owned())).await
    }

    /// Posts a processor's body, as the processor does.
    pub(crate) async fn jit(&self, body: &str) -> Result<Answered, Error> {
        let request = self.client.post(self.url("/jit/marqeta")).basic_auth("marqeta", Some(JIT_PASSWORD));
        answered(request.header("Content-Type", "application/json").body(body.to_owned())).await
    }

    /// Posts what a processor reports, signed, as the processor does.
    pub(crate) async fn webhook(&self, body: &Value) -> Result<Answered, Error> {
        let body = body.to_string();
        self.signed(&body, &signature(WEBHOOK_SECRET, &body)?).await
    }

    pub(crate) async fn signed(&self, body: &str, signature: &str) -> Result<Answered, Error> {
        let request = self.client.post(self.url("/webhooks/marqeta"));
        let request =
            request.basic_auth("marqeta", Some(JIT_PASSWORD)).header("X-Marqeta-Signature", signature);
        answered(request.header("Content-Type", "application/json").body(body.to_owned())).await
    }

    /// Waits until everything that was reported is worked off.
    pub(crate) async fn drained(&self) -> Result<(), Error> {
        let drained = tokio::time::timeout(std::time::Duration::from_secs(120), self.app.drained()).await;
        drained.map_err(|_| "the inbox is never empty")?.map_err(Into::into)
    }

    /// Posts what has to succeed.
    pub(crate) async fn make(&self, path: &str, body: Value) -> Result<Value, Error> {
        let answered = self.post(path, &body).await?;
        match answered.status.is_success() {
            true => Ok(answered.json()),
            false => Err(format!("POST {path} {body}: {} {}", answered.status, answered.text).into()),
        }
    }

    pub(crate) async fn given(&self, currency: &str, load: Option<&str>) -> Result<Given, Error> {
        let program = json!({"name": "P", "time_zone": "America/New_York", "currencies": [currency]});
        let program = self.make("/v1/programs", program).await?;
        let company = json!({"program": program["id"], "name": "Acme"});
        let company = self.make("/v1/companies", company).await?;
        let cardholder = json!({"company": company["id"], "reference": "employee 1", "token": "user-1"});
        let cardholder = self.make("/v1/cardholders", cardholder).await?;
        let card = json!({
            "cardholder": cardholder["id"],
            "account": company["accounts"][0]["id"],
            "token": "card-1",
            "last_four": "1111",
            "status": "active",
        });
        let card = self.make("/v1/cards", card).await?;
        let given = Given { program, company, cardholder, card };
        if let Some(amount) = load {
            let path = format!("/v1/accounts/{}/loads", given.account());
            self.make(&path, json!({"amount": amount, "currency": currency})).await?;
        }
        Ok(given)
    }
}

/// Asks again and again until it is so; longer than anything here takes, and then says for what.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> Result<bool, Error>) -> Result<(), Error> {
    let asking = async {
        while !is_so().await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    let asked = tokio::time::timeout(std::time::Duration::from_secs(120), asking).await;
    asked.unwrap_or_else(|_| Err(format!("waited in vain until {what}").into()))
}

pub(crate) async fn answered(request: RequestBuilder) -> Result<Answered, Error> {
    let response = request.send().await?;
    Ok(Answered {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await?,
    })
}
