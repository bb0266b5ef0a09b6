-- 0 days: how far the search for holds has come that their processor should have confirmed by now.
alter table sweeps drop constraint sweeps_days_check;
alter table sweeps add constraint sweeps_days_check check (days between 0 and 365);

-- Somebody has to decide about what the processor denies, too.
drop index discrepancies_unrepaired;
create index discrepancies_unrepaired on discrepancies (position)
    where kind in ('other_answer', 'unconfirmed', 'denied', 'not_booked', 'unknown');
