//! Transaction records: put by the writer, and searched beside it.

use async_trait::async_trait;
use bursar_core::{AccountId, CardId, CardholderId, Mcc, MessageId, OwnerId};
use bursar_store::columns::words;
use bursar_store::{Page, RecordFilter, StoreError, TransactionRecord, TransactionRecords};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, FromWord, Micros, id, id_opt, word_opt};

const COLUMNS: &str =
    "root, position, sequence, merged_into, owner, owner_label, cardholder, card, card_label,
                       account, merchant, merchant_raw, city, mcc, category, status, amount_minor, currency,
                       began_at, words";

#[async_trait]
impl TransactionRecords for SqliteLedger {
    async fn keep_records(&self, records: Vec<TransactionRecord>) -> Result<(), StoreError> {
        self.change(move |connection, _| records.iter().try_for_each(|record| keep(connection, record))).await
    }

    async fn find_record(&self, root: MessageId) -> Result<Option<TransactionRecord>, StoreError> {
        let select = format!("select {COLUMNS} from transaction_records where root = ?1");
        let find = move |connection: &Connection| {
            connection.prepare_cached(&select)?.query_row([Blob16(root.uuid())], read).optional()
        };
        self.readers.read(find).await
    }

    async fn search_records(
        &self,
        filter: &RecordFilter,
        page: Page<i64>,
    ) -> Result<Vec<TransactionRecord>, StoreError> {
        if filter.is_in_vain() {
            return Ok(Vec::new());
        }
        let filter = filter.clone();
        self.readers.read(move |connection| search(connection, &filter, page)).await
    }
}

fn keep(connection: &Connection, record: &TransactionRecord) -> rusqlite::Result<()> {
    let insert = format!(
        "insert into transaction_records ({COLUMNS})
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         on conflict (root) do update set
             sequence = excluded.sequence, merged_into = excluded.merged_into, owner = excluded.owner,
             owner_label = excluded.owner_label, cardholder = excluded.cardholder, card = excluded.card,
             card_label = excluded.card_label, account = excluded.account, merchant = excluded.merchant,
             merchant_raw = excluded.merchant_raw, city = excluded.city, mcc = excluded.mcc,
             category = excluded.category, status = excluded.status, amount_minor = excluded.amount_minor,
             currency = excluded.currency, began_at = excluded.began_at, words = excluded.words
         where excluded.sequence > transaction_records.sequence
         returning position"
    );
    let words = words::write(&record.words_to_keep());
    let values = params![
        Blob16(record.root.uuid()),
        record.position,
        record.sequence,
        record.merged_into.map(|id| Blob16(id.uuid())),
        record.owner.map(|id| Blob16(id.uuid())),
        record.owner_label,
        record.cardholder.map(|id| Blob16(id.uuid())),
        record.card.map(|id| Blob16(id.uuid())),
        record.card_label,
        record.account.map(|id| Blob16(id.uuid())),
        record.merchant,
        record.merchant_raw,
        record.city,
        record.mcc.as_ref().map(Mcc::as_str),
        record.category,
        record.status,
        record.amount_minor,
        record.currency.map(|currency| currency.code()),
        Micros(record.began_at),
        words
    ];
    let mut insert = connection.prepare_cached(&insert)?;
    let kept: Option<i64> = insert.query_row(values, |row| row.get(0)).optional()?;
    if let Some(position) = kept {
        let index = "insert or replace into record_words (rowid, words) values (?1, ?2)";
        connection.prepare_cached(index)?.execute(params![position, words])?;
    }
    Ok(())
}

fn search(
    connection: &Connection,
    filter: &RecordFilter,
    page: Page<i64>,
) -> rusqlite::Result<Vec<TransactionRecord>> {
    // A condition that is not asked for is not there: the rest can use its index.
    let conditions = [
        (!filter.words.is_empty())
            .then_some("position in (select rowid from record_words where record_words match ?3)"),
        filter.owner.and(Some("owner = ?4")),
        filter.card.and(Some("card = ?5")),
    ];
    let conditions: String = conditions.into_iter().flatten().map(|of| format!("{of} and ")).collect();
    let select = format!(
        "select {COLUMNS} from transaction_records where {conditions} merged_into is null and position < ?1
         and (?6 is null or category = ?6) and (?7 is null or began_at >= ?7) and (?8 is null or began_at < ?8)
         order by position desc limit ?2"
    );
    let wanted = params![
        page.after.unwrap_or(i64::MAX),
        page.limit,
        beginnings(&filter.words),
        filter.owner.map(|owner| Blob16(owner.uuid())),
        filter.card.map(|card| Blob16(card.uuid())),
        filter.category,
        filter.from.map(Micros),
        filter.to.map(Micros)
    ];
    connection.prepare_cached(&select)?.query_map(wanted, read)?.collect()
}

/// What the index is asked: all of the words, each the beginning of one. In quotes, whatever is in them.
fn beginnings(words: &[String]) -> String {
    let quoted = words.iter().map(|word| format!("\"{}\"*", word.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(" AND ")
}

fn read(row: &Row<'_>) -> rusqlite::Result<TransactionRecord> {
    Ok(TransactionRecord {
        root: id(row, 0, MessageId::new)?,
        position: row.get(1)?,
        sequence: row.get(2)?,
        merged_into: id_opt(row, 3, MessageId::new)?,
        owner: id_opt(row, 4, OwnerId::new)?,
        owner_label: row.get(5)?,
        cardholder: id_opt(row, 6, CardholderId::new)?,
        card: id_opt(row, 7, CardId::new)?,
        card_label: row.get(8)?,
        account: id_opt(row, 9, AccountId::new)?,
        merchant: row.get(10)?,
        merchant_raw: row.get(11)?,
        city: row.get(12)?,
        mcc: word_opt(row, 13)?,
        category: row.get(14)?,
        status: row.get(15)?,
        amount_minor: row.get(16)?,
        currency: word_opt(row, 17)?,
        began_at: row.get::<_, Micros>(18)?.0,
        words: words::read(row.get_ref(19)?.as_str()?),
    })
}

impl FromWord for Mcc {
    fn from_column(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}
