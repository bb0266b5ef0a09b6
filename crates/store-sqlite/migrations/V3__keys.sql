-- The keys of messages (M1): 16 bytes of their SHA-256, and the message's place. A processor's
-- tokens are random, so in one index every decision writes a page of its own to the log. A key is
-- written to the first table, which is small, and goes on to the others many at a time: keys.rs.
create table keys_young (
    key       blob primary key,
    position  integer not null
) strict, without rowid;

create table keys_grown (
    key       blob primary key,
    position  integer not null
) strict, without rowid;

create table keys_old (
    key       blob primary key,
    position  integer not null
) strict, without rowid;

insert into keys_old (key, position)
    select message_key(token, source, scope, state), position from messages order by 1;

drop index messages_by_key;

-- One key, one message: in whichever table it is by now.
create trigger keys_are_unique before insert on keys_young
when exists (select 1 from keys_grown where key = new.key)
    or exists (select 1 from keys_old where key = new.key)
begin
    select raise (abort, 'a message with this key is stored already');
end;
