-- name: grant
-- Rights and their first terms in one statement: the order path pays for every round trip.
with granted as materialized (
    select * from unnest(
        %(lanes)s::smallint[], %(ids)s::uuid[], %(channels)s::uuid[], %(buyers)s::text[], %(orders)s::uuid[],
        %(items)s::uuid[], %(components)s::text[], %(benefit_ids)s::uuid[], %(benefits)s::text[], %(titles)s::text[],
        %(kinds)s::text[], %(partners)s::uuid[], %(states)s::text[], %(units)s::integer[], %(froms)s::timestamptz[],
        %(tos)s::timestamptz[], %(properties)s::jsonb[], %(activated)s::timestamptz[], %(term_ids)s::uuid[])
        as g (lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit, title, kind, partner_id,
              state, units, valid_from, valid_to, properties, activated_at, term_id)
), terms as (
    insert into entitlement.terms (lane, id, entitlement_id, item_id, starts_at, ends_at, units)
    select lane, term_id, id, item_id, valid_from, valid_to, units from granted
)
insert into entitlement.entitlements (lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit,
    title, kind, partner_id, state, units_total, units_left, valid_from, valid_to, properties, created_at, activated_at)
select lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit, title, kind, partner_id, state,
    units, units, valid_from, valid_to, properties, %(now)s, activated_at
from granted;
