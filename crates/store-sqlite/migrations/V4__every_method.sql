-- What kind of transaction an authorization is about; none means a purchase.
alter table messages add column transaction_kind text;

-- What a program allows beyond the usual.
alter table programs add column partial_approvals integer not null default 0 check (partial_approvals in (0, 1));
alter table programs add column original_credits integer not null default 0 check (original_credits in (0, 1));
