-- What an instance remembers of cards and cardholders is good for as long as the version of their owner is the same: so
-- whoever makes one or changes its status raises it. One that a failover lost is not taken for one that is there.

create function notice_standing() returns trigger language plpgsql set search_path from current as $$
begin
    perform raise_version(new.owner);
    return null;
end;
$$;

create trigger cards_stand after insert or update on cards for each row execute function notice_standing();
create trigger cardholders_stand after insert or update on cardholders for each row execute function notice_standing();
