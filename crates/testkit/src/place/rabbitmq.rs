//! A broker in a vhost of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::contract::{PAUSES, Place};
use bursar_broker::{Broker, Retries};
use bursar_broker_rabbitmq::{Options, RabbitBroker};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::services_file;

/// Where RabbitMQ and its management API are, if `cargo xtask services up` does not tell.
const URL: &str = "BURSAR_TEST_RABBITMQ_URL";
const API: &str = "BURSAR_TEST_RABBITMQ_API";

/// Longer than a busy machine takes to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The queue of [`RabbitPlace::copy`].
const COPY: &str = "copy";

/// A vhost that is deleted in the end.
pub struct RabbitPlace {
    url: String,
    api: String,
    vhost: String,
}

impl RabbitPlace {
    /// An empty vhost of the RabbitMQ that tests share.
    ///
    /// # Panics
    /// There is no RabbitMQ, or it makes no vhost.
    pub async fn new() -> Self {
        let url = services_file(URL, "rabbitmq/url");
        let api = services_file(API, "rabbitmq/api");
        Self::on(&url, &api).await
    }

    /// An empty vhost of this RabbitMQ, and its management API.
    ///
    /// # Panics
    /// It makes no vhost.
    pub async fn on(url: &str, api: &str) -> Self {
        let vhost = format!("bursar-test-{}", Uuid::new_v4().simple());
        let (server, _) = url.rsplit_once('/').expect("a URL ends with a vhost");
        let place = Self { url: format!("{server}/{vhost}"), api: api.to_owned(), vhost };
        place.ask(Method::PUT, &format!("vhosts/{}", place.vhost), None).await;
        place
    }

    /// The URL of the vhost.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The vhost's name.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// How it is opened: with short pauses, and time-outs that a busy machine keeps.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            connect_timeout: PATIENCE,
            confirm_timeout: PATIENCE,
            retries: PAUSES,
            ..Options::new(&self.url)
        }
    }

    /// Puts this at a path of the management API, `{vhost}` standing for the vhost.
    ///
    /// # Panics
    /// It refuses.
    pub async fn put(&self, path: &str, body: &Value) {
        self.ask(Method::PUT, &path.replace("{vhost}", &self.vhost), Some(body)).await;
    }

    /// Deletes what is at a path of the management API.
    ///
    /// # Panics
    /// It refuses.
    pub async fn delete(&self, path: &str) {
        self.ask(Method::DELETE, &path.replace("{vhost}", &self.vhost), None).await;
    }

    /// From now on keeps a copy of what is published to these exchanges, which are there.
    ///
    /// # Panics
    /// It refuses.
    pub async fn copy(&self, exchanges: &[&str]) {
        self.put(&format!("queues/{{vhost}}/{COPY}"), &json!({"durable": false})).await;
        for exchange in exchanges {
            let path = format!("bindings/{}/e/{exchange}/q/{COPY}", self.vhost);
            self.ask(Method::POST, &path, Some(&json!({"routing_key": "#"}))).await;
        }
    }

    /// What was published since, with its properties, as the management API writes it.
    ///
    /// # Panics
    /// It refuses.
    pub async fn copied(&self) -> String {
        let path = format!("queues/{}/{COPY}/get", self.vhost);
        let all = json!({"count": 100_000, "ackmode": "ack_requeue_true", "encoding": "auto"});
        self.ask(Method::POST, &path, Some(&all)).await
    }

    /// Publishes this text straight to a queue, past every exchange.
    ///
    /// # Panics
    /// It refuses.
    pub async fn publish(&self, queue: &str, text: &str) {
        let path = format!("exchanges/{}/amq.default/publish", self.vhost);
        let message = json!({
            "routing_key": queue, "payload": text, "payload_encoding": "string",
            "properties": {"message_id": Uuid::new_v4().to_string(), "type": "test"},
        });
        self.ask(Method::POST, &path, Some(&message)).await;
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> String {
        request(&self.api, method, path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

#[async_trait]
impl Place for RabbitPlace {
    async fn open_with(&self, retries: Retries) -> Arc<dyn Broker> {
        let options = Options { retries, ..self.options() };
        Arc::new(RabbitBroker::start(options).await.expect("it starts"))
    }
}

impl Drop for RabbitPlace {
    fn drop(&mut self) {
        let (api, path) = (self.api.clone(), format!("vhosts/{}", self.vhost));
        // On a thread of its own: a test's runtime cannot be waited for from inside.
        let deleting = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(request(&api, Method::DELETE, &path, None))
        });
        // Whoever killed its RabbitMQ has nothing left to delete.
        let _ = deleting.join();
    }
}

/// Asks the management API, whose URL has the password.
async fn request(api: &str, method: Method, path: &str, body: Option<&Value>) -> Result<String, String> {
    let (credentials, host) = api.trim_start_matches("http://").split_once('@').ok_or("a URL with a user")?;
    let (user, password) = credentials.split_once(':').ok_or("a URL with a password")?;
    let client = reqwest::Client::new();
    let mut request = client.request(method, format!("http://{host}/api/{path}")).timeout(PATIENCE);
    request = request.basic_auth(user, Some(password)).header("content-type", "application/json");
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
}
