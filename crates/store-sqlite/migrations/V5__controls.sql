-- Spending controls. What one says is JSON: it is read as a whole, and no decision looks into it
-- here.
create table controls (
    id      blob primary key,
    owner   blob not null references owners (id),
    scope   text not null, -- card, cardholder or owner
    subject blob not null, -- the id of that
    name    text not null,
    rule    text not null,
    status  text not null,
    unique (subject, scope, name)
) strict, without rowid;

create index controls_by_owner on controls (owner);

-- What was taken from the windows of a scope's controls, in one short text: rows/window.rs. No row
-- is as good as nothing taken.
create table windows (
    subject blob not null,
    scope   text not null,
    taken   text not null,
    primary key (subject, scope)
) strict, without rowid;

-- How much of a purchase is cash paid out with it; none means nothing.
alter table messages add column cash_minor integer check (cash_minor > 0);

-- The owner's message before, by its position, and the owner's last one: an owner's history is
-- walked back from its end. An index by owner would be written at random places by every decision.
alter table messages add column previous integer;
alter table owners add column last_position integer;

drop trigger messages_are_append_only;

update messages set previous = before.position from (
    select position as of, lag(position) over (partition by owner order by owner_sequence) as position
    from messages where owner is not null
) as before where messages.position = before.of;

create trigger messages_are_append_only before update on messages
begin
    select raise (abort, 'messages are append-only');
end;

update owners set last_position = last.position from (
    select owner, max(position) as position from messages where owner is not null group by owner
) as last where owners.id = last.owner;
