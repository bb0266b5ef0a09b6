-- What a message that was kept without effect asked or reported. An authorization's method is in
-- its answer.
alter table messages add column method text;

-- They are few, and somebody looks for them.
create index messages_recorded on messages (position) where method is not null;
