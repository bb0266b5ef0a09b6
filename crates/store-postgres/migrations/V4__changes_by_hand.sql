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

create function notice_row() returns trigger language plpgsql set search_path from current as $$
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

create function owner_of(scope text, subject uuid) returns uuid language sql stable as $$
    select case scope
        when 'card' then (select owner from cards where id = subject)
        when 'cardholder' then (select owner from cardholders where id = subject)
        else subject
    end;
$$;

create function notice_windows() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'INSERT' then
        perform raise_version(owner_of(old.scope, old.subject));
    end if;
    if tg_op <> 'DELETE' then
        perform raise_version(owner_of(new.scope, new.subject));
    end if;
    return null;
end;
$$;

create function notice_all() returns trigger language plpgsql set search_path from current as $$
begin
    perform raise_version(id) from owners order by id;
    return null;
end;
$$;

create function notice_owner() returns trigger language plpgsql as $$
begin
    new.controls_version := greatest(new.controls_version, old.controls_version + 1,
        (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    return new;
end;
$$;

create function notice_program() returns trigger language plpgsql set search_path from current as $$
begin
    -- Nobody joins it meanwhile whose version would then not rise.
    perform from programs where id = new.id for update;
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
create trigger programs_by_hand
    after update of time_zone, currencies, partial_approvals, original_credits on programs
    for each row when (is_by_hand()) execute function notice_program();
create trigger cards_emptied_by_hand after truncate on cards
    for each statement when (is_by_hand()) execute function notice_all();
create trigger controls_emptied_by_hand after truncate on controls
    for each statement when (is_by_hand()) execute function notice_all();
create trigger windows_emptied_by_hand after truncate on windows
    for each statement when (is_by_hand()) execute function notice_all();
