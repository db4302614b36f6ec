-- name: board
-- Everything that routing weighs, one row an offer: the account, what was last heard of the product, what was measured.
select o.offer_id, s.code, s.state, s.breaker, s.typical_ms, s.balance_minor, s.balance_at, p.stock, p.on_sale, p.seen_at,
    p.gone_at is not null as gone, m.delivered, m.declined, m.failed, m.delivered_ms
from unnest(%(offers)s::uuid[], %(suppliers)s::uuid[], %(products)s::text[]) as o (offer_id, supplier_id, product_no)
join fulfilment.suppliers s on s.id = o.supplier_id
left join fulfilment.products p on p.supplier_id = o.supplier_id and p.product_no = o.product_no
cross join lateral (
    select coalesce(sum(delivered), 0)::integer as delivered, coalesce(sum(declined), 0)::integer as declined,
        coalesce(sum(failed), 0)::integer as failed, coalesce(sum(delivered_ms), 0)::bigint as delivered_ms
    from fulfilment.pulses b
    where b.supplier_id = o.supplier_id and b.offer_id = o.offer_id and b.bucket >= %(since)s
) m;

-- name: refusals
-- The offers that have refused these tasks, and those that have failed them for good.
select a.task_id, array_agg(distinct a.offer_id) as offers,
    coalesce(array_agg(distinct a.offer_id) filter (where a.state = 'failed'), '{}') as failed
from unnest(%(lanes)s::smallint[], %(orders)s::uuid[], %(tasks)s::uuid[]) as r (lane, order_id, task_id)
join fulfilment.attempts a on a.lane = r.lane and a.order_id = r.order_id and a.task_id = r.task_id
where a.state in ('declined', 'failed')
group by a.task_id;

-- name: beat
-- What a group of results says about their offers.
insert into fulfilment.pulses as p (supplier_id, offer_id, bucket, writer, calls, broken, delivered, declined, failed,
    delivered_ms)
select supplier_id, offer_id, bucket, %(writer)s, calls, broken, delivered, declined, failed, delivered_ms
from unnest(%(suppliers)s::uuid[], %(offers)s::uuid[], %(buckets)s::timestamptz[], %(calls)s::integer[],
    %(broken)s::integer[], %(delivered)s::integer[], %(declined)s::integer[], %(failed)s::integer[],
    %(delivered_ms)s::bigint[])
    as n (supplier_id, offer_id, bucket, calls, broken, delivered, declined, failed, delivered_ms)
on conflict (supplier_id, offer_id, bucket, writer) do update set
    calls = p.calls + excluded.calls, broken = p.broken + excluded.broken,
    delivered = p.delivered + excluded.delivered, declined = p.declined + excluded.declined,
    failed = p.failed + excluded.failed, delivered_ms = p.delivered_ms + excluded.delivered_ms;

-- name: say_of_shelves
-- A refusal is news about the product, as good as their list.
insert into fulfilment.products as p (supplier_id, product_no, stock, on_sale, seen_at, refused_at)
select supplier_id, product_no, case when word = 'sold_out' then 0 end,
    case when word <> 'sold_out' then false end, %(at)s, %(at)s
from unnest(%(suppliers)s::uuid[], %(products)s::text[], %(words)s::text[]) as n (supplier_id, product_no, word)
on conflict (supplier_id, product_no) do update set
    stock = coalesce(excluded.stock, p.stock), on_sale = coalesce(excluded.on_sale, p.on_sale), seen_at = excluded.seen_at,
    refused_at = excluded.refused_at;

-- name: forget_pulses
-- Routing looks back half an hour.
delete from fulfilment.pulses where bucket < %(before)s;

-- name: breakers
-- Every breaker with the calls it is judged by: those of the window, or since it turned when that was later. The bucket in
-- which it turned still holds what made it turn.
select s.id, s.code, s.breaker, s.breaker_since, s.breaker_until, s.breaker_times, m.calls, m.broken
from fulfilment.suppliers s
cross join lateral (
    select coalesce(sum(calls), 0)::integer as calls, coalesce(sum(broken), 0)::integer as broken
    from fulfilment.pulses p
    where p.supplier_id = s.id and p.bucket >= %(since)s and p.bucket > coalesce(s.breaker_since, '-infinity')
) m;

