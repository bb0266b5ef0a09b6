//! What a ledger consists of, for who moves it: every table and column, in words that both engines
//! share. What an engine derives for itself (keys by age, chains of positions, the index of words) is not among them,
//! nor is the heartbeat; nor the inbox, which has to be worked off before a copy and is no part of the ledger's truth.
//!
//! What consumers of events keep is, though none of it is money:
//! - dead letters are an operator's work, and endpoints a program's configuration;
//! - notifications are promised to endpoints, and their events are published: nobody would make them again. Their
//!   attempts say what an endpoint was told, and go with them;
//! - transaction records could be made of the messages, but nobody does so by himself;
//! - until when events are forgotten decides what the check says of the others (O1).

use uuid::Uuid;

/// A table of the ledger.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first [`Table::key`] are unique together, and rows are walked in their order.
    pub columns: &'static [Column],
    /// How many columns the key has.
    pub key: usize,
    /// Whether a row may change once it is there; else a row that differs is damage.
    pub changes: bool,
    /// Whether a row may go: the source may lack one that an earlier run brought over, and then it goes from the
    /// target, too. Else a row that only the target has is damage.
    pub forgets: bool,
}

/// A column and what is in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An id of 16 bytes.
    Id,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A number of 64 bits.
    Integer,
    /// A number of 32 bits, where an engine tells them apart.
    Small,
    /// Yes or no.
    Flag,
    /// A time.
    Time,
}

/// A value as neither engine writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing.
    Null,
    /// Of an id column.
    Id(Uuid),
    /// Of a text column.
    Text(String),
    /// Of a column of bytes.
    Bytes(Vec<u8>),
    /// Of both columns of numbers; and a time, as microseconds since 1970 in UTC.
    Integer(i64),
    /// Of a column of yes or no.
    Flag(bool),
}

/// As an operator finds it again; bytes are only counted.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => write!(f, "{id}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Flag(is_so) => write!(f, "{is_so}"),
        }
    }
}

/// The values of a row, one a column.
pub type Row = Vec<Value>;

impl Table {
    /// The names of its columns, as SQL lists them.
    #[must_use]
    pub fn list(&self) -> String {
        list(self.columns)
    }

    /// The names of its key's columns.
    #[must_use]
    pub fn key_columns(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }

    /// The statement that reads at most so many rows in the order of the key: all, or those behind a key
    /// whose values are parameters, which `mark` numbers. `compared` is how a column of the key is compared.
    #[must_use]
    pub fn select(&self, behind: bool, limit: usize, mark: char, compared: fn(&Column) -> String) -> String {
        let key: Vec<String> = self.key_columns().iter().map(compared).collect();
        let key = key.join(", ");
        let marks: Vec<String> = (1..=self.key).map(|number| format!("{mark}{number}")).collect();
        let behind = if behind { format!("where ({key}) > ({})", marks.join(", ")) } else { String::new() };
        format!("select {} from {} {behind} order by {key} limit {limit}", self.list(), self.name)
    }

    /// The statement that deletes the row with a key whose values are parameters, which `mark` numbers.
    #[must_use]
    pub fn delete(&self, mark: char) -> String {
        let columns = self.key_columns().iter().zip(1..);
        let key: Vec<String> =
            columns.map(|(of, number)| format!("\"{}\" = {mark}{number}", of.name)).collect();
        format!("delete from {} where {}", self.name, key.join(" and "))
    }

    /// Whether the store itself numbers the rows, in the order of commits.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.columns[0].name == POSITION
    }

    /// What becomes of a row that is there already: `on conflict …`, or nothing.
    #[must_use]
    pub fn on_conflict(&self) -> String {
        if !self.changes {
            return String::new();
        }
        let sets = self.columns[self.key..].iter().map(|of| format!("\"{0}\" = excluded.\"{0}\"", of.name));
        let sets: Vec<String> = sets.collect();
        format!("on conflict ({}) do update set {}", list(self.key_columns()), sets.join(", "))
    }
}

fn list(columns: &[Column]) -> String {
    columns.iter().map(|of| format!("\"{}\"", of.name)).collect::<Vec<_>>().join(", ")
}

const POSITION: &str = "position";

