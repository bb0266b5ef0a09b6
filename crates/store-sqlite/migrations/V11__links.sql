-- Ids that a processor or network gives to more than one message of a purchase, and the hold group that they
-- name: the message that began it.
create table links (
    value  text not null,
    kind   text not null,
    scope  integer not null,
    root   blob not null,
    primary key (value, kind, scope)
) strict, without rowid;

-- Hold groups that a message proved to be a part of another one, by the messages that began them. What it is a
-- part of may become a part of another one in turn.
create table merges (
    merged   blob primary key,
    root     blob not null,
    message  blob not null
) strict, without rowid;

create index merges_by_root on merges (root);

create trigger links_are_append_only before update on links
begin
    select raise (abort, 'links are append-only');
end;

create trigger links_are_kept before delete on links
begin
    select raise (abort, 'links are append-only');
end;

create trigger merges_are_append_only before update on merges
begin
    select raise (abort, 'merges are append-only');
end;

create trigger merges_are_kept before delete on merges
begin
    select raise (abort, 'merges are append-only');
end;
