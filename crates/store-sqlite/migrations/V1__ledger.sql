-- The embedded ledger. Ids are 16 bytes, version 7: later ones sort later. Times are microseconds
-- since 1970 in UTC. Amounts are minor units of their currency.

create table programs (
    id          blob primary key,
    name        text not null,
    time_zone   text not null,
    currencies  text not null -- alphabetic codes, separated by commas; the first is the default
) strict, without rowid;

create table owners (
    id          blob primary key,
    program     blob not null references programs (id),
    kind        text not null,
    name        text not null,
    token       text unique,
    status      text not null,
    sequence    integer not null check (sequence >= 1),
    last_at     integer not null
) strict, without rowid;

create table accounts (
    id                    blob primary key,
    owner                 blob not null references owners (id),
    currency              text not null,
    posted_minor          integer not null,
    held_minor            integer not null check (held_minor >= 0),
    pending_credit_minor  integer not null check (pending_credit_minor >= 0),
    credit_line_minor     integer not null check (credit_line_minor >= 0),
    open_holds            integer not null check (open_holds >= 0),
    entries               integer not null check (entries >= 0)
) strict, without rowid;

create index accounts_by_owner on accounts (owner);

create table cardholders (
    id          blob primary key,
    owner       blob not null references owners (id),
    token       text not null unique,
    reference   text not null,
    status      text not null
) strict, without rowid;

create index cardholders_by_owner on cardholders (owner);

create table cards (
    id          blob primary key,
    owner       blob not null references owners (id),
    cardholder  blob not null references cardholders (id),
    account     blob not null references accounts (id),
    token       text not null unique,
    last_four   text,
    status      text not null
) strict, without rowid;

create index cards_by_owner on cards (owner);

-- Every message with its answer. One row, so that a decision is one insert: no table a concern.
-- Only the key needs an index that is written at random places; the other two grow at their end
-- or hold the few messages that follow another.
create table messages (
    position         integer primary key, -- order of commits
    id               blob not null,
    token            text not null,
    source           text not null,
    scope            integer not null,
    state            text not null,
    fingerprint      blob not null,
    kind             text not null,
    owner            blob,
    owner_sequence   integer,
    at               integer not null,
    declined         text,
    root             blob, -- the message that began the hold group
    processor_time   integer,
    effect           text,
    effect_minor     integer check (effect_minor >= 0),
    card_token       text,
    card             blob,
    cardholder       blob,
    account          blob,
    amount_minor     integer,
    currency         text,
    available_minor  integer,
    merchant         text,
    checks           text, -- a letter a check and what it found: rows/checks.rs
    answer_code      integer not null,
    answer           blob not null
) strict;

create unique index messages_by_key on messages (token, source, scope, state);
create unique index messages_by_id on messages (id);
create index messages_that_follow on messages (root) where root <> id;

create trigger messages_are_append_only before update on messages
begin
    select raise (abort, 'messages are append-only');
end;

create trigger messages_are_kept before delete on messages
begin
    select raise (abort, 'messages are append-only');
end;

create table entries (
    account              blob not null references accounts (id),
    number               integer not null check (number >= 1),
    journal              blob not null,
    message              blob not null,
    amount_minor         integer not null,
    balance_after_minor  integer not null,
    at                   integer not null,
    primary key (account, number)
) strict, without rowid;

create trigger entries_are_append_only before update on entries
begin
    select raise (abort, 'entries are append-only');
end;

create trigger entries_are_kept before delete on entries
begin
    select raise (abort, 'entries are append-only');
end;

-- The program's side of each journal. Added up later: one settlement row that every journal
-- changes would queue the whole program.
create table program_entries (
    position      integer primary key,
    journal       blob not null,
    program       blob not null references programs (id),
    account       text not null,
    currency      text not null,
    amount_minor  integer not null
) strict;

create table outbox (
    position        integer primary key,
    event           blob not null,
    message         blob not null,
    kind            text not null,
    owner           blob,
    owner_sequence  integer,
    payload         text not null,
    published_at    integer
) strict;

-- How long the stages of a decision took, in microseconds. Written with a later batch; the last
-- ones before a crash are missing.
create table stage_times (
    message       blob primary key,
    parse         integer not null,
    user_lookup   integer not null,
    card_lookup   integer not null,
    limits_lookup integer not null,
    queue_wait    integer not null,
    load          integer not null,
    decision      integer not null,
    "commit"      integer not null,
    answer        integer not null
) strict, without rowid;

-- One row, written to show that the store can commit.
create table heartbeat (
    id  integer primary key check (id = 1),
    at  integer not null
) strict;
