-- What an instance remembers of a card or a cardholder is good for as long as the version of its owner is the same: so
-- a status that changes raises it, whoever changes it.

create trigger cards_moved after update on cards
    for each row when (old is distinct from new) execute function notice_row();
create trigger cardholders_moved after update on cardholders
    for each row when (old is distinct from new) execute function notice_row();
