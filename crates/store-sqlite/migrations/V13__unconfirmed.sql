-- 0 days: how far the search for holds has come that their processor should have confirmed by now.
create table new_sweeps (
    days      integer primary key check (days between 0 and 365),
    position  integer not null
) strict;
insert into new_sweeps select days, position from sweeps;
drop table sweeps;
alter table new_sweeps rename to sweeps;

-- Somebody has to decide about what the processor denies, too.
drop index discrepancies_unrepaired;
create index discrepancies_unrepaired on discrepancies (position)
    where kind in ('other_answer', 'unconfirmed', 'denied', 'not_booked', 'unknown');
