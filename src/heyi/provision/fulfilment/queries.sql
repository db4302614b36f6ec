-- name: plan
-- One task per item that is not given at once. An item's first delivery is planned once, whoever asks again.
insert into fulfilment.tasks (lane, id, item_id, order_id, entitlement_id, purpose, kind, benefit_id, offer_id,
    supplier_id, state, due_at, after_component, after_event, otherwise, request, problem, created_at)
select lane, id, item_id, order_id, entitlement_id, 'deliver', kind, benefit_id, offer_id, supplier_id, state, due_at,
    after_component, after_event, otherwise, request, problem, %(now)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(items)s::uuid[], %(orders)s::uuid[], %(entitlements)s::uuid[],
    %(kinds)s::text[], %(benefits)s::uuid[], %(offers)s::uuid[], %(suppliers)s::uuid[], %(states)s::text[],
    %(dues)s::timestamptz[], %(components)s::text[], %(events)s::text[], %(otherwises)s::text[], %(requests)s::jsonb[],
    %(problems)s::text[])
    as t (lane, id, item_id, order_id, entitlement_id, kind, benefit_id, offer_id, supplier_id, state, due_at,
          after_component, after_event, otherwise, request, problem)
on conflict (lane, item_id, purpose, sequence) do nothing;

