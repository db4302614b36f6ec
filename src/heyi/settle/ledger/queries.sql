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
-- An entry whose key is known is not written again; its postings are left out with it. Accounts at suppliers are added up
-- in the same breath (their sum over years of postings would be asked for every few minutes); orders touch none of them.
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
    returning entry_id, account, amount_minor, currency
), moved as (
    select p.account, p.currency, min(e.at) as at, date_bin('5 minutes', e.at, '2000-01-01 00:00+00') as bucket,
           coalesce(sum(p.amount_minor) filter (where e.kind like 'prepaid.%%'), 0)::bigint as paid_in,
           coalesce(-sum(p.amount_minor) filter (where e.kind not like 'prepaid.%%'), 0)::bigint as spent
    from posted p
    join unnest(%(ids)s::uuid[], %(kinds)s::text[], %(ats)s::timestamptz[]) as e (id, kind, at) on e.id = p.entry_id
    where p.account like 'prepaid:%%'
    group by 1, 2, 4
), totals as (
    insert into ledger.prepaid as t (account, currency, paid_in_minor, spent_minor, since, used_at)
    select account, currency, sum(paid_in), sum(spent), min(at), max(at) from moved group by 1, 2 order by 1, 2
    on conflict (account, currency) do update
        set paid_in_minor = t.paid_in_minor + excluded.paid_in_minor, spent_minor = t.spent_minor + excluded.spent_minor,
            used_at = excluded.used_at
), turnover as (
    insert into ledger.turnover as t (account, currency, bucket, spent_minor)
    select account, currency, bucket, spent from moved where spent <> 0 order by 1, 2, 3
    on conflict (account, currency, bucket) do update set spent_minor = t.spent_minor + excluded.spent_minor
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
select e.id, p.place, e.kind, e.at, e.order_id, e.memo, p.account, p.amount_minor, p.currency, p.item_id
from ledger.entries e join ledger.postings p on p.entry_id = e.id
where e.order_id = %(order)s order by e.id, p.place;

-- name: account_lines
-- An account's postings, newest first, by keyset: an entry may have many of them.
select e.id, p.place, e.kind, e.at, e.order_id, e.memo, p.account, p.amount_minor, p.currency, p.item_id
from ledger.postings p join ledger.entries e on e.id = p.entry_id
where p.account = %(account)s and (%(entry)s::uuid is null
    or p.entry_id <= %(entry)s::uuid and (p.entry_id < %(entry)s::uuid or p.place > %(place)s::smallint))
order by e.id desc, p.place limit %(limit)s;

-- name: sums
-- Every account's sum over its postings, per currency: the trial balance. All of it adds up to zero.
select account, currency, sum(amount_minor)::bigint as amount_minor from ledger.postings group by 1, 2 order by 1, 2;

-- name: drifted
-- Must answer nothing: a locked balance that is not minus the sum of its postings, or a total that is not theirs.
select a.code, a.balance_minor, coalesce(-sum(p.amount_minor), 0)::bigint as posted_minor
from ledger.accounts a left join ledger.postings p on p.account = a.code
group by a.code, a.balance_minor having a.balance_minor <> coalesce(-sum(p.amount_minor), 0)
union all
select t.account, t.paid_in_minor - t.spent_minor, coalesce(sum(p.amount_minor), 0)::bigint
from ledger.prepaid t left join ledger.postings p on p.account = t.account and p.currency = t.currency
group by t.account, t.currency having t.paid_in_minor - t.spent_minor <> coalesce(sum(p.amount_minor), 0);

-- name: prepaid
-- What is booked at suppliers, and what was spent lately: a week of five-minute turnovers is two thousand rows. An account
-- is in the currency of what was put in there: one purchase in another does not change that.
select distinct on (t.account) t.account, t.currency, t.paid_in_minor, t.spent_minor, t.since, s.hour_minor, s.day_minor,
    s.week_minor
from ledger.prepaid t
cross join lateral (
    select coalesce(sum(u.spent_minor) filter (where u.bucket > %(now)s::timestamptz - interval '1 hour'), 0)::bigint as hour_minor,
           coalesce(sum(u.spent_minor) filter (where u.bucket > %(now)s::timestamptz - interval '1 day'), 0)::bigint as day_minor,
           coalesce(sum(u.spent_minor), 0)::bigint as week_minor
    from ledger.turnover u
    where u.account = t.account and u.currency = t.currency and u.bucket > %(now)s::timestamptz - interval '7 days'
        and u.bucket <= %(now)s::timestamptz
) s
where t.account = any(%(accounts)s::text[])
order by t.account, t.paid_in_minor <> 0 desc, t.used_at desc;

-- name: entry
-- One entry with its postings, to be reversed.
select e.id, e.kind, e.unique_key, p.account, p.amount_minor, p.currency, p.item_id
from ledger.entries e join ledger.postings p on p.entry_id = e.id where e.id = %(id)s order by p.place for share of e;

-- name: forget_turnover
-- No rate looks back so far.
delete from ledger.turnover where bucket < %(before)s;
