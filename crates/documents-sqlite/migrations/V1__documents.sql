-- Persons: known, locked (erase_on) or erased (erased_at: nothing but the id is left). What identifies somebody is sealed.
create table persons (
    id           blob primary key,
    program      blob,
    wrapped_key  blob,
    email_index  blob,
    phone_index  blob,
    version      integer,
    created_at   integer,
    updated_at   integer,
    -- YYYY-MM-DD, while the law has it kept and nobody sees it.
    erase_on     text,
    erased_at    integer,
    -- Whether what was erased may still lie in the file beside this one.
    is_unfinished integer not null default 0,
    check ((erased_at is null) = (wrapped_key is not null))
) strict, without rowid;

create index persons_by_program on persons (program, id) where program is not null;
create index persons_by_email on persons (email_index, id) where email_index is not null;
create index persons_by_phone on persons (phone_index, id) where phone_index is not null;
create index persons_by_erasure on persons (erase_on) where erase_on is not null;
create index persons_unfinished on persons (id) where is_unfinished = 1;

-- Sealed fields of persons and of their identities; the name tells which.
create table fields (
    person  blob not null,
    field   text not null,
    sealed  blob not null,
    primary key (person, field)
) strict, without rowid;

create table kyc (
    person        blob primary key,
    status        text not null,
    retain_until  text,
    version       integer not null
) strict, without rowid;

create table kyc_transitions (
    person       blob not null,
    number       integer not null,
    at           integer not null,
    from_status  text not null,
    to_status    text not null,
    reason       blob,
    primary key (person, number)
) strict, without rowid;

-- Read models of the ledger: the newest sequence stays. kept_at is for rebuilds.
create table cards (
    id         blob primary key,
    person     blob not null,
    account    blob not null,
    last_four  text,
    status     text not null,
    label      blob,
    sequence   integer not null,
    kept_at    integer not null
) strict, without rowid;

create index cards_by_person on cards (person, id);

create table wallets (
    id               blob primary key,
    person           blob not null,
    currency         text not null,
    posted_minor     integer not null,
    held_minor       integer not null,
    available_minor  integer not null,
    sequence         integer not null,
    kept_at          integer not null
) strict, without rowid;

create index wallets_by_person on wallets (person, id);

create table history (
    root          blob primary key,
    person        blob not null,
    position      integer not null,
    sequence      integer not null,
    merged_into   blob,
    card          blob,
    merchant      blob,
    category      blob,
    status        text not null,
    amount_minor  integer,
    currency      text,
    began_at      integer not null,
    kept_at       integer not null
) strict, without rowid;

create index history_by_person on history (person, position);
