-- Ids that a processor or network gives to more than one message of a purchase, and the hold group that they
-- name: the message that began it.
create table links (
    value  text collate "C" not null,
    kind   text collate "C" not null,
    scope  bigint not null,
    root   uuid not null,
    primary key (value, kind, scope)
);

-- Hold groups that a message proved to be a part of another one, by the messages that began them. What it is a
-- part of may become a part of another one in turn.
create table merges (
    merged   uuid primary key,
    root     uuid not null,
    message  uuid not null
);

create index merges_by_root on merges (root);

create trigger links_are_append_only before update or delete on links
    for each statement execute function refuse_change();
create trigger links_are_kept before truncate on links
    for each statement execute function refuse_change();
create trigger merges_are_append_only before update or delete on merges
    for each statement execute function refuse_change();
create trigger merges_are_kept before truncate on merges
    for each statement execute function refuse_change();
