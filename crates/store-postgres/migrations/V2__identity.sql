-- Which ledger this is, and what it was copied from, if it was. Until that copy is finished nobody
-- may decide on it. One row.
create table identity (
    id         integer primary key check (id = 1),
    ledger     uuid not null,
    copy_of    uuid,
    copied_at  timestamptz
);

insert into identity (id, ledger) values (1, gen_random_uuid());
