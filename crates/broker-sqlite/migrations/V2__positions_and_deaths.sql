-- A position is given once for ever, also after a restart: by it the broker knows what it had before. And which death it
-- was that brought a message to the dead letters.
create table messages_new (
    position        integer primary key autoincrement,
    queue           text not null,
    id              blob not null,
    kind            text not null,
    body            blob not null,
    reply_to        text,
    correlation_id  text,
    published_at    integer not null,
    -- When it may be delivered: later than it was published while it pauses after a failure.
    due_at          integer not null,
    -- What became of it so far, if it failed.
    failed_in       text,
    attempts        integer,
    error_first     text,
    error_last      text,
    reason          text,
    death           blob
) strict;

insert into messages_new (position, queue, id, kind, body, reply_to, correlation_id, published_at, due_at,
                          failed_in, attempts, error_first, error_last, reason)
    select position, queue, id, kind, body, reply_to, correlation_id, published_at, due_at,
           failed_in, attempts, error_first, error_last, reason
    from messages;

drop table messages;
alter table messages_new rename to messages;
-- With all that is asked of a message before somebody wants it.
create index messages_by_due_time on messages (queue, due_at, position, failed_in, reason);
