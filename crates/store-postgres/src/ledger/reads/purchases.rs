//! Purchases, one or many.

use bursar_core::{AccountId, CardId, CardholderId, HoldGroup, Mcc, Merchant, Message, MessageId, OwnerId};
use bursar_store::{Page, Purchase, PurchaseFilter, Slice, StoreError, keys_of_transactions};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::snapshot::Snapshot;
use super::{Parameter, PostgresLedger};
use crate::error::before_commit;
use crate::load;
use crate::rows::{Read, get, id, message};

impl PostgresLedger {
    /// The purchase that the message belongs to, of one moment.
    pub(super) async fn purchase(&self, id: MessageId) -> Result<Option<Purchase>, StoreError> {
        let (snapshot, found) = self.begun_by(&[id]).await?;
        let purchase = match purchases_of(&snapshot, found).await?.pop() {
            Some(purchase) => Some(with_kept(&snapshot, purchase).await?),
            None => None,
        };
        snapshot.end().await?;
        Ok(purchase)
    }

    /// Those that the messages belong to, each once, of one moment.
    pub(super) async fn purchases_with(&self, ids: &[MessageId]) -> Result<Vec<Purchase>, StoreError> {
        let (snapshot, found) = self.begun_by(ids).await?;
        let purchases = purchases_of(&snapshot, found).await?;
        snapshot.end().await?;
        Ok(purchases)
    }

    /// Where the purchases began that the messages belong to.
    async fn begun_by(&self, ids: &[MessageId]) -> Result<(Snapshot, Vec<Found>), StoreError> {
        let select = "with recursive whole (root) as (
                          select root from messages where id = any($1)
                          union select further.root from whole
                          cross join lateral (select root from merges where merged = whole.root offset 0) as further
                      )
                      select position, id from whole
                      cross join lateral (select position, id from messages where id = whole.root offset 0) as began
                      where (select merged from merges where merged = id) is null";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let (snapshot, rows) = Snapshot::begin(&self.pools.readers, select, &[&ids]).await?;
        Ok((snapshot, rows.iter().map(Found::read).collect::<Read<Vec<_>>>()?))
    }

    /// A page, and where it ends, of one moment.
    pub(super) async fn purchases(
        &self,
        filter: &PurchaseFilter,
        page: Page<i64>,
    ) -> Result<Slice<Purchase>, StoreError> {
        let walk = Walk::of(filter, page.after);
        let found_max = match filter.merchant {
            // Names are compared here, by the same rules as in the other store.
            Some(_) => LOOKED_AT,
            None => i64::from(page.limit),
        };
        let (snapshot, rows) = walk.begin(self, filter, found_max).await?;
        let mut found = Vec::new();
        for row in &rows {
            if filter.merchant.is_none() || filter.wants_merchant(&merchant(row)?) {
                found.push(Found::read(row)?);
            }
            if found.len() as u64 >= u64::from(page.limit) {
                break;
            }
        }
        let next = match found.last() {
            Some(last) if found.len() as u64 >= u64::from(page.limit) => Some(last.position),
            _ => walk.end(&snapshot, filter).await?,
        };
        let items = purchases_of(&snapshot, found).await?;
        snapshot.end().await?;
        Ok(Slice { items, next })
    }
}

/// How many messages a call looks at, at most.
const LOOKED_AT: i64 = Slice::SCANNED_MAX as i64;

/// Where a purchase began.
struct Found {
    position: i64,
    root: MessageId,
}

impl Found {
    fn read(row: &Row) -> Read<Self> {
        Ok(Self { position: get(row, 0)?, root: id(row, 1, MessageId::new)? })
    }
}

fn merchant(row: &Row) -> Read<Merchant> {
    Ok(get::<Option<&str>>(row, 2)?.map(serde_json::from_str).transpose()?.unwrap_or_default())
}

/// The messages that a call looks at: the owner's by the index of owners, or all by their positions. An owner's
/// times never run backwards, so both have one order.
struct Walk {
    looked_at: &'static str,
    order: &'static str,
    after: i64,
    owner: Option<Uuid>,
}

impl Walk {
    fn of(filter: &PurchaseFilter, after: Option<i64>) -> Self {
        let (looked_at, order) = match filter.owner {
            Some(_) => (
                "from messages where owner = $3 and position < $1
                 and at <= coalesce((select at from messages where position = $1), 'infinity')
                 and at >= coalesce($4::timestamptz, '-infinity') and at < coalesce($5::timestamptz, 'infinity')
                 order by at desc, position desc",
                "at desc, position desc",
            ),
            None => ("from messages where position < $1 order by position desc", "position desc"),
        };
        Self { looked_at, order, after: after.unwrap_or(i64::MAX), owner: filter.owner.map(OwnerId::uuid) }
    }

