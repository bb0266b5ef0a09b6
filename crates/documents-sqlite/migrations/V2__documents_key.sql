-- Which documents key seals all of this: one row, once it is known.
create table documents_key (
    number  integer primary key check (number = 1),
    id      blob not null
) strict, without rowid;
