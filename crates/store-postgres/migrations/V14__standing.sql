-- What an instance remembers of a card or a cardholder is good for as long as the version of its owner is the same: so
-- whoever changes one raises it. One that is made is nothing that anybody remembers.

create trigger cards_stand after update on cards
    for each row when (old is distinct from new) execute function notice_row();
create trigger cardholders_stand after update on cardholders
    for each row when (old is distinct from new) execute function notice_row();
