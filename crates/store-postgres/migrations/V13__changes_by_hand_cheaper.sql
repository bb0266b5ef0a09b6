-- The same triggers, whose condition is no function: that would be parsed by each statement that touches the table.

create or replace trigger accounts_by_hand after insert or update or delete on accounts
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_row();
create or replace trigger cards_by_hand after insert or update or delete on cards
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_row();
create or replace trigger cardholders_by_hand after insert or update or delete on cardholders
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_row();
create or replace trigger controls_by_hand after insert or update or delete on controls
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_row();
create or replace trigger windows_by_hand after insert or update or delete on windows
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_windows();
create or replace trigger owners_by_hand before update on owners
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_owner();
create or replace trigger programs_by_hand
    after update of time_zone, currencies, partial_approvals, original_credits on programs
    for each row when (current_setting('application_name') not like 'bursar%') execute function notice_program();
create or replace trigger cards_emptied_by_hand after truncate on cards
    for each statement when (current_setting('application_name') not like 'bursar%') execute function notice_all();
create or replace trigger controls_emptied_by_hand after truncate on controls
    for each statement when (current_setting('application_name') not like 'bursar%') execute function notice_all();
create or replace trigger windows_emptied_by_hand after truncate on windows
    for each statement when (current_setting('application_name') not like 'bursar%') execute function notice_all();