-- name: breaker
-- One account's breaker, locked.
select id, code, breaker, breaker_since, breaker_until, breaker_times from fulfilment.suppliers where id = %(supplier)s
for no key update;

-- name: turn_breakers
-- Compare-and-set, and a line of history for each that turned.
with turned as (
    update fulfilment.suppliers s
    set breaker = r.after, breaker_since = %(at)s, breaker_until = r.until, breaker_times = r.times,
        breaker_why = r.why, breaker_by = %(by)s
    from unnest(%(ids)s::uuid[], %(befores)s::text[], %(afters)s::text[], %(whys)s::text[], %(untils)s::timestamptz[],
        %(times)s::smallint[], %(moves)s::uuid[]) as r (id, before, after, why, until, times, move)
    where s.id = r.id and s.breaker = r.before
    returning s.id, r.move, r.after, r.why
), told as (
    insert into fulfilment.breaker_moves (id, supplier_id, state, why, by, at)
    select move, id, after, why, %(by)s, %(at)s from turned
)
select id from turned;

-- name: breaker_moves
-- Newest first.
select m.id, s.code, m.state, m.why, m.by, m.at
from fulfilment.breaker_moves m join fulfilment.suppliers s on s.id = m.supplier_id
where m.supplier_id = %(supplier)s and (%(before)s::uuid is null or m.id < %(before)s)
order by m.id desc limit %(most)s;

-- name: standing
-- Where the oldest due purchases of each supplier stand: by benefit and offer, and whether the supplier cannot buy now.
select s.id as supplier_id, t.benefit_id, t.offer_id, s.state <> 'active' or s.breaker = 'open' as unwell
from fulfilment.suppliers s
cross join lateral (
    select t.benefit_id, t.offer_id from fulfilment.tasks t
    where t.supplier_id = s.id and t.state = 'scheduled' and t.supplier_id is not null and t.due_at <= %(now)s
    order by t.due_at limit %(most)s
) t
group by 1, 2, 3, 4;

-- name: kept_waiting
-- Accounts with purchases, or questions about them, that were due a while ago, how many (as far as it is worth counting),
-- and since when.
select s.*, t.count as waiting, t.since as waiting_since
from fulfilment.suppliers s
cross join lateral (
    select count(*) as count, min(d.due_at) as since
    from (
        (select due_at from fulfilment.tasks t
        where t.supplier_id = s.id and t.state = 'scheduled' and t.supplier_id is not null and t.due_at <= %(before)s
        order by t.due_at limit %(most)s)
        union all
        (select due_at from fulfilment.tasks t
        where t.supplier_id = s.id and t.state = 'asking' and t.due_at <= %(before)s order by t.due_at limit %(most)s)
    ) d
) t
where t.count > 0;

-- name: accounts
-- These accounts, as their connectors are found by.
select * from fulfilment.suppliers where id = any(%(suppliers)s::uuid[]);

-- name: lock_stranded
-- What stands in that queue, was never bought there (a number that was proved never to have arrived counts as that:
-- `lock_again`), and can be had elsewhere.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.attempts, t.resubmit,
    t.request::text as request
from fulfilment.tasks t
where t.supplier_id = %(supplier)s and t.state = 'scheduled' and t.supplier_id is not null
    and t.benefit_id = %(benefit)s and t.offer_id = %(offer)s and t.due_at <= %(now)s
order by t.due_at limit %(most)s for update of t skip locked;

-- name: lock_again
-- Numbers that were to go out again, as they are now that their tasks are locked.
select a.task_id, a.id, a.state, a.accepted_at
from unnest(%(lanes)s::smallint[], %(orders)s::uuid[], %(tasks)s::uuid[], %(numbers)s::smallint[])
    as r (lane, order_id, task_id, number)
join fulfilment.attempts a
    on a.lane = r.lane and a.order_id = r.order_id and a.task_id = r.task_id and a.number = r.number
order by a.lane, a.task_id for update of a;

-- name: request_of
-- What a task's purchase needs and may cost.
select request::text as request from fulfilment.tasks where lane = %(lane)s and id = %(id)s;
