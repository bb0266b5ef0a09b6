-- The program's side of a journal is kept like the customer's, and none of what is kept goes at once.
create trigger program_entries_are_append_only before update or delete on program_entries
    for each statement execute function refuse_change();

create trigger messages_are_kept before truncate on messages
    for each statement execute function refuse_change();
create trigger entries_are_kept before truncate on entries
    for each statement execute function refuse_change();
create trigger program_entries_are_kept before truncate on program_entries
    for each statement execute function refuse_change();
