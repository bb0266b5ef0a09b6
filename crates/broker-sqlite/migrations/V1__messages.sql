-- Messages that wait in queues, one row a queue. What is settled is gone.
create table messages (
    position        integer primary key,
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
    reason          text
) strict;

create index messages_by_due_time on messages (queue, due_at, position);
