-- The ledger. Ids are version 7: later ones sort later. Amounts are minor units of their currency. Keys
-- are compared byte by byte, whatever the database's language: nobody sorts them for people, and its rules
-- would cost each look-up.

create table programs (
    id                 uuid primary key,
    name               text not null,
    time_zone          text not null,
    currencies         text not null, -- alphabetic codes, separated by commas; the first is the default
    partial_approvals  boolean not null,
    original_credits   boolean not null
);

create table owners (
    id                uuid primary key,
    program           uuid not null references programs (id),
    kind              text not null,
    name              text not null,
    token             text collate "C" unique,
    status            text not null,
    sequence          bigint not null check (sequence >= 1),
    last_at           timestamptz not null,
    -- Rises with every change of its spending controls, those of its cards and cardholders included: an
    -- instance keeps what it read of them for as long as this is the same.
    controls_version  bigint not null default 0
);

create table accounts (
    id                    uuid primary key,
    owner                 uuid not null references owners (id),
    currency              text not null,
    posted_minor          bigint not null,
    held_minor            bigint not null check (held_minor >= 0),
    pending_credit_minor  bigint not null check (pending_credit_minor >= 0),
    credit_line_minor     bigint not null check (credit_line_minor >= 0),
    open_holds            bigint not null check (open_holds >= 0),
    entries               bigint not null check (entries >= 0)
);

create index accounts_by_owner on accounts (owner, id);

create table cardholders (
    id         uuid primary key,
    owner      uuid not null references owners (id),
    token      text collate "C" not null unique,
    reference  text not null,
    status     text not null
);

create index cardholders_by_owner on cardholders (owner, id);

create table cards (
    id          uuid primary key,
    owner       uuid not null references owners (id),
    cardholder  uuid not null references cardholders (id),
    account     uuid not null references accounts (id),
    token       text collate "C" not null unique,
    last_four   text,
    status      text not null
);

create index cards_by_owner on cards (owner, id);

-- Spending controls. What one says is JSON text: it is read as a whole, and no decision looks into it
-- here.
create table controls (
    id       uuid primary key,
    owner    uuid not null references owners (id),
    scope    text collate "C" not null, -- card, cardholder or owner
    subject  uuid not null, -- the id of that
    name     text collate "C" not null,
    rule     text not null,
    status   text not null,
    unique (subject, scope, name)
);

create index controls_by_owner on controls (owner, id);

-- What was taken from the windows of a scope's controls, in one short text. No row is as good as
-- nothing taken.
create table windows (
    subject  uuid not null,
    scope    text collate "C" not null,
    taken    text not null,
    primary key (subject, scope)
);

-- Every message with its answer. One row, so that a decision is one insert: no table a concern.
create table messages (
    position          bigint generated always as identity primary key,
    id                uuid not null unique,
    token             text collate "C" not null,
    source            text collate "C" not null,
    scope             bigint not null,
    state             text collate "C" not null,
    fingerprint       bytea not null,
    kind              text not null,
    owner             uuid,
    owner_sequence    bigint,
    at                timestamptz not null,
    declined          text,
    root              uuid, -- the message that began the hold group
    processor_time    timestamptz,
    effect            text,
    effect_minor      bigint check (effect_minor >= 0),
    card_token        text,
    card              uuid,
    cardholder        uuid,
    account           uuid,
    amount_minor      bigint,
    currency          text,
    available_minor   bigint,
    merchant          text,
    checks            text,
    method            text, -- of a message that was kept without effect; an authorization's is in its answer
    transaction_kind  text, -- none means a purchase
    cash_minor        bigint check (cash_minor > 0),
    answer_code       integer not null,
    answer            bytea not null, -- as it was sent: jsonb would give its keys back in another order
    constraint messages_by_key unique (token, source, scope, state)
);

-- The message that began a group is found by its id.
create index messages_by_root on messages (root) where root <> id;
create index messages_by_owner on messages (owner, at);
create index messages_recorded on messages (position) where method is not null;

create table entries (
    account              uuid not null references accounts (id),
    number               bigint not null check (number >= 1),
    journal              uuid not null,
    message              uuid not null,
    amount_minor         bigint not null,
    balance_after_minor  bigint not null,
    at                   timestamptz not null,
    primary key (account, number)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% are append-only', tg_table_name;
end;
$$;

create trigger messages_are_append_only before update or delete on messages
    for each statement execute function refuse_change();
create trigger entries_are_append_only before update or delete on entries
    for each statement execute function refuse_change();

-- The program's side of each journal. Added up later: one settlement row that every journal changes
-- would queue the whole program.
create table program_entries (
    position      bigint generated always as identity primary key,
    journal       uuid not null,
    program       uuid not null references programs (id),
    account       text not null,
    currency      text not null,
    amount_minor  bigint not null
);

create table outbox (
    position        bigint generated always as identity primary key,
    event           uuid not null,
    message         uuid not null,
    kind            text not null,
    owner           uuid,
    owner_sequence  bigint,
    payload         text not null,
    published_at    timestamptz
);

-- How long the stages of a decision took, in microseconds. Written with a later batch; the last ones
-- before a crash are missing.
create table stage_times (
    message        uuid primary key,
    parse          bigint not null,
    user_lookup    bigint not null,
    card_lookup    bigint not null,
    limits_lookup  bigint not null,
    queue_wait     bigint not null,
    load           bigint not null,
    decision       bigint not null,
    commit         bigint not null,
    answer         bigint not null
);

-- One row, written to show that the store can commit.
create table heartbeat (
    id  integer primary key check (id = 1),
    at  timestamptz not null
);
