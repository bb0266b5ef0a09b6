-- Events that are not published, for relays to find, and until when one of them has an event for itself.
alter table outbox add column leased_until timestamptz;

create index outbox_unpublished on outbox (position) where published_at is null;
