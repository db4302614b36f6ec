-- name: look_at_deposits
-- The cheap look: decides all orders of a batch unless the money is moving under us.
select code, currency, floor_minor, balance_minor from ledger.accounts where code = any(%(codes)s::text[]);

-- name: lock_deposits
-- The careful look, after the cheap one was overtaken. Sorted, so that two batches never wait for each other in a ring.
select code, currency, floor_minor, balance_minor from ledger.accounts where code = any(%(codes)s::text[])
order by code for update;

-- name: spend
-- Last in the transaction: the row of a busy channel is held for as short as possible. A row that no longer covers its
-- orders is not updated; the caller counts.
update ledger.accounts a set balance_minor = a.balance_minor - s.amount
from unnest(%(codes)s::text[], %(amounts)s::bigint[]) s (code, amount)
where a.code = s.code and a.balance_minor - s.amount >= a.floor_minor;

-- name: write_entries
-- An entry whose key is known is not written again; its postings are left out with it.
with fresh as (
    insert into ledger.entries (id, kind, order_id, at, memo, unique_key)
    select * from unnest(%(ids)s::uuid[], %(kinds)s::text[], %(orders)s::uuid[], %(ats)s::timestamptz[],
                         %(memos)s::text[], %(keys)s::text[])
    on conflict (unique_key) do nothing
    returning id
), posted as (
    insert into ledger.postings (entry_id, place, account, item_id, amount_minor, currency)
    select p.* from unnest(%(entries)s::uuid[], %(places)s::smallint[], %(accounts)s::text[], %(items)s::uuid[],
                           %(amounts)s::bigint[], %(currencies)s::text[])
        as p (entry_id, place, account, item_id, amount_minor, currency)
    join fresh on fresh.id = p.entry_id
)
select id from fresh;

-- name: open_deposit
-- A channel's first top-up opens its account.
insert into ledger.accounts (code, currency, floor_minor, balance_minor) values (%(code)s, %(currency)s, 0, 0)
on conflict (code) do nothing;

-- name: add_to_deposit
-- Only after the entry turned out to be new.
update ledger.accounts set balance_minor = balance_minor + %(amount)s where code = %(code)s;

-- name: set_floor
-- A floor below zero is a credit line.
update ledger.accounts set floor_minor = %(floor)s where code = %(code)s and balance_minor >= %(floor)s;

-- name: entries_by_key
-- What a reversal turns round. Oldest first, postings in place.
select e.id, e.kind, e.order_id, e.unique_key, p.account, p.amount_minor, p.currency, p.item_id
from ledger.entries e join ledger.postings p on p.entry_id = e.id
where e.unique_key = any(%(keys)s::text[]) order by e.id, p.place;

-- name: postings_of_order
-- The money of one order, for its trace.
select e.id, e.kind, e.at, e.order_id, e.memo, p.account, p.amount_minor, p.currency, p.item_id
from ledger.entries e join ledger.postings p on p.entry_id = e.id
where e.order_id = %(order)s order by e.id, p.place;

-- name: account_lines
-- An account's postings, newest first, by keyset.
select e.id, e.kind, e.at, e.order_id, e.memo, p.account, p.amount_minor, p.currency, p.item_id
from ledger.postings p join ledger.entries e on e.id = p.entry_id
where p.account = %(account)s and (%(before)s::uuid is null or e.id < %(before)s::uuid)
order by e.id desc, p.place limit %(limit)s;

-- name: sums
-- Every account's sum over its postings, per currency: the trial balance. All of it adds up to zero.
select account, currency, sum(amount_minor)::bigint as amount_minor from ledger.postings group by 1, 2 order by 1, 2;

-- name: drifted
-- Must answer nothing: a locked balance that is not minus the sum of its postings.
select a.code, a.balance_minor, coalesce(-sum(p.amount_minor), 0)::bigint as posted_minor
from ledger.accounts a left join ledger.postings p on p.account = a.code
group by a.code, a.balance_minor having a.balance_minor <> coalesce(-sum(p.amount_minor), 0);