macro_rules! tables {
    ($($name:ident $what:ident by $key:literal { $($column:ident $kind:ident),+ $(,)? })+) => {
        /// Every table, in an order in which references hold.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            columns: &[$(Column { name: stringify!($column), kind: Kind::$kind }),+],
            key: $key,
            changes: tables!(@changes $what),
            forgets: tables!(@forgets $what),
        }),+];
    };
    (@changes kept) => { false };
    (@changes $other:ident) => { true };
    (@forgets passing) => { true };
    (@forgets $other:ident) => { false };
}

tables! {
    programs changing by 1 {
        id Id, name Text, time_zone Text, currencies Text, partial_approvals Flag, original_credits Flag,
        hold_days Small, hold_days_by_merchant Text,
    }
    owners changing by 1 {
        id Id, program Id, kind Text, name Text, token Text, status Text, sequence Integer, last_at Time,
        status_at Time,
    }
    accounts changing by 1 {
        id Id, owner Id, currency Text, posted_minor Integer, held_minor Integer, pending_credit_minor Integer,
        credit_line_minor Integer, open_holds Integer, entries Integer,
    }
    cardholders changing by 1 { id Id, owner Id, token Text, reference Text, status Text, status_at Time }
    cards changing by 1 {
        id Id, owner Id, cardholder Id, account Id, token Text, last_four Text, status Text,
        status_at Time,
    }
    controls changing by 1 {
        id Id, owner Id, scope Text, subject Id, name Text, rule Text, status Text,
    }
    windows changing by 2 { subject Id, scope Text, taken Text }
    messages kept by 1 {
        position Integer, id Id, token Text, source Text, scope Integer, state Text, fingerprint Bytes,
        kind Text, owner Id, owner_sequence Integer, at Time, declined Text, root Id, processor_time Time,
        effect Text, effect_minor Integer, card_token Text, card Id, cardholder Id, account Id,
        amount_minor Integer, currency Text, available_minor Integer, merchant Text, checks Text, method Text,
        transaction_kind Text, cash_minor Integer, details Text, answer_code Small, answer Bytes,
    }
    links kept by 3 { value Text, kind Text, scope Integer, root Id }
    merges kept by 1 { merged Id, root Id, message Id }
    discrepancies kept by 1 {
        position Integer, message Id, kind Text, currency Text, held_minor Integer, posted_minor Integer,
        pending_credit_minor Integer,
    }
    closings kept by 2 { discrepancy Id, message Id, note Text }
    entries kept by 2 {
        account Id, number Integer, journal Id, message Id, amount_minor Integer,
        balance_after_minor Integer, at Time,
    }
    program_entries kept by 1 {
        position Integer, journal Id, program Id, account Text, currency Text, amount_minor Integer,
    }
    outbox passing by 1 {
        position Integer, event Id, message Id, kind Text, owner Id, owner_sequence Integer, payload Text,
        published_at Time,
    }
    forgotten_events changing by 1 { id Integer, until Time, events Integer }
    stage_times kept by 1 {
        message Id, parse Integer, user_lookup Integer, card_lookup Integer, limits_lookup Integer,
        queue_wait Integer, load Integer, decision Integer, commit Integer, answer Integer,
    }
    sweeps changing by 1 { days Integer, position Integer }
    dead_letters passing by 1 {
        id Id, message Id, queue Text, kind Text, body Bytes, reply_to Text, correlation_id Text,
        published_at Time, attempts Integer, reason Text, error_first Text, error_last Text, death Id,
        deaths_before Bytes, deaths Integer, died_at Time, state Text, note Text, resolved_at Time,
    }
    endpoints passing by 1 {
        id Id, program Id, url Text, events Text, secret Bytes, secret_before Bytes, secret_before_until Time,
        is_on Flag, created_at Time, version Integer, request Bytes, rotated_by Text,
    }
    notifications passing by 1 {
        id Id, endpoint Id, event Id, kind Text, body Bytes, state Text, due_at Time, failures Integer,
        created_at Time,
    }
    attempts passing by 2 {
        notification Id, number Integer, at Time, took_ms Integer, status Small, error Text,
    }
    transaction_records changing by 1 {
        root Id, position Integer, sequence Integer, merged_into Id, owner Id, owner_label Text, cardholder Id,
        card Id, card_label Text, account Id, merchant Text, merchant_raw Text, city Text, mcc Text,
        category Text, status Text, amount_minor Integer, currency Text, began_at Time, words Text,
    }
}
