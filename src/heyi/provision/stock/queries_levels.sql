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
-- What is left of each benefit's keys, what goes out a day (in thousandths, over the last 7 and 28 days, or since the
-- first one where that is shorter, a day at least), and what will expire unsold. Keys are sold in the order in which
-- they expire, so by any moment no fewer are lost than expire until then less what is sold until then; the most that
-- any moment says is what is lost. The keys are counted along keys_ready, the earliest expiry first, and no further than
-- twice a month's demand (at least %(least)s): a vault of millions costs no more than it sells.
select b.benefit_id, e.week_milli, e.month_milli, d.since, b.bound, k.ready, k.expiring, k.expiring_7, k.expiring_30,
    k.unsold, k.unsold_7, k.unsold_30, k.unsold_ever, k.first_expires_at
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
    select greatest(86400, extract(epoch from %(now)s::timestamptz - coalesce(d.since, %(now)s)))::bigint as known_s
) a
cross join lateral (
    select d.week_keys * 86400000 / least(7 * 86400, a.known_s) as week_milli,
        d.month_keys * 86400000 / least(28 * 86400, a.known_s) as month_milli
) e
cross join lateral (
    select coalesce(sum(r.keys), 0)::bigint as ready,
        coalesce(sum(r.keys) filter (where r.soon), 0)::bigint as expiring,
        coalesce(sum(r.keys) filter (where r.days_7), 0)::bigint as expiring_7,
        coalesce(sum(r.keys) filter (where r.days_30), 0)::bigint as expiring_30,
        coalesce(max(r.lost) filter (where r.soon), 0)::bigint as unsold,
        coalesce(max(r.lost) filter (where r.days_7), 0)::bigint as unsold_7,
        coalesce(max(r.lost) filter (where r.days_30), 0)::bigint as unsold_30,
        coalesce(max(r.lost), 0)::bigint as unsold_ever,
        nullif(min(r.expires_at), 'infinity') as first_expires_at
    from (
        select g.expires_at, g.keys,
            g.expires_at <= %(now)s::timestamptz + make_interval(days => b.soon_days) as soon,
            g.expires_at <= %(now)s::timestamptz + interval '7 days' as days_7,
            g.expires_at <= %(now)s::timestamptz + interval '30 days' as days_30,
            case when isfinite(g.expires_at) then greatest(0, sum(g.keys) over (order by g.expires_at) - floor(
                greatest(e.week_milli, e.month_milli) * extract(epoch from g.expires_at - %(now)s) / 86400000)) end as lost
        from (
            select c.expires_at, count(*) as keys
            from (
                select expires_at from stock.keys
                where benefit_id = b.benefit_id and state = 'available' and expires_at > %(now)s
                order by expires_at limit b.bound
            ) c
            group by c.expires_at
        ) g
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
