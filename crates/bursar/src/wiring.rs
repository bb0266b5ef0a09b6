//! Puts the parts together: settings, ledger, authorizer, listener.

mod open;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bursar_authorizer::Authorizer;
use bursar_marqeta_client::MarqetaClient;
use bursar_processors::inquiry::Inquire;
use bursar_server::{App, Parts, Server};
use bursar_store::{Ledger, Page};
use bursar_store_sqlite::Synchronous;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::config::{Config, LogFormat, SecretUrl};
use crate::credentials::{self, ApiTokens, Credentials};
use crate::{descriptors, telemetry};

pub(crate) use open::documents as open_documents;

/// A Bursar that is bound to its port and not serving yet.
pub(crate) struct Bursar {
    server: Server,
    app: App,
    pub(crate) credentials: Credentials,
    /// Whether this start made the credentials.
    is_first_start: bool,
}

/// Binds the port, opens the ledger and starts the lanes. A port that is taken leaves nothing
/// behind.
pub(crate) async fn start(config: &Config) -> Result<Bursar, Failure> {
    start_with(config, None).await
}

/// The same, with these tokens for the processor's API instead of those of the credentials file.
pub(crate) async fn start_with(config: &Config, tokens: Option<ApiTokens>) -> Result<Bursar, Failure> {
    descriptors::allow(config)?;
    warn_of(config);
    let server = Server::bind(config.server.listen)?;
    let ledger = open::ledger(config).await?;
    let (credentials, is_first_start) = credentials::load_or_create(&config.credentials.file)?;
    if is_first_start {
        warn_of_lone_credentials(config, ledger.as_ref()).await;
    }
    let broker = open::broker(config).await?;
    let quarantine =
        credentials.quarantine_key.clone().ok_or("the credentials file lost its quarantine_key")?;
    let documents_key =
        credentials.documents_key.as_ref().ok_or("the credentials file lost its documents_key")?;
    let people = open::people(config, documents_key).await?;
    let cache = open::cache(config, ledger.as_ref(), &quarantine).await?;
    let authorizer = Authorizer::start(ledger.clone(), cache, settings::lanes(config))?;
    let keys = bursar_server::Credentials {
        api_key: credentials.api_key.clone(),
        marqeta: credentials.marqeta.clone(),
        quarantine,
    };
    let processor = processor(config, tokens.or_else(|| credentials.marqeta_api.clone()))?;
    let parts = Parts { authorizer, store: ledger, broker, people, processor };
    let app = App::new(parts, keys, settings::http(config));
    Ok(Bursar { server, app, credentials, is_first_start })
}

/// Marqeta's API, if it is to be asked.
fn processor(config: &Config, tokens: Option<ApiTokens>) -> Result<Option<Arc<dyn Inquire>>, Failure> {
    let Some(base_url) = &config.marqeta.base_url else { return Ok(None) };
    let tokens = tokens.ok_or_else(|| {
        let file = config.credentials.file.display();
        format!("marqeta.base_url is set, and {file} has no application_token and access_token in [marqeta]: set both")
    })?;
    let client = MarqetaClient::new(&bursar_marqeta_client::Settings {
        base_url: base_url.clone(),
        application_token: tokens.application,
        access_token: tokens.access,
        timeout: config.marqeta.timeout,
    })?;
    Ok(Some(Arc::new(client)))
}

/// Whether the ledger has programs whose names begin otherwise.
pub(crate) async fn has_programs_beside(config: &Config, name: &str) -> Result<bool, Failure> {
    let ledger = open::ledger(config).await?;
    let mut page = Page { after: None, limit: 1_000 };
    loop {
        let programs = ledger.list_programs(page).await?;
        if programs.iter().any(|program| !program.name.as_str().starts_with(name)) {
            return Ok(true);
        }
        page.after = programs.last().map(|program| program.id);
        if page.after.is_none() {
            return Ok(false);
        }
    }
}

impl Bursar {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.local_addr())
    }

    /// Serves until `shutdown` is done, then finishes what runs.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()> + Send) -> std::io::Result<()> {
        self.server.run(self.app, shutdown).await
    }

    /// What a newcomer needs to know first.
    pub(crate) fn greeting(&self, config: &Config) -> String {
        let made = if self.is_first_start { ", made now" } else { "" };
        let line = |what: &str, url: &Option<_>| {
            url.as_ref().map_or(String::new(), |url: &SecretUrl| format!("{what} {url}\n"))
        };
        let services = [
            ("ledger", &config.postgres.url),
            ("queues", &config.rabbitmq.url),
            ("cache", &config.redis.url),
            ("documents", &config.mongodb.url),
        ];
        let services: String = services.map(|(what, url)| line(what, url)).concat();
        format!(
            "Bursar {}\n{services}data folder {}\nAPI key and processor password in {}{made}\nAPI page {}/docs",
            env!("CARGO_PKG_VERSION"),
            config.data.dir.display(),
            config.credentials.file.display(),
            self.url(),
        )
    }
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

pub(crate) fn start_logs(config: &Config) -> Result<(), Failure> {
    telemetry::start(config.log.level, config.log.format == LogFormat::Json)
}

/// What an operator should know of these settings before something happens.
fn warn_of(config: &Config) {
    if config.sqlite.synchronous == Synchronous::Normal {
        tracing::warn!(
            "sqlite.synchronous is \"normal\": answered decisions can be lost, so this instance never reports ready"
        );
    }
    if config.postgres.url.is_some() && config.mongodb.url.is_none() {
        tracing::warn!(
            "personal documents are in {}, for this instance alone: another one on the same ledger does not see them, \
             and what it is told of does not come to them; set mongodb.url where there are several",
            config.data.dir.display()
        );
    }
    let listen = config.server.listen;
    if !listen.ip().is_loopback() {
        tracing::warn!(
            "listening on {listen} in plain HTTP: whoever reaches it can read along; put TLS in front"
        );
    }
}

/// Who has used this ledger before has other credentials than those that were made just now. A ledger that
/// cannot be asked says so elsewhere.
async fn warn_of_lone_credentials(config: &Config, ledger: &dyn Ledger) {
    let programs = ledger.list_programs(Page { after: None, limit: 1 }).await;
    if programs.is_ok_and(|programs| !programs.is_empty()) {
        tracing::warn!(
            "the ledger was used before, and API key and passwords are new: callers who know those of another \
             instance are refused here; copy its credentials file to {} and restart",
            config.credentials.file.display()
        );
    }
}

/// Done on Ctrl-C or SIGTERM, which are caught from this call on. A second one ends the process at
/// once.
///
/// # Errors
/// The system does not let signals be caught.
pub(crate) fn until_stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut signalled = async move || {
        tokio::select! { _ = interrupts.recv() => {}, _ = terminations.recv() => {} }
    };
    Ok(async move {
        signalled().await;
        eprintln!("bursar: stopping; a second signal stops at once");
        tokio::spawn(async move {
            signalled().await;
            eprintln!(
                "bursar: stopped at once, on the second signal; what ran may be committed and unanswered"
            );
            std::process::exit(130);
        });
    })
}
