-- name: write_facts
-- One row per fact, and one row for the whole transaction that tells the relay which facts are new.
with new as (
    insert into infra.facts (id, name, lane, at, order_id, item_id, entitlement_id, channel_id, partner_id, buyer, data)
    select * from unnest(
        %(ids)s::uuid[], %(names)s::text[], %(lanes)s::smallint[], %(ats)s::timestamptz[], %(orders)s::uuid[],
        %(items)s::uuid[], %(entitlements)s::uuid[], %(channels)s::uuid[], %(partners)s::uuid[], %(buyers)s::text[],
        %(data)s::jsonb[])
)
insert into infra.unrelayed (id, fact_ids, at) values ((%(ids)s::uuid[])[1], %(ids)s::uuid[], %(now)s);

-- name: claim_unrelayed
-- Two relays must not hand the same facts on at once; whoever is first takes the oldest.
select id, fact_ids, at from infra.unrelayed order by id limit %(most)s for update skip locked;

-- name: delete_unrelayed
-- Done: the facts stay, the errand goes.
delete from infra.unrelayed where id = any(%(ids)s::uuid[]);

-- name: read_facts
-- What the handlers of a relayed batch act on.
select id, name, lane, at, order_id, item_id, entitlement_id, channel_id, partner_id, buyer, data
from infra.facts where id = any(%(ids)s::uuid[]) order by id;

-- name: read_names
-- All the relay needs to know: the facts themselves are read by the jobs.
select id, name from infra.facts where id = any(%(ids)s::uuid[]) order by id;

-- name: read_order
-- An order's timeline.
select id, name, lane, at, order_id, item_id, entitlement_id, channel_id, partner_id, buyer, data
from infra.facts where order_id = %(order_id)s order by id limit %(most)s;
