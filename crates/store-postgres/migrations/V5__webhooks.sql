-- What processors report, until it is booked. A queue: what is worked off is deleted, and the keys of
-- messages know it again.
create table inbox (
    id           uuid primary key,
    kind         text not null,
    token        text not null,
    notice_state text not null,
    hash         bytea not null,
    content      bytea not null,
    state        text not null check (state in ('waiting', 'dead', 'quarantined')),
    failures     bigint not null default 0 check (failures >= 0),
    why          text,
    received_at  timestamptz not null,
    due_at       timestamptz not null,
    unique (kind, token, notice_state, hash)
);

create index inbox_due on inbox (due_at) where state = 'waiting';

-- When the status came about, by the clock of whoever changed it: what the processor reports of an earlier
-- one, later, does not count.
alter table owners add column status_at timestamptz;
alter table cardholders add column status_at timestamptz;
alter table cards add column status_at timestamptz;
