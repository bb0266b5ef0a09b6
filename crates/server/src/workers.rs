//! What the server does by itself, beside answering.
//!
//! Each worker may end at any moment, and another instance may do the same at the same time: what one of them had taken
//! comes again, and takes effect once.

pub mod courtesy;
mod task;

mod book;
pub(crate) mod consumer;
pub mod inquirer;
pub(crate) mod webhooks;

pub mod queue;
pub mod relay;
pub mod requests;

pub(crate) mod dead_letters;
mod erasures;
pub(crate) mod known;
pub(crate) mod notifier;
pub mod people;
pub mod sender;
pub(crate) mod transaction_records;

pub mod sweeper;
mod watch;

use bursar_core::Command;
use bursar_store::Item;
use futures_util::future::join_all;

use crate::app::App;
use crate::problem::{Code, Problem};
use crate::roles::Role;

pub use task::Task;

/// What the item of the inbox asks of the ledger, as it is understood now, or why that cannot be told.
pub(crate) async fn commands(app: &App, item: &Item) -> Result<Result<Vec<Command>, String>, Problem> {
    match book::commands(app, item).await {
        Ok(commands) => Ok(Ok(commands)),
        Err(book::Trouble::Failed(why)) => Ok(Err(why)),
        Err(book::Trouble::Away(why)) => Err(Problem::new(Code::Unavailable, why)),
        Err(book::Trouble::Behind) => Err(Problem::new(Code::Unavailable, "too much waits; ask again")),
    }
}

/// All that this instance does by itself.
pub(crate) struct Workers {
    tasks: Vec<Task>,
    sweeping: Option<sweeper::Sweeping>,
}

impl Workers {
    /// Starts what belongs to the instance's roles.
    pub(crate) fn start(app: &App) -> Self {
        let roles = app.settings().roles;
        // Also where nobody works off what heaps up.
        let mut tasks = vec![watch::start(app)];
        if roles.has(Role::Worker) {
            let (authorizer, broker) = (app.authorizer().clone(), app.broker().clone());
            tasks.push(requests::start(authorizer, broker, app.consumed().clone()));
            tasks.push(webhooks::start(app));
            tasks.push(transaction_records::start(app));
            tasks.push(notifier::start(app));
            tasks.push(dead_letters::start(app));
            tasks.push(sender::start(app));
            tasks.push(consumer::start(app));
        }
        if roles.has(Role::Relay) {
            tasks.push(relay::start(app));
        }
        if roles.has(Role::Api) {
            tasks.extend(webhooks::start_telling(app));
        }
        if roles.has(Role::Sweeper) {
            tasks.push(erasures::start(app));
        }
        let sweeping = roles.has(Role::Sweeper).then(|| sweeper::start(app));
        Self { tasks, sweeping }
    }

    /// Has all of them finish what they have: none takes more while it waits for another.
    pub(crate) async fn stop(self) {
        self.tasks.iter().for_each(Task::ask_to_stop);
        let sweeping = async {
            if let Some(sweeping) = self.sweeping {
                sweeping.stop().await;
            }
        };
        tokio::join!(sweeping, join_all(self.tasks.into_iter().map(Task::ended)));
    }
}
