//! Loads what a batch needs, in one flight: the owners are locked by its first statement, and what they
//! protect is read by later ones, whose snapshots are newer than the locks.

mod groups;
mod state;
mod wanted;

use std::collections::HashSet;

use bursar_core::{OwnerId, State, Work};
use bursar_store::StoreError;
use deadpool_postgres::Client;
use futures_util::future::{try_join, try_join3, try_join4, try_join5};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};
use uuid::Uuid;

use crate::error::{before_commit, is_held};
use crate::lane::Mood;
use crate::memory::{Memory, Standing, Unknown, Version, Versions};
use crate::rows::{Read, account, card, cardholder, control, get, id, owner, program, window};
pub(crate) use groups::{Groups, history, read_group, read_groups};
use state::{put_answered, state};
use wanted::KeyArrays;
pub(crate) use wanted::Wanted;

/// What a batch is decided on.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// Of the owners that are locked, or remembered.
    pub(crate) versions: Versions,
    /// Owners that somebody else has locked, of those that are not waited for.
    pub(crate) held: HashSet<OwnerId>,
}

/// Why nothing is loaded.
pub(crate) enum Stop {
    /// Somebody else held an owner for longer than a lane waits.
    Held(StoreError),
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Begins the transaction, locks the owners and reads what the commands touch, with the answers that were
/// given before unless the mood is bold. Who is spared is not waited for. Standing data that changed since it
/// was read takes a flight more.
///
/// # Errors
/// The server's; or a hold group cannot be read, and with it what it holds.
pub(crate) async fn begin(
    client: &Client,
    memory: &Memory,
    batch: &[&Work],
    mood: &Mood,
) -> Result<Loaded, Stop> {
    let wanted = Wanted::by(batch);
    match read(client, memory.standing(batch), &wanted, mood).await {
        Ok(read) => Ok(read.loaded(&wanted)?),
        Err(error) if is_held(&error) => Err(Stop::Held(before_commit(&error))),
        Err(error) => Err(Stop::Failed(before_commit(&error))),
    }
}

/// What was read, and what was known.
struct Flight {
    owners: Found,
    existing: Found,
    moved: (Found, Found),
    others: (Found, [Found; 3], Found, Scopes, Members),
    versions: Versions,
    standing: Standing,
    /// What was not known, and what was known no more.
    read: [StandingRows; 2],
}

async fn read(
    client: &Client,
    mut standing: Standing,
    wanted: &Wanted<'_>,
    mood: &Mood,
) -> Result<Flight, Error> {
    let (spared, waited_for): (Vec<Uuid>, Vec<Uuid>) =
        wanted.owners.iter().partition(|owner| mood.spares(OwnerId::new(**owner)));
    // What reads may be prepared later, and so may come later: never before the locks.
    let locks = [
        Lock::prepared(client, "", &waited_for).await?,
        Lock::prepared(client, "skip locked", &spared).await?,
    ];
    let unknown = standing.unknown(wanted);
    // The order in which futures are polled first is the order on the wire.
    let begun = client.batch_execute(BEGIN);
    let locked = try_join(locks[0].take(client), locks[1].take(client));
    let rows = try_join(
        standing_rows(client, &unknown, &wanted.programs, wanted.changes_a_program),
        try_join(accounts(client, wanted), windows(client, wanted)),
    );
    let others = try_join5(
        answered(client, &wanted.keys, *mood != Mood::Bold),
        tokens(client, wanted),
        groups::accounts(client, &wanted.groups),
        groups::scopes(client, &wanted.groups),
        try_join(groups::members(client, &wanted.groups), groups::links(client, &wanted.groups)),
    );
    let rest = try_join3(rows, others, existing(client, &spared));
    let (((), (mut owners, more)), ((read, moved), others, existing)) =
        try_join(try_join(begun, locked), rest).await?;
    owners.extend(more);
    let versions = versions(&owners);
    let stale = standing.drop_stale(&versions);
    let again = standing_rows(client, &stale, &[], false).await?;
    Ok(Flight { owners, existing, moved, others, versions, standing, read: [read, again] })
}

impl Flight {
    fn loaded(self, wanted: &Wanted<'_>) -> Result<Loaded, StoreError> {
        let Self { owners, existing, moved, others, versions, standing, read } = self;
        let exists = existing.iter().filter_map(|row| id(row, 0, OwnerId::new).ok());
        let held = exists.filter(|owner| !versions.contains_key(owner)).collect();
        let state = state(wanted, standing, owners, read, moved, others)
            .map_err(|damage| StoreError::BadData(damage.0))?;
        Ok(Loaded { state, versions, held })
    }
}

/// Adds the answers that these were given before.
pub(crate) async fn answers(client: &Client, state: &mut State, works: &[&Work]) -> Result<(), StoreError> {
    let keys = Wanted::by(works).keys;
    let found = answered(client, &keys, !works.is_empty()).await.map_err(|error| before_commit(&error))?;
    put_answered(state, &found);
    Ok(())
}

fn versions(owners: &[Row]) -> Versions {
    let version = |row: &Row| -> Read<_> {
        let [sequence, last_at] = owner::VERSION;
        let (sequence, last_at) = (get(row, sequence)?, get(row, last_at)?);
        Ok((id(row, 0, OwnerId::new)?, Version { sequence, last_at, controls: get(row, owner::WIDTH)? }))
    };
    owners.iter().filter_map(|row| version(row).ok()).collect()
}

/// Whatever the database's default is: locks are worth nothing to an older snapshot.
pub(crate) const BEGIN: &str = "begin isolation level read committed read write";

type Found = Vec<Row>;
type Scopes = (Found, Found);
/// Programs, cardholders, cards and controls.
type StandingRows = (Found, Found, Found, Found);
/// The members of hold groups, and links that name some.
type Members = (Found, Found);

/// Runs a statement that is prepared once a connection. Nothing is sent for nothing.
pub(crate) async fn query(
    client: &Client,
    select: &str,
    is_wanted: bool,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Found, Error> {
    if !is_wanted {
        return Ok(Vec::new());
    }
    let statement = client.prepare_cached(select).await?;
    client.query(&statement, parameters).await
}

/// A statement that locks owners, in the order of their ids: two batches never wait for each other.
struct Lock<'a> {
    owners: &'a [Uuid],
    /// None, for none.
    statement: Option<Statement>,
}

impl<'a> Lock<'a> {
    /// `others` says what becomes of owners that somebody else has locked.
    async fn prepared(client: &Client, others: &str, owners: &'a [Uuid]) -> Result<Self, Error> {
        let select = format!(
            "select {}, controls_version from owners where id = any($1) order by id for update {others}",
            owner::COLUMNS
        );
        let statement = match owners {
            [] => None,
            _ => Some(client.prepare_cached(&select).await?),
        };
        Ok(Self { owners, statement })
    }

