//! Transaction records: put by one statement, and searched by the beginnings of their words.

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::{AccountId, CardId, CardholderId, Mcc, MessageId, OwnerId};
use bursar_store::columns::words;
use bursar_store::{Page, RecordFilter, StoreError, TransactionRecord, TransactionRecords};
use tokio_postgres::Row;

use crate::ledger::{Parameter, PostgresLedger};
use crate::rows::{Read, currency, get, id, id_opt, storable, word_opt};
use crate::save::Insert;

const COLUMNS: &str =
    "root, position, sequence, merged_into, owner, owner_label, cardholder, card, card_label,
                       account, merchant, merchant_raw, city, mcc, category, status, amount_minor, currency,
                       began_at, words";

#[rustfmt::skip]
const TYPES: [&str; 20] = [
    "uuid", "bigint", "bigint", "uuid", "uuid", "text", "uuid", "uuid", "text",
    "uuid", "text", "text", "text", "text", "text", "text", "bigint", "text",
    "timestamptz", "text",
];

const ON_CONFLICT: &str = "
    on conflict (root) do update set
        sequence = excluded.sequence, merged_into = excluded.merged_into, owner = excluded.owner,
        owner_label = excluded.owner_label, cardholder = excluded.cardholder, card = excluded.card,
        card_label = excluded.card_label, account = excluded.account, merchant = excluded.merchant,
        merchant_raw = excluded.merchant_raw, city = excluded.city, mcc = excluded.mcc,
        category = excluded.category, status = excluded.status, amount_minor = excluded.amount_minor,
        currency = excluded.currency, began_at = excluded.began_at, words = excluded.words
    where excluded.sequence > transaction_records.sequence";

/// How long a search may take. Words that many records have, of an owner who has few, can make it long; and it has one
/// of the connections that all reads share.
const SEARCH_MAX: Duration = Duration::from_secs(2);

#[async_trait]
impl TransactionRecords for PostgresLedger {
    async fn keep_records(&self, mut records: Vec<TransactionRecord>) -> Result<(), StoreError> {
        // In one order whoever writes them: two who have some in common do not wait for each other.
        records.sort_by_key(|record| record.root);
        self.insert(insert(&records)).await
    }

    async fn find_record(&self, root: MessageId) -> Result<Option<TransactionRecord>, StoreError> {
        let select = format!("select {COLUMNS} from transaction_records where root = $1");
        Ok(self.query(&select, &[&root.uuid()]).await?.first().map(read).transpose()?)
    }

    async fn search_records(
        &self,
        filter: &RecordFilter,
        page: Page<i64>,
    ) -> Result<Vec<TransactionRecord>, StoreError> {
        if filter.is_in_vain() {
            return Ok(Vec::new());
        }
        let select = if filter.words.is_empty() { list() } else { find_words() };
        let (before, limit) = (page.after.unwrap_or(i64::MAX), i64::from(page.limit));
        let words = beginnings(&filter.words);
        let (owner, card) = (filter.owner.map(OwnerId::uuid), filter.card.map(CardId::uuid));
        let RecordFilter { category, from, to, .. } = filter;
        let parameters: [Parameter<'_>; 8] = [&before, &limit, &words, &owner, &card, category, from, to];
        let rows = self.search(&select, &parameters, SEARCH_MAX).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }
}

/// What is asked beside words.
const OF_WHOM: &str =
    "merged_into is null and ($4::uuid is null or owner = $4) and ($5::uuid is null or card = $5)";
const WHICH: &str = "($6::text is null or category = $6) and ($7::timestamptz is null or began_at >= $7)
                     and ($8::timestamptz is null or began_at < $8)";

/// The newest of all that are asked for.
fn list() -> String {
    format!(
        "select {COLUMNS} from transaction_records where position < $1 and {OF_WHOM} and {WHICH} and $3::text = ''
         order by position desc limit $2"
    )
}

/// So many of the newest are looked through for words that many records have.
const NEWEST: usize = 1_000;

/// The newest of those with the words. Words that many records have are in some of the newest, and to read all that the
/// index has of them would take long; words that are not are in few, and to look through all records for them would take
/// long. The planner cannot tell the two apart: it takes every beginning of a word for one that many records have.
fn find_words() -> String {
    // The expression is that of the index; and to go by position is no way to what is rare (`+ 0`).
    let has_words = "array_to_tsvector(string_to_array(words, ' ')) @@ $3::text::tsquery";
    format!(
        "with newest as materialized (
             select {COLUMNS} from transaction_records where position < $1 and {OF_WHOM}
             order by position desc limit {NEWEST}
         ), common as materialized (
             select * from newest where {has_words} and {WHICH} order by position desc limit $2
         ), rare as materialized (
             select {COLUMNS} from transaction_records where {OF_WHOM} and {has_words} and {WHICH}
             and position + 0 < (select min(position) from newest)
             and (select count(*) from newest) = {NEWEST} and (select count(*) from common) < $2
         )
         select * from common union all select * from rare order by position desc limit $2"
    )
}

