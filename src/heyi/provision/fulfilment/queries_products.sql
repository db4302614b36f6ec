-- name: spread
-- Accounts that have no due time (or one that a clock which was moved back left far ahead) get one: spread, no storm.
update fulfilment.suppliers
set sync_due_at = %(now)s::timestamptz + make_interval(secs => 60 * sync_every_min * (0.5 + 0.5 * random()))
where sync_every_min > 0
    and (sync_due_at is null or sync_due_at > %(now)s::timestamptz + make_interval(mins => 2 * sync_every_min));

-- name: claim_due_syncs
-- Accounts whose list is to be read, each taken by one worker. A paused account and one whose breaker is open wait.
with due as (
    select s.id from fulfilment.suppliers s
    where s.state = 'active' and s.breaker <> 'open' and s.sync_every_min > 0 and s.sync_due_at <= %(now)s
        and not exists (select from fulfilment.syncs r where r.supplier_id = s.id and r.state = 'running')
    order by s.sync_due_at limit %(most)s for update skip locked
)
update fulfilment.suppliers s
set sync_due_at = %(now)s::timestamptz + make_interval(secs => 60 * s.sync_every_min * (0.9 + 0.2 * random()))
from due where s.id = due.id
returning s.id;

-- name: account_exists
-- An empty list of a supplier that does not exist would be a lie.
select 1 from fulfilment.suppliers where id = %(supplier)s;

-- name: last_started
-- When an account's list was read last, and whether that is still going on.
select started_at, state from fulfilment.syncs where supplier_id = %(supplier)s order by id desc limit 1;

-- name: begin_sync
-- One at a time per account: the unique index says no to the second. The first one ever finds nothing new.
insert into fulfilment.syncs (id, supplier_id, asked_by, page, started_at, known, first)
select %(id)s, %(supplier)s, %(by)s, %(page)s, %(now)s, count(*) filter (where gone_at is null), count(*) = 0
from fulfilment.products where supplier_id = %(supplier)s and listed_at is not null and %(page)s::integer is not null
on conflict do nothing
returning id;

-- name: waiting_syncs
-- Runs that nobody is carrying on at this moment, oldest first.
select id from fulfilment.syncs
where state = 'running' and (lease is null or lease_until <= %(wall)s) order by id limit %(most)s;

-- name: sync
-- One run.
select * from fulfilment.syncs where id = %(id)s;

-- name: hold_sync
-- Whoever still has its lease records; the row is locked until then.
select * from fulfilment.syncs where id = %(id)s and state = 'running' and lease = %(lease)s for update;

-- name: lease_sync
-- Compare-and-set: one call at a time. The call is counted before it is made.
update fulfilment.syncs set lease = %(lease)s, lease_until = %(until)s, called_at = %(wall)s, calls = calls + 1
where id = %(id)s and state = 'running' and (lease is null or lease = %(lease)s or lease_until <= %(wall)s)
returning id;

-- name: leave_sync
-- Another worker may go on from here.
update fulfilment.syncs set lease = null, lease_until = null where id = %(id)s and lease = %(lease)s;

-- name: save_sync
-- How far it got; at its end nobody has it.
update fulfilment.syncs
set page = %(page)s, last_no = %(last_no)s, barren = %(barren)s, failures = %(failures)s, products = products + %(products)s,
    changes = changes + %(changes)s, news = news + %(news)s, held = held + %(held)s, gone = gone + %(gone)s,
    unread = unread + %(unread)s, problem = %(problem)s, state = %(state)s,
    lease = case when %(state)s = 'running' then lease end, lease_until = case when %(state)s = 'running' then lease_until end,
    ended_at = case when %(state)s <> 'running' then %(now)s::timestamptz end
where id = %(id)s;

-- name: lock_doubted
-- A doubted run, unless another has begun since: that one knows better.
select * from fulfilment.syncs r
where r.id = %(id)s and r.state = 'doubted'
    and not exists (select from fulfilment.syncs l where l.supplier_id = r.supplier_id and l.id > r.id)
for update;

-- name: troubled_syncs
-- Accounts in use whose products were not read to their end, or not believed, the last time.
select s.id as supplier_id, s.code, r.id, r.state, r.problem
from fulfilment.suppliers s
cross join lateral (
    select id, state, problem from fulfilment.syncs
    where supplier_id = s.id and state <> 'running' order by id desc limit 1) r
where s.state = 'active' and r.state in ('failed', 'doubted')
order by s.id;

-- name: list_syncs
-- Newest first, of one account or all.
select r.*, s.code from fulfilment.syncs r join fulfilment.suppliers s on s.id = r.supplier_id
where (%(supplier)s::uuid is null or r.supplier_id = %(supplier)s) and (%(id)s::uuid is null or r.id = %(id)s)
    and (%(before)s::uuid is null or r.id < %(before)s)
order by r.id desc limit %(most)s;

