-- Where the processor and we say different things of a transaction, by the message that brought it, and what
-- its repair changed.
create table discrepancies (
    position              bigint generated always as identity primary key,
    message               uuid not null unique,
    kind                  text not null,
    held_minor            bigint not null,
    posted_minor          bigint not null,
    pending_credit_minor  bigint not null
);

-- An operator's word that nothing is left to do about one.
create table closings (
    message      uuid primary key,
    discrepancy  uuid not null,
    note         text not null
);

create index closings_by_discrepancy on closings (discrepancy);
