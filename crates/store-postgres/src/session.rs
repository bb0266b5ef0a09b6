//! One connection that is waited for wherever its user is: for commands, which have nothing else to do.

use std::sync::Arc;

use bursar_store::StoreError;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Row};

use crate::connection::{Options, connect};
use crate::error::before_commit;

/// A connection with a thread of its own that drives it.
pub(crate) struct Session {
    client: Arc<Client>,
    driver: Driver,
}

impl Session {
    /// Connects; `application` is how the server shows it. Nothing ends a session that is long at work.
    pub(crate) fn open(options: &Options, application: &'static str) -> Result<Self, StoreError> {
        let driver = Driver::new()?;
        let options = options.clone();
        let client = driver.wait(async move {
            let (client, connection) = connect(&options, application).await?;
            tokio::spawn(connection);
            let endless = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0";
            client.batch_execute(endless).await.map_err(|error| before_commit(&error))?;
            Ok(client)
        })?;
        Ok(Self { client: Arc::new(client), driver })
    }

    /// Runs what needs the client, and waits.
    pub(crate) fn run<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<Client>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.driver.wait(work(Arc::clone(&self.client)))
    }

    /// The rows of a statement without parameters.
    pub(crate) fn rows(&self, select: &str) -> Result<Vec<Row>, StoreError> {
        let select = select.to_owned();
        self.run(
            |client| async move { client.query(&select, &[]).await.map_err(|error| before_commit(&error)) },
        )
    }

    /// Runs statements that say nothing.
    pub(crate) fn execute(&self, statements: &str) -> Result<(), StoreError> {
        let statements = statements.to_owned();
        self.run(|client| async move {
            client.batch_execute(&statements).await.map_err(|error| before_commit(&error))
        })
    }
}

/// A thread that drives a connection; `None` once this is dropped.
struct Driver(Option<Runtime>);

impl Driver {
    fn new() -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(Some(runtime)))
    }

    /// Runs it there and waits here, wherever here is.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Unavailable("the connection is closed".into());
        let (done, result) = std::sync::mpsc::sync_channel(1);
        self.0.as_ref().ok_or_else(gone)?.spawn(async move {
            let _ = done.send(future.await);
        });
        result
            .recv()
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the connection's task has ended".into())))
    }
}

/// Whoever drops it may be on a runtime, where no other may be waited for.
impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
