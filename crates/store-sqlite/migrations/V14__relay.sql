-- Events that are not published, for relays to find. Who has leased which is known in memory: the folder is one process's.
create index outbox_unpublished on outbox (position) where published_at is null;
