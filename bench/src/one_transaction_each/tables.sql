create table accounts (
    id             int primary key,
    balance_minor  bigint not null,
    held_minor     bigint not null
);
create table authorizations (
    id            bigint generated always as identity primary key,
    token         uuid not null unique,
    account       int not null,
    at            timestamptz not null default now(),
    amount_minor  bigint not null,
    merchant      text not null,
    checks        text not null,
    answer        text not null
);
create table outbox (
    id       bigint generated always as identity primary key,
    token    uuid not null,
    payload  text not null
);
insert into accounts select id, 1000000000000, 0 from generate_series(1, :accounts) as id;
analyze accounts;
