-- name: board
-- Everything that routing weighs, one row an offer: the account, what was last heard of the product, what was measured.
select o.offer_id, s.code, s.state, s.breaker, s.typical_ms, s.balance_minor, s.balance_at, p.stock, p.on_sale, p.seen_at,
    m.delivered, m.declined, m.failed, m.delivered_ms
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
-- The offers that have refused these tasks or failed them for good.
select a.task_id, array_agg(distinct a.offer_id) as offers
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
insert into fulfilment.products as p (supplier_id, product_no, stock, on_sale, seen_at)
select supplier_id, product_no, case when word = 'sold_out' then 0 end,
    case when word <> 'sold_out' then false end, %(at)s
from unnest(%(suppliers)s::uuid[], %(products)s::text[], %(words)s::text[]) as n (supplier_id, product_no, word)
on conflict (supplier_id, product_no) do update set
    stock = coalesce(excluded.stock, p.stock), on_sale = coalesce(excluded.on_sale, p.on_sale), seen_at = excluded.seen_at;

-- name: forget_pulses
-- Routing looks back half an hour, people a day.
delete from fulfilment.pulses where bucket < %(before)s;
