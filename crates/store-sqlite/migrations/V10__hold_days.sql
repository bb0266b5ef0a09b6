-- For how many days a program's holds are kept when nothing more is heard of them, and of which merchants
-- something else is said: 7012=3,lodging=30.
alter table programs add column hold_days integer not null default 7 check (hold_days between 1 and 365);
alter table programs add column hold_days_by_merchant text not null default '';

-- How far the search for holds that are so many days old has come: all messages up to the position were
-- looked at.
create table sweeps (
    days      integer primary key check (days between 1 and 365),
    position  integer not null
) strict;
