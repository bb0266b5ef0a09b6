-- What processors report, until it is booked. A queue: what is worked off is deleted, and the keys of
-- messages know it again.
create table inbox (
    id           blob primary key,
    kind         text not null,
    token        text not null,
    notice_state text not null,
    hash         blob not null,
    content      blob not null,
    state        text not null check (state in ('waiting', 'dead', 'quarantined')),
    failures     integer not null default 0 check (failures >= 0),
    why          text,
    received_at  integer not null,
    due_at       integer not null,
    unique (kind, token, notice_state, hash)
) strict, without rowid;

create index inbox_due on inbox (due_at) where state = 'waiting';

-- When the status came about, by the clock of whoever changed it: what the processor reports of an earlier
-- one, later, does not count.
alter table owners add column status_at integer;
alter table cardholders add column status_at integer;
alter table cards add column status_at integer;
