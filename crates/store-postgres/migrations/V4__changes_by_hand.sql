-- A row that anybody else changes raises the version of its owner, so that no instance decides on what it
-- remembers of it. Bursar's own connections are known by their names: what they change they know, and the
-- sequence of the owner tells the others. The owner is locked by that, as by a decision.

create function is_by_hand() returns boolean language sql stable
    return current_setting('application_name') not like 'bursar%';

create function raise_version(owner_changed uuid) returns void language sql as $$
    update owners set controls_version =
        greatest(controls_version + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
    where id = owner_changed;
$$;

create function notice_row() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform raise_version(old.owner);
    end if;
    if tg_op <> 'DELETE' then
        perform raise_version(new.owner);
    end if;
    return null;
end;
$$;

create function notice_windows() returns trigger language plpgsql as $$
declare
    windows_changed windows := case tg_op when 'DELETE' then old else new end;
begin
    perform raise_version(case windows_changed.scope
        when 'card' then (select owner from cards where id = windows_changed.subject)
        when 'cardholder' then (select owner from cardholders where id = windows_changed.subject)
        else windows_changed.subject
    end);
    return null;
end;
$$;

create function notice_owner() returns trigger language plpgsql as $$
begin
    new.controls_version := greatest(new.controls_version, old.controls_version + 1);
    return new;
end;
$$;

create function notice_program() returns trigger language plpgsql as $$
begin
    perform raise_version(id) from owners where program = new.id order by id;
    return null;
end;
$$;

create trigger accounts_by_hand after insert or update or delete on accounts
    for each row when (is_by_hand()) execute function notice_row();
create trigger cards_by_hand after insert or update or delete on cards
    for each row when (is_by_hand()) execute function notice_row();
create trigger cardholders_by_hand after insert or update or delete on cardholders
    for each row when (is_by_hand()) execute function notice_row();
create trigger controls_by_hand after insert or update or delete on controls
    for each row when (is_by_hand()) execute function notice_row();
create trigger windows_by_hand after insert or update or delete on windows
    for each row when (is_by_hand()) execute function notice_windows();
create trigger owners_by_hand before update on owners
    for each row when (is_by_hand()) execute function notice_owner();
create trigger programs_by_hand after update on programs
    for each row when (is_by_hand()) execute function notice_program();
