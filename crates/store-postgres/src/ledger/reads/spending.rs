//! Spending controls, and what was taken from their windows.

use bursar_core::control::Scope;
use bursar_core::window::{Counter, Counters};
use bursar_core::{CardholderId, Control, OwnerId};
use bursar_store::{Spending, StoreError};
use futures_util::future::try_join4;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresLedger;
use super::snapshot::Snapshot;
use crate::rows::{Read, control, id, owner, program, window};

impl PostgresLedger {
    /// The controls of a scope, in the order of their ids.
    pub(super) async fn controls_of(&self, scope: Scope) -> Result<Vec<Control>, StoreError> {
        let select = format!(
            "select {} from controls where subject = $1 and scope = $2 order by id",
            control::COLUMNS
        );
        let rows = self.query(&select, &[&scope.uuid(), &scope.kind()]).await?;
        Ok(rows.iter().map(control::read).collect::<Read<_>>()?)
    }

    /// Of one moment: a control without what it has counted would look as if nothing were spent.
    pub(super) async fn spending(&self, scope: Scope) -> Result<Option<Spending>, StoreError> {
        let (snapshot, rows) =
            Snapshot::begin(&self.pools.readers, select_subject(scope), &[&scope.uuid()]).await?;
        let spending = match rows.first() {
            Some(row) => self.spending_of(&snapshot, &Subject::read(scope, row)?).await?,
            None => None,
        };
        snapshot.end().await?;
        Ok(spending)
    }

    async fn spending_of(
        &self,
        snapshot: &Snapshot,
        subject: &Subject,
    ) -> Result<Option<Spending>, StoreError> {
        let owners = format!("select {} from owners where id = $1", owner::COLUMNS);
        let programs = format!(
            "select {} from programs where id = (select program from owners where id = $1)",
            program::COLUMNS
        );
        let controls =
            format!("select {} from controls where subject = any($1) order by id", control::COLUMNS);
        let windows = format!("select {} from windows where subject = any($1)", window::COLUMNS);
        let owner = subject.owner.uuid();
        let subjects: Vec<Uuid> = subject.scopes.iter().map(|scope| scope.uuid()).collect();
        let (owners, programs, controls, windows) = try_join4(
            snapshot.query(&owners, &[&owner]),
            snapshot.query(&programs, &[&owner]),
            snapshot.query(&controls, &[&subjects]),
            snapshot.query(&windows, &[&subjects]),
        )
        .await?;
        let (Some(owner), Some(program)) = (owners.first(), programs.first()) else { return Ok(None) };
        let (owner, program) = (owner::read(owner)?, program::read(program)?);
        let controls = controls.iter().map(control::read).collect::<Read<Vec<_>>>()?;
        let counters = windows.iter().map(window::read).collect::<Read<Vec<_>>>()?;
        Ok(Some(Spending {
            at: self.clock.now().max(owner.last_at),
            zone: program.time_zone,
            controls: counted(&subject.scopes, controls, &counters),
        }))
    }
}

/// Each control with its counter, in the order of the scopes.
fn counted(scopes: &[Scope], controls: Vec<Control>, counters: &[Counters]) -> Vec<(Control, Counter)> {
    let mut counted: Vec<_> = controls
        .into_iter()
        .filter(|control| scopes.contains(&control.scope))
        .map(|control| {
            let of_scope = counters.iter().find(|counters| counters.scope == control.scope);
            let counter = of_scope.and_then(|counters| counters.find(control.id)).cloned();
            (control, counter.unwrap_or_default())
        })
        .collect();
    counted.sort_by_key(|(control, _)| scopes.iter().position(|scope| *scope == control.scope));
    counted
}

/// Whose swipes it is about.
struct Subject {
    owner: OwnerId,
    /// The scopes whose controls count for them.
    scopes: Vec<Scope>,
}

/// The owner, and of a card its cardholder.
fn select_subject(scope: Scope) -> &'static str {
    match scope {
        Scope::Card(_) => "select owner, cardholder from cards where id = $1",
        Scope::Cardholder(_) => "select owner from cardholders where id = $1",
        Scope::Owner(_) => "select id from owners where id = $1",
    }
}

impl Subject {
    /// From a row of [`select_subject`].
    fn read(scope: Scope, row: &Row) -> Read<Self> {
        let owner = id(row, 0, OwnerId::new)?;
        let scopes = match scope {
            Scope::Card(_) => {
                vec![scope, Scope::Cardholder(id(row, 1, CardholderId::new)?), Scope::Owner(owner)]
            }
            Scope::Cardholder(_) => vec![scope, Scope::Owner(owner)],
            Scope::Owner(_) => vec![scope],
        };
        Ok(Self { owner, scopes })
    }
}