-- name: unheard
-- The next product that our offers name and this run has not heard of.
select n.product_no from unnest(%(products)s::text[]) as n (product_no)
where n.product_no collate "C" > %(last)s and not exists (
    select from fulfilment.products p
    where p.supplier_id = %(supplier)s and p.product_no = n.product_no and p.heard_in = %(sync)s)
order by n.product_no collate "C" limit 1;

-- name: lock_products
-- What is known of these products; locked in the order in which everybody writes them.
select * from fulfilment.products
where supplier_id = %(supplier)s and product_no = any(%(products)s::text[])
order by product_no collate "C" for update;

-- name: open_changes
-- What waits for a person about these products.
select * from fulfilment.product_changes
where supplier_id = %(supplier)s and product_no = any(%(products)s::text[]) and state = 'open';

-- name: prices_said
-- The last price of each product that was put before people and not overtaken. News are about nobody's cost.
select distinct on (product_no) product_no, after, found_at from fulfilment.product_changes
where supplier_id = %(supplier)s and product_no = any(%(products)s::text[]) and kind = 'price' and named
    and state <> 'superseded'
order by product_no, id desc;

-- name: keep_products
-- A page of what the supplier shows. A refusal of a moment ago knows better what can be had; a missing price leaves the last.
insert into fulfilment.products as p (id, supplier_id, product_no, title, kind, price_minor, currency, stock, on_sale,
    told_on_sale, unpriced, fields, seen_at, first_seen_at, listed_at, heard_in)
select id, %(supplier)s, product_no, title, nullif(kind, ''), price, currency, stock, on_sale, on_sale, price is null,
    fields, %(wall)s, %(wall)s, %(wall)s, %(sync)s
from unnest(%(ids)s::uuid[], %(products)s::text[], %(titles)s::text[], %(kinds)s::text[], %(prices)s::bigint[],
    %(currencies)s::text[], %(stocks)s::bigint[], %(on_sales)s::boolean[], %(fields)s::jsonb[])
    as n (id, product_no, title, kind, price, currency, stock, on_sale, fields)
order by product_no collate "C"
on conflict (supplier_id, product_no) do update set
    title = excluded.title, kind = coalesce(excluded.kind, p.kind), unpriced = excluded.unpriced,
    price_minor = coalesce(excluded.price_minor, p.price_minor),
    currency = case when excluded.price_minor is null then p.currency else excluded.currency end,
    stock = case when p.refused_at > %(believed)s then p.stock else excluded.stock end,
    on_sale = case when p.refused_at > %(believed)s then p.on_sale else excluded.on_sale end,
    seen_at = case when p.refused_at > %(believed)s then p.seen_at else excluded.seen_at end,
    told_on_sale = excluded.told_on_sale, fields = excluded.fields,
    first_seen_at = coalesce(p.first_seen_at, excluded.first_seen_at), listed_at = excluded.listed_at,
    gone_at = null, heard_in = excluded.heard_in;

-- name: overtake
-- The supplier has said something else since.
update fulfilment.product_changes set state = 'superseded', settled_at = %(now)s
where id = any(%(ids)s::uuid[]) and state = 'open';

-- name: keep_changes
-- Whatever was found, for people.
insert into fulfilment.product_changes (id, supplier_id, product_no, kind, named, title, before, after, sync_id, found_at)
select id, %(supplier)s, product_no, kind, named, title, before, after, %(sync)s, %(now)s
from unnest(%(ids)s::uuid[], %(products)s::text[], %(kinds)s::text[], %(named)s::boolean[], %(titles)s::text[],
    %(befores)s::jsonb[], %(afters)s::jsonb[]) as n (id, product_no, kind, named, title, before, after);

-- name: mark_held
-- Which offers were held because of these changes.
update fulfilment.product_changes c set held = c.held || n.offer_id
from unnest(%(changes)s::uuid[], %(offers)s::uuid[]) as n (change_id, offer_id)
where c.id = n.change_id;

-- name: missing_products
-- What was shown before and not by this run (nor by one after it), without those that are looked at one by one.
select product_no from fulfilment.products
where supplier_id = %(supplier)s and gone_at is null
    and listed_at <= (select called_at from fulfilment.syncs where id = %(sync)s)
    and heard_in is distinct from %(sync)s and not product_no = any(%(except)s::text[])
order by product_no limit %(most)s;

-- name: heard_count
-- How many products this run has heard of.
select count(*)::integer as heard from fulfilment.products where supplier_id = %(supplier)s and heard_in = %(sync)s;

-- name: drop_products
-- They are not sold any more: for routing, nobody buys them. One of which nobody had heard is kept as well: it is said once.
insert into fulfilment.products as p (supplier_id, product_no, on_sale, gone_at, seen_at)
select %(supplier)s, product_no, false, %(wall)s, %(wall)s from unnest(%(products)s::text[]) as n (product_no)
on conflict (supplier_id, product_no) do update set
    on_sale = false, gone_at = excluded.gone_at, seen_at = excluded.seen_at