fn insert(records: &[TransactionRecord]) -> Insert<'_> {
    let text = |of: &Option<String>| of.as_deref().map(|text| storable(text).into_owned());
    let of = || records.iter();
    Insert::new(&format!("transaction_records ({COLUMNS})"), &TYPES, ON_CONFLICT)
        .column(of().map(|record| record.root.uuid()))
        .column(of().map(|record| record.position))
        .column(of().map(|record| record.sequence))
        .column(of().map(|record| record.merged_into.map(MessageId::uuid)))
        .column(of().map(|record| record.owner.map(OwnerId::uuid)))
        .column(of().map(move |record| text(&record.owner_label)))
        .column(of().map(|record| record.cardholder.map(CardholderId::uuid)))
        .column(of().map(|record| record.card.map(CardId::uuid)))
        .column(of().map(move |record| text(&record.card_label)))
        .column(of().map(|record| record.account.map(AccountId::uuid)))
        .column(of().map(move |record| text(&record.merchant)))
        .column(of().map(move |record| text(&record.merchant_raw)))
        .column(of().map(move |record| text(&record.city)))
        .column(of().map(|record| record.mcc.as_ref().map(|mcc| mcc.as_str())))
        .column(of().map(move |record| text(&record.category)))
        .column(of().map(|record| storable(&record.status).into_owned()))
        .column(of().map(|record| record.amount_minor))
        .column(of().map(|record| record.currency.map(|currency| currency.code())))
        .column(of().map(|record| record.began_at))
        .column(of().map(|record| words::write(&record.words_to_keep())))
}

/// What the index is asked: all of the words, each the beginning of one. In quotes, whatever is in them.
fn beginnings(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let word = word.replace('\\', "\\\\").replace('\'', "''");
        format!("'{word}':*")
    });
    quoted.collect::<Vec<_>>().join(" & ")
}

fn read(row: &Row) -> Read<TransactionRecord> {
    Ok(TransactionRecord {
        root: id(row, 0, MessageId::new)?,
        position: get(row, 1)?,
        sequence: get(row, 2)?,
        merged_into: id_opt(row, 3, MessageId::new)?,
        owner: id_opt(row, 4, OwnerId::new)?,
        owner_label: get(row, 5)?,
        cardholder: id_opt(row, 6, CardholderId::new)?,
        card: id_opt(row, 7, CardId::new)?,
        card_label: get(row, 8)?,
        account: id_opt(row, 9, AccountId::new)?,
        merchant: get(row, 10)?,
        merchant_raw: get(row, 11)?,
        city: get(row, 12)?,
        mcc: word_opt(row, 13, |text| Mcc::parse(text).ok())?,
        category: get(row, 14)?,
        status: get(row, 15)?,
        amount_minor: get(row, 16)?,
        currency: word_opt(row, 17, currency)?,
        began_at: get(row, 18)?,
        words: words::read(get(row, 19)?),
    })
}
