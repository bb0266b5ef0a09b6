\set account random(1, :accounts)
begin;
select balance_minor - held_minor as available_minor from accounts where id = :account for update \gset
\if :available_minor >= 125
update accounts set held_minor = held_minor + 125 where id = :account;
insert into authorizations (token, account, amount_minor, merchant, checks, answer)
    values (gen_random_uuid(), :account, 125, repeat('m', 130), repeat('c', 330), repeat('a', 270));
insert into outbox (token, payload) values (gen_random_uuid(), repeat('p', 500));
\endif
commit;
