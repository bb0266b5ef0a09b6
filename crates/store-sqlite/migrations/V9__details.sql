-- What a message tells beside what is booked, as JSON: merchant's currency, fees, stand-in, the processor's
-- response. Nothing is decided by it, and most messages have none.
alter table messages add column details text;
