-- Why the first run of an item failed: later ones may fail only for what that one left.
alter table inbox add column why_first text;

-- Messages that no consumer could work off, for an operator. One that dies again in the same queue is the same
-- work.
create table dead_letters (
    id              uuid primary key,
    message         uuid not null,
    queue           text not null,
    kind            text not null,
    reply_to        text,
    correlation_id  text,
    published_at    timestamptz,
    attempts        bigint not null check (attempts >= 0),
    reason          text not null,
    error_first     text not null,
    error_last      text not null,
    death           uuid not null, -- the last one
    deaths_before   bytea not null, -- the others, 16 bytes each
    deaths          bigint not null check (deaths >= 1 and length(deaths_before) = 16 * (deaths - 1)),
    died_at         timestamptz not null,
    state           text not null check (state in ('open', 'replayed', 'discarded')),
    note            text check ((state = 'discarded') = (note is not null)),
    resolved_at     timestamptz check ((state = 'open') = (resolved_at is null)),
    body            bytea not null, -- sealed
    unique (message, queue)
);

-- Those that somebody has to look at are few among many.
create index dead_letters_open on dead_letters (id) where state = 'open';
create index dead_letters_to_forget on dead_letters (resolved_at) where resolved_at is not null;

-- URLs of programs' own systems that are told of events.
create table endpoints (
    id                   uuid primary key,
    program              uuid not null,
    url                  text not null,
    events               text not null, -- patterns, a space between two
    secret               bytea not null, -- sealed
    secret_before        bytea, -- sealed
    secret_before_until  timestamptz check ((secret_before is null) = (secret_before_until is null)),
    is_on                boolean not null,
    created_at           timestamptz not null,
    version              bigint not null check (version >= 1),
    request              bytea not null,
    rotated_by           text
);

create index endpoints_by_program on endpoints (program, id);

-- What is sent to them. An event comes more than once to whoever stores these, and is sent once. No reference to the
-- endpoint: to delete one would take along millions of rows at once.
create table notifications (
    id          uuid primary key,
    endpoint    uuid not null, -- it may be gone
    event       uuid not null,
    kind        text not null,
    state       text not null check (state in ('due', 'delivered', 'failed')),
    due_at      timestamptz check ((state = 'due') = (due_at is not null)),
    failures    bigint not null default 0 check (failures >= 0),
    created_at  timestamptz not null,
    body        bytea not null,
    unique (endpoint, event)
);

-- By endpoint first: what waits for one that is off is never passed on the way to what is due.
create index notifications_due on notifications (endpoint, due_at, id) where state = 'due';
create index notifications_by_endpoint on notifications (endpoint, id);
create index notifications_to_forget on notifications (created_at);

-- Each call to an endpoint. The notification's own rows, counted from 1.
create table attempts (
    notification  uuid not null references notifications (id) on delete cascade,
    number        bigint not null check (number >= 1),
    at            timestamptz not null,
    took_ms       bigint not null check (took_ms >= 0),
    status        integer,
    error         text,
    primary key (notification, number)
);

-- Purchases as people look for them: made of the ledger, and no part of its truth.
create table transaction_records (
    root          uuid primary key,
    position      bigint not null unique, -- where the message that began it was committed
    sequence      bigint not null,
    merged_into   uuid,
    owner         uuid,
    owner_label   text,
    cardholder    uuid,
    card          uuid,
    card_label    text,
    account       uuid,
    merchant      text,
    merchant_raw  text,
    city          text,
    mcc           text,
    category      text,
    status        text not null,
    amount_minor  bigint,
    currency      text,
    began_at      timestamptz not null,
    words         text not null -- a space between two
);

-- Those that are a part of another one are never listed.
create index transaction_records_listed on transaction_records (position) where merged_into is null;
create index transaction_records_by_owner on transaction_records (owner, position) where merged_into is null;
create index transaction_records_by_card on transaction_records (card, position) where merged_into is null;

-- The beginnings of their words. As they are: no dictionary of a language changes them, and no extension is needed.
create index transaction_records_words on transaction_records
    using gin (array_to_tsvector(string_to_array(words, ' '))) where merged_into is null;

-- Until when messages may be without their event, because it was published and forgotten, and how many are. No row:
-- none is.
create table forgotten_events (
    id      bigint primary key check (id = 1),
    until   timestamptz not null,
    events  bigint not null check (events > 0)
);
