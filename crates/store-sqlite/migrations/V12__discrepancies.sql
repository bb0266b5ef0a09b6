-- Where the processor and we say different things of a transaction, by the message that brought it, and what
-- its repair changed.
create table discrepancies (
    position              integer primary key,
    message               blob not null unique,
    kind                  text not null,
    held_minor            integer not null,
    posted_minor          integer not null,
    pending_credit_minor  integer not null
) strict;

-- An operator's word that nothing is left to do about one.
create table closings (
    message      blob primary key,
    discrepancy  blob not null,
    note         text not null
) strict, without rowid;

create index closings_by_discrepancy on closings (discrepancy);
