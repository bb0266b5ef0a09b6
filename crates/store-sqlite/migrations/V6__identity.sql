-- Which ledger this is, and what it was copied from, if it was. Until that copy is finished nobody
-- may decide on it. One row.
create table identity (
    id         integer primary key check (id = 1),
    ledger     blob not null,
    copy_of    blob,
    copied_at  integer
) strict;

insert into identity (id, ledger) values (1, randomblob(16));