    /// The inner part looks at a bounded number of messages, whatever of them is wanted.
    async fn begin(
        &self,
        ledger: &PostgresLedger,
        filter: &PurchaseFilter,
        found_max: i64,
    ) -> Result<(Snapshot, Vec<Row>), StoreError> {
        let select = format!(
            "select position, id, merchant from (select * {} limit $2) as looked_at where root = id and ($3::uuid is null or owner = $3)
             and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
             and ($6::uuid is null or card = $6) and ($7::uuid is null or cardholder = $7)
             and ($8::uuid is null or account = $8)
             and (select merged from merges where merged = id) is null
             and ($9::text[] is null or merchant::jsonb ->> 'mcc' = any($9))
             order by {} limit $10",
            self.looked_at, self.order
        );
        let (card, cardholder) = (filter.card.map(CardId::uuid), filter.cardholder.map(CardholderId::uuid));
        let account = filter.account.map(AccountId::uuid);
        let mccs: Option<Vec<&str>> =
            (!filter.mccs.is_empty()).then(|| filter.mccs.iter().map(Mcc::as_str).collect());
        let parameters: [Parameter<'_>; 10] = [
            &self.after,
            &LOOKED_AT,
            &self.owner,
            &filter.from,
            &filter.to,
            &card,
            &cardholder,
            &account,
            &mccs,
            &found_max,
        ];
        Snapshot::begin(&ledger.pools.readers, &select, &parameters).await
    }

    /// Where a list goes on that has found too few among all that it may look at; `None` at the end.
    async fn end(&self, snapshot: &Snapshot, filter: &PurchaseFilter) -> Result<Option<i64>, StoreError> {
        let select = format!("select position, at {} offset $2::bigint - 1 limit 1", self.looked_at);
        let parameters: [Parameter<'_>; 5] = [&self.after, &LOOKED_AT, &self.owner, &filter.from, &filter.to];
        // Only an owner's messages are chosen by the last three.
        let parameters = if self.owner.is_some() { &parameters[..] } else { &parameters[..2] };
        let rows = snapshot.query(&select, parameters).await?;
        let Some(last) = rows.first() else { return Ok(None) };
        let at: Timestamp = get(last, 1)?;
        Ok(if filter.ends_before(at) { None } else { Some(get(last, 0)?) })
    }
}

/// Those that began there, with every message.
async fn purchases_of(snapshot: &Snapshot, found: Vec<Found>) -> Result<Vec<Purchase>, StoreError> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let roots: Vec<MessageId> = found.iter().map(|found| found.root).collect();
    let groups = load::read_groups(snapshot.client(), &roots).await;
    let mut groups = groups.map_err(|error| before_commit(&error))??;
    let members = |group: &HoldGroup| group.messages.iter().map(|member| member.id).collect::<Vec<_>>();
    let mut ids: Vec<Uuid> = groups.values().flat_map(members).chain(roots).map(MessageId::uuid).collect();
    ids.sort_unstable();
    ids.dedup();
    let select = format!("select {} from messages where id = any($1)", message::COLUMNS);
    let rows = snapshot.query(&select, &[&ids]).await?;
    let mut messages = rows
        .iter()
        .map(|row| message::read(row).map(|message| (message.id, message)))
        .collect::<Read<std::collections::HashMap<MessageId, Message>>>()?;
    let purchase = |found: Found| {
        let group = groups.remove(&found.root);
        let members = group.as_ref().map_or_else(|| vec![found.root], members);
        Purchase {
            position: found.position,
            root: group.as_ref().map_or(found.root, |group| group.root),
            messages: members.iter().filter_map(|id| messages.remove(id)).collect(),
            group,
            kept: Vec::new(),
        }
    };
    Ok(found.into_iter().map(purchase).collect())
}

/// With what is stored about its transactions and was not booked.
async fn with_kept(snapshot: &Snapshot, mut purchase: Purchase) -> Result<Purchase, StoreError> {
    let keys = keys_of_transactions(&purchase.messages);
    let select = format!(
        "select {} from messages where (token, source, scope, state) in
         (select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[])) and root is null order by position",
        message::COLUMNS
    );
    let tokens: Vec<&str> = keys.iter().map(|key| key.token.as_str()).collect();
    let sources: Vec<&str> = keys.iter().map(|key| key.source.as_str()).collect();
    let scopes: Vec<i64> = keys.iter().map(|key| key.scope).collect();
    let states: Vec<&str> = keys.iter().map(|key| &*key.state).collect();
    let rows = snapshot.query(&select, &[&tokens, &sources, &scopes, &states]).await?;
    purchase.kept = rows.iter().map(message::read).collect::<Read<_>>()?;
    Ok(purchase)
}
