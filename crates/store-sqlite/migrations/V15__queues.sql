-- Why the first run of an item failed: later ones may fail only for what that one left.
alter table inbox add column why_first text;

-- Messages that no consumer could work off, for an operator. One that dies again in the same queue is the same
-- work. The body is last: a list need not pass it.
create table dead_letters (
    id              blob primary key,
    message         blob not null,
    queue           text not null,
    kind            text not null,
    reply_to        text,
    correlation_id  text,
    published_at    integer,
    attempts        integer not null check (attempts >= 0),
    reason          text not null,
    error_first     text not null,
    error_last      text not null,
    death           blob not null, -- the last one
    deaths_before   blob not null, -- the others, 16 bytes each
    deaths          integer not null check (deaths >= 1 and length(deaths_before) = 16 * (deaths - 1)),
    died_at         integer not null,
    state           text not null check (state in ('open', 'replayed', 'discarded')),
    note            text check ((state = 'discarded') = (note is not null)),
    resolved_at     integer check ((state = 'open') = (resolved_at is null)),
    body            blob not null, -- sealed
    unique (message, queue)
) strict, without rowid;

-- Those that somebody has to look at are few among many.
create index dead_letters_open on dead_letters (id) where state = 'open';
create index dead_letters_to_forget on dead_letters (resolved_at) where resolved_at is not null;

-- URLs of programs' own systems that are told of events.
create table endpoints (
    id                   blob primary key,
    program              blob not null,
    url                  text not null,
    events               text not null, -- patterns, a space between two
    secret               blob not null, -- sealed
    secret_before        blob, -- sealed
    secret_before_until  integer check ((secret_before is null) = (secret_before_until is null)),
    is_on                integer not null check (is_on in (0, 1)),
    created_at           integer not null,
    version              integer not null check (version >= 1),
    request              blob not null,
    rotated_by           text
) strict, without rowid;

create index endpoints_by_program on endpoints (program, id);

-- What is sent to them. An event comes more than once to whoever stores these, and is sent once. No reference to the
-- endpoint: to delete one would take along millions of rows at once.
create table notifications (
    id          blob primary key,
    endpoint    blob not null, -- it may be gone
    event       blob not null,
    kind        text not null,
    state       text not null check (state in ('due', 'delivered', 'failed')),
    due_at      integer check ((state = 'due') = (due_at is not null)),
    failures    integer not null default 0 check (failures >= 0),
    created_at  integer not null,
    body        blob not null,
    unique (endpoint, event)
) strict, without rowid;

-- By endpoint first: what waits for one that is off is never passed on the way to what is due.
create index notifications_due on notifications (endpoint, due_at, id) where state = 'due';
create index notifications_by_endpoint on notifications (endpoint, id);
create index notifications_to_forget on notifications (created_at);

-- Each call to an endpoint. The notification's own rows, counted from 1.
create table attempts (
    notification  blob not null references notifications (id) on delete cascade,
    number        integer not null check (number >= 1),
    at            integer not null,
    took_ms       integer not null check (took_ms >= 0),
    status        integer,
    error         text,
    primary key (notification, number)
) strict, without rowid;

-- Purchases as people look for them: made of the ledger, and no part of its truth.
create table transaction_records (
    position      integer primary key, -- where the message that began it was committed
    root          blob not null unique,
    sequence      integer not null,
    merged_into   blob,
    owner         blob,
    owner_label   text,
    cardholder    blob,
    card          blob,
    card_label    text,
    account       blob,
    merchant      text,
    merchant_raw  text,
    city          text,
    mcc           text,
    category      text,
    status        text not null,
    amount_minor  integer,
    currency      text,
    began_at      integer not null,
    words         text not null -- a space between two
) strict;

-- Those that are a part of another one are never listed.
create index transaction_records_listed on transaction_records (position) where merged_into is null;
create index transaction_records_by_owner on transaction_records (owner, position) where merged_into is null;
create index transaction_records_by_card on transaction_records (card, position) where merged_into is null;

-- The beginnings of their words, by position. Derived from the column, which has the words: none are kept here. An
-- index of full text, and no table of words: to put a record anew is one row here, and several words are one question.
create virtual table record_words using fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- Until when messages may be without their event, because it was published and forgotten, and how many are. No row:
-- none is.
create table forgotten_events (
    id      integer primary key check (id = 1),
    until   integer not null,
    events  integer not null check (events > 0)
) strict;
