-- Where the processor and we say different things of a transaction, by the message that brought it, and what
-- its repair changed.
create table discrepancies (
    position              bigint generated always as identity primary key,
    message               uuid not null unique,
    kind                  text not null,
    currency              text,
    held_minor            bigint not null,
    posted_minor          bigint not null,
    pending_credit_minor  bigint not null
);

-- Those that somebody has to decide about are few among many.
create index discrepancies_unrepaired on discrepancies (position)
    where kind in ('other_answer', 'unconfirmed', 'not_booked', 'unknown');

-- That nothing is left to do about one, and the message that says so.
create table closings (
    discrepancy  uuid not null,
    message      uuid not null,
    note         text not null,
    primary key (discrepancy, message)
);