where p.gone_at is null;

-- name: sold_at
-- Whether these products are still sold, by what their suppliers say; those that nobody spoke of are.
select n.supplier_id, n.product_no, coalesce(p.gone_at is null and p.told_on_sale is not false, true) as sold
from unnest(%(suppliers)s::uuid[], %(products)s::text[]) as n (supplier_id, product_no)
left join fulfilment.products p on p.supplier_id = n.supplier_id and p.product_no = n.product_no;

-- name: heard_of
-- What was last heard of these products, for people.
select p.* from unnest(%(suppliers)s::uuid[], %(products)s::text[]) as n (supplier_id, product_no)
join fulfilment.products p on p.supplier_id = n.supplier_id and p.product_no = n.product_no;

-- name: list_products
-- An account's products, those that were seen last come first. `only`: these numbers; the search looks into number and title.
select * from fulfilment.products
where supplier_id = %(supplier)s and (%(before)s::uuid is null or id < %(before)s)
    and (%(only)s::text[] is null or product_no = any(%(only)s::text[]))
    and (%(gone)s::boolean is null or (gone_at is not null) = %(gone)s)
    and (%(search)s::text is null or strpos(lower(product_no || ' ' || title), lower(%(search)s)) > 0)
order by id desc limit %(most)s;

-- name: list_changes
-- Newest first, by whatever is asked.
select c.*, s.code from fulfilment.product_changes c join fulfilment.suppliers s on s.id = c.supplier_id
where (%(supplier)s::uuid is null or c.supplier_id = %(supplier)s) and (%(kind)s::text is null or c.kind = %(kind)s)
    and (%(state)s::text is null or c.state = %(state)s) and (%(named)s::boolean is null or c.named = %(named)s)
    and (%(search)s::text is null or strpos(lower(c.product_no || ' ' || c.title), lower(%(search)s)) > 0)
    and (%(before)s::uuid is null or c.id < %(before)s)
order by c.id desc limit %(most)s;

-- name: count_changes
-- What a decision for all of them would be about. Ids are ordered by their text as by themselves.
select count(*)::integer as changes, max(c.id::text collate "C")::uuid as newest from fulfilment.product_changes c
where c.state = 'open' and (%(supplier)s::uuid is null or c.supplier_id = %(supplier)s)
    and (%(kind)s::text is null or c.kind = %(kind)s) and (%(named)s::boolean is null or c.named = %(named)s)
    and (%(until)s::uuid is null or c.id <= %(until)s)
    and (%(search)s::text is null or strpos(lower(c.product_no || ' ' || c.title), lower(%(search)s)) > 0);

-- name: lock_changes
-- The open ones of these, or of a filter, oldest first, before they are decided about.
select c.* from fulfilment.product_changes c
where c.state = 'open' and (%(ids)s::uuid[] is null or c.id = any(%(ids)s::uuid[]))
    and (%(supplier)s::uuid is null or c.supplier_id = %(supplier)s)
    and (%(kind)s::text is null or c.kind = %(kind)s) and (%(named)s::boolean is null or c.named = %(named)s)
    and (%(until)s::uuid is null or c.id <= %(until)s)
    and (%(search)s::text is null or strpos(lower(c.product_no || ' ' || c.title), lower(%(search)s)) > 0)
order by c.id limit %(most)s for update;

-- name: settle_changes
-- A person has decided.
update fulfilment.product_changes set state = %(state)s, settled_by = %(by)s, settled_at = %(now)s
where id = any(%(ids)s::uuid[]) and state = 'open';

-- name: find_change
-- One change.
select c.*, s.code from fulfilment.product_changes c join fulfilment.suppliers s on s.id = c.supplier_id
where c.id = %(id)s;

-- name: unsettled_prices
-- Prices that wait for a person, of these products.
select * from fulfilment.product_changes
where supplier_id = %(supplier)s and product_no = any(%(products)s::text[]) and kind = 'price' and state = 'open';

-- name: forget_changes
-- What was settled long ago, and news that nobody looked at; a chunk at a time. Ids begin with their time. The last word
-- about each product's price stays: it says what people have seen.
delete from fulfilment.product_changes where id in (
    select c.id from fulfilment.product_changes c
    where c.id < %(floor)s and (c.state <> 'open' or not c.named)
        and (c.kind <> 'price' or not c.named or c.state = 'superseded' or exists (
            select from fulfilment.product_changes l
            where l.supplier_id = c.supplier_id and l.product_no = c.product_no and l.kind = 'price' and l.id > c.id
                and l.state <> 'superseded'))
    order by c.id limit %(most)s);

-- name: forget_syncs
-- Runs of long ago.
delete from fulfilment.syncs where id in (
    select id from fulfilment.syncs where id < %(floor)s and state <> 'running' order by id limit %(most)s);
