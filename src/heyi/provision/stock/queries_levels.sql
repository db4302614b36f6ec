-- name: count_issues
-- What orders noted is added up by the hour, exactly once: whoever deletes a note counts it, whenever it was committed.
with taken as (
    delete from stock.issues where ctid = any(array(select ctid from stock.issues limit %(most)s))
    returning benefit_id, at, keys
)
insert into stock.demand as d (benefit_id, hour, keys)
select benefit_id, date_trunc('hour', at), sum(keys) from taken group by 1, 2 order by 1, 2
on conflict (benefit_id, hour) do update set keys = d.keys + excluded.keys;

-- name: levels
-- What is left of each benefit's keys, and what goes out. The keys are counted along keys_ready, the earliest expiry
-- first, and no further than twice a month's demand (at least %(least)s): a vault of millions costs no more than it sells.
select b.benefit_id, d.week_keys, d.month_keys, d.since, b.bound, k.ready, k.expiring, k.expiring_7, k.expiring_30,
    k.first_expires_at
from (
    select n.benefit_id, n.soon_days, greatest(%(least)s::bigint, 2 * s.month_keys) as bound
    from unnest(%(benefits)s::uuid[], %(soon_days)s::integer[]) as n (benefit_id, soon_days)
    cross join lateral (
        select coalesce(sum(keys), 0)::bigint as month_keys from stock.demand
        where benefit_id = n.benefit_id and hour > %(now)s::timestamptz - interval '28 days' and hour <= %(now)s
    ) s
) b
cross join lateral (
    select coalesce(sum(i.keys) filter (where i.at > %(now)s::timestamptz - interval '7 days'), 0)::bigint as week_keys,
        coalesce(sum(i.keys), 0)::bigint as month_keys,
        (select min(m.at) from (
            (select hour as at from stock.demand where benefit_id = b.benefit_id order by hour limit 1)
            union all
            (select min(at) from stock.issues where benefit_id = b.benefit_id)) m) as since
    from (
        select hour as at, keys from stock.demand
        where benefit_id = b.benefit_id and hour > %(now)s::timestamptz - interval '28 days' and hour <= %(now)s
        union all
        select at, keys from stock.issues
        where benefit_id = b.benefit_id and at > %(now)s::timestamptz - interval '28 days'
    ) i
) d
cross join lateral (
    select count(*) as ready,
        count(*) filter (where r.expires_at <= %(now)s::timestamptz + make_interval(days => b.soon_days)) as expiring,
        count(*) filter (where r.expires_at <= %(now)s::timestamptz + interval '7 days') as expiring_7,
        count(*) filter (where r.expires_at <= %(now)s::timestamptz + interval '30 days') as expiring_30,
        nullif(min(r.expires_at), 'infinity') as first_expires_at
    from (
        select expires_at from stock.keys
        where benefit_id = b.benefit_id and state = 'available' and expires_at > %(now)s
        order by expires_at limit b.bound
    ) r
) k
order by b.benefit_id;

-- name: expiring_batches
-- Which batches the keys that expire soon belong to; counted along keys_ready, as above.
select r.batch_id, b.code, count(*) as keys, min(r.expires_at) as first_expires_at
from (
    select batch_id, expires_at from stock.keys
    where benefit_id = %(benefit)s and state = 'available' and expires_at > %(now)s and expires_at <= %(until)s
    order by expires_at limit %(bound)s
) r
join stock.batches b on b.id = r.batch_id
group by 1, 2 order by 4, 1 limit %(most)s;

-- name: forget_demand
-- No forecast looks back so far.
delete from stock.demand where hour < %(before)s;
