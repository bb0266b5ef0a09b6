//! How MongoDB is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar_documents::{Connections, DocumentsError};
use mongodb::Client;
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::{
    Acknowledgment, ClientOptions, ConnectionString, ReadPreference, SelectionCriteria, WriteConcern,
};

use crate::failure::of_connecting;
use crate::url::{parse, url_problem};

/// How MongoDB is used. Not for logs: the URL may hold a password.
#[derive(Clone)]
pub struct Options {
    /// Where it is: `mongodb://user:password@host:port/database`, or `mongodb+srv://…`. What it says of pools, time-outs,
    /// write concerns and read preferences counts for nothing: that is said here, or is fixed.
    pub url: String,
    /// Connections that are kept, at least.
    pub pool_min: u32,
    /// Connections, at most.
    pub pool_max: u32,
    /// A connection beyond the least that is not used for so long is closed.
    pub idle_timeout: Duration,
    /// A server that can be used has to be there within this time.
    pub server_selection_timeout: Duration,
    /// Whatever is asked has to be answered within this time; otherwise its connection is given up.
    pub operation_timeout: Duration,
}

/// The database, where the URL names none.
const DATABASE: &str = "bursar";

impl Options {
    /// The defaults for this URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            pool_min: 2,
            pool_max: 10,
            idle_timeout: Duration::from_secs(30),
            server_selection_timeout: Duration::from_secs(5),
            operation_timeout: Duration::from_secs(45),
        }
    }

    /// The URL, if it can be connected to.
    pub(crate) fn connection_string(&self) -> Result<ConnectionString, DocumentsError> {
        let bad = |problem: &str| DocumentsError::Misfit(format!("the URL of MongoDB {problem}"));
        if let Some(problem) = url_problem(&self.url) {
            return Err(bad(&problem));
        }
        parse(&self.url).ok_or_else(|| bad("cannot be read"))
    }

    /// A client, which connects when it is used; and how many connections it has. Only where the URL is one of DNS,
    /// somebody is asked.
    pub(crate) async fn client(
        &self,
        url: ConnectionString,
    ) -> Result<(Client, Arc<Pool>, String), DocumentsError> {
        let mut client = ClientOptions::parse(url).await.map_err(|error| of_connecting(&error))?;
        client.app_name = Some("bursar".to_owned());
        client.min_pool_size = Some(self.pool_min);
        client.max_pool_size = Some(self.pool_max);
        client.max_idle_time = Some(self.idle_timeout);
        client.server_selection_timeout = Some(self.server_selection_timeout);
        client.connect_timeout = Some(self.server_selection_timeout);
        client.write_concern = Some(self.write_concern());
        client.retry_writes = Some(true);
        // What was acknowledged is seen by who asks next.
        client.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let pool = Arc::<Pool>::default();
        let counting = pool.clone();
        client.cmap_event_handler = Some(EventHandler::callback(move |event| counting.count(&event)));
        let database = client.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let client = Client::with_options(client).map_err(|error| of_connecting(&error))?;
        Ok((client, pool, database))
    }

    /// What was acknowledged survives any one server: most of them have it in their journals.
    pub(crate) fn write_concern(&self) -> WriteConcern {
        WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .w_timeout(self.operation_timeout)
            .build()
    }
}

/// How many connections there are.
#[derive(Default)]
pub(crate) struct Pool {
    open: AtomicI64,
    in_use: AtomicI64,
    waiting: AtomicI64,
}

impl Pool {
    fn count(&self, event: &CmapEvent) {
        match event {
            CmapEvent::ConnectionCreated(_) => self.open.fetch_add(1, Ordering::Relaxed),
            CmapEvent::ConnectionClosed(_) => self.open.fetch_sub(1, Ordering::Relaxed),
            CmapEvent::ConnectionCheckoutStarted(_) => self.waiting.fetch_add(1, Ordering::Relaxed),
            CmapEvent::ConnectionCheckoutFailed(_) => self.waiting.fetch_sub(1, Ordering::Relaxed),
            CmapEvent::ConnectionCheckedOut(_) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.in_use.fetch_add(1, Ordering::Relaxed)
            }
            CmapEvent::ConnectionCheckedIn(_) => self.in_use.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    pub(crate) fn figures(&self, max: u32) -> Connections {
        let of = |count: i64| u64::try_from(count).unwrap_or(0);
        let in_use = self.in_use.load(Ordering::Relaxed);
        let idle = self.open.load(Ordering::Relaxed) - in_use;
        let waiting = self.waiting.load(Ordering::Relaxed);
        Connections { in_use: of(in_use), idle: of(idle), waiting: of(waiting), max: max.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_options_count_and_not_what_the_url_says_of_them() {
        let url = "mongodb://127.0.0.1:1/cards?w=0&journal=false&maxPoolSize=99&minPoolSize=9&retryWrites=false&\
                   serverSelectionTimeoutMS=99999&readPreference=secondary&maxIdleTimeMS=1&wTimeoutMS=1";
        let options = Options { pool_max: 7, ..Options::new(url) };
        let url = options.connection_string().expect("a URL");
        let (client, _, database) = options.client(url).await.expect("nobody is asked yet");
        assert_eq!(database, "cards");
        let majority = options.write_concern();
        assert_eq!((majority.w.as_ref(), majority.journal), (Some(&Acknowledgment::Majority), Some(true)));
        assert_eq!(client.database("cards").write_concern(), Some(&majority));
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        assert_eq!(format!("{:?}", client.selection_criteria()), format!("{:?}", Some(primary)));
    }

    #[tokio::test]
    async fn a_url_without_a_database_means_ours() {
        let options = Options::new("mongodb://127.0.0.1:1");
        let url = options.connection_string().expect("a URL");
        assert_eq!(options.client(url).await.expect("nobody is asked yet").2, "bursar");
    }

    #[test]
    fn the_defaults_are_those_of_the_document() {
        let options = Options::new("mongodb://127.0.0.1");
        assert_eq!((options.pool_min, options.pool_max), (2, 10));
        let times = [options.idle_timeout, options.server_selection_timeout, options.operation_timeout];
        assert_eq!(times.map(|time| time.as_secs()), [30, 5, 45]);
    }
}