    async fn take(&self, client: &Client) -> Result<Found, Error> {
        match &self.statement {
            Some(statement) => client.query(statement, &[&self.owners]).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Which of the owners there are, locked or not.
async fn existing(client: &Client, owners: &[Uuid]) -> Result<Found, Error> {
    query(client, "select id from owners where id = any($1)", !owners.is_empty(), &[&owners]).await
}

/// Reads what is not known, and these programs.
async fn standing_rows(
    client: &Client,
    unknown: &Unknown,
    programs_wanted: &[Uuid],
    changes_a_program: bool,
) -> Result<StandingRows, Error> {
    try_join4(
        programs(client, programs_wanted, &unknown.owners, changes_a_program),
        by_id(client, "cardholders", cardholder::COLUMNS, &unknown.cardholders),
        by_id(client, "cards", card::COLUMNS, &unknown.cards),
        controls(client, &unknown.scopes),
    )
    .await
}

/// What a program allows counts in decisions about its owners. Of two who change one the second sees what the
/// first has done; nobody else waits for them.
async fn programs(
    client: &Client,
    programs: &[Uuid],
    owners: &[Uuid],
    changes_a_program: bool,
) -> Result<Found, Error> {
    let lock = if changes_a_program { "order by id for no key update" } else { "" };
    let select = format!(
        "select {} from programs where id = any($1) or id in (select program from owners where id = any($2)) {lock}",
        program::COLUMNS
    );
    query(client, &select, !programs.is_empty() || !owners.is_empty(), &[&programs, &owners]).await
}

async fn accounts(client: &Client, wanted: &Wanted<'_>) -> Result<Found, Error> {
    by_id(client, "accounts", account::COLUMNS, &wanted.accounts).await
}

async fn by_id(client: &Client, table: &str, columns: &str, ids: &[Uuid]) -> Result<Found, Error> {
    let select = format!("select {columns} from {table} where id = any($1)");
    query(client, &select, !ids.is_empty(), &[&ids]).await
}

async fn controls(client: &Client, subjects: &[Uuid]) -> Result<Found, Error> {
    let (select, _) = scope_selects("any($1)");
    query(client, &select, !subjects.is_empty(), &[&subjects]).await
}

async fn windows(client: &Client, wanted: &Wanted<'_>) -> Result<Found, Error> {
    let subjects: Vec<Uuid> = wanted.scopes.iter().map(|(scope, _)| scope.uuid()).collect();
    let (_, select) = scope_selects("any($1)");
    query(client, &select, !subjects.is_empty(), &[&subjects]).await
}

/// Of the controls and of the windows of these subjects.
fn scope_selects(subjects: &str) -> (String, String) {
    (
        format!("select {} from controls where subject = {subjects}", control::COLUMNS),
        format!("select {} from windows where subject = {subjects}", window::COLUMNS),
    )
}

async fn answered(client: &Client, keys: &KeyArrays<'_>, is_wanted: bool) -> Result<Found, Error> {
    let select = "select token, source, scope, state, fingerprint, answer_code, answer from messages
                  where (token, source, scope, state) in
                  (select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]))";
    query(client, select, is_wanted, &[&keys.tokens, &keys.sources, &keys.scopes, &keys.states]).await
}

async fn tokens(client: &Client, wanted: &Wanted<'_>) -> Result<[Found; 3], Error> {
    let taken = async |table: &str, tokens: &Vec<&str>| {
        let select = format!("select token from {table} where token = any($1)");
        query(client, &select, !tokens.is_empty(), &[tokens]).await
    };
    let [owners, cardholders, cards] = &wanted.tokens;
    let two = try_join(taken("owners", owners), taken("cardholders", cardholders));
    let ((owners, cardholders), cards) = try_join(two, taken("cards", cards)).await?;
    Ok([owners, cardholders, cards])
}
