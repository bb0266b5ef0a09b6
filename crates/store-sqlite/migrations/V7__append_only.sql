-- The program's side of a journal is kept like the customer's.
create trigger program_entries_are_append_only before update on program_entries
begin
    select raise (abort, 'program_entries are append-only');
end;

create trigger program_entries_are_kept before delete on program_entries
begin
    select raise (abort, 'program_entries are append-only');
end;
