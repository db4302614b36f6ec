-- name: set_ways
-- Tasks whose item walks a flow: the purchase wrote them a moment ago, in the same pipeline. Most orders have none.
update fulfilment.tasks t set flow = w.flow, node = w.node, part = w.part
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(flows)s::jsonb[], %(nodes)s::text[], %(parts)s::smallint[])
    as w (lane, id, flow, node, part)
where t.lane = w.lane and t.id = w.id;

-- name: save_walks
-- Compare-and-set: where locked tasks stand now, and what they wait for there.
update fulfilment.tasks t
set state = w.after, due_at = w.due_at, problem = w.problem, node = w.node, after_component = w.component,
    after_event = w.event, request = t.request || jsonb_build_object('falls_back', w.falls), resubmit = false,
    ended_at = case when w.after = 'cancelled' then %(now)s::timestamptz end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(befores)s::text[], %(afters)s::text[], %(dues)s::timestamptz[],
    %(problems)s::text[], %(nodes)s::text[], %(components)s::text[], %(events)s::text[], %(falls)s::boolean[])
    as w (lane, id, before, after, due_at, problem, node, component, event, falls)
where t.lane = w.lane and t.id = w.id and t.state = w.before;

-- name: refit
-- Open slots that were chosen: the task is from now on that of the chosen benefit.
update fulfilment.tasks t
set kind = r.kind, benefit_id = r.benefit_id, offer_id = r.offer_id, supplier_id = r.supplier_id, request = r.request,
    flow = r.flow, part = 0
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(kinds)s::text[], %(benefits)s::uuid[], %(offers)s::uuid[],
    %(suppliers)s::uuid[], %(requests)s::jsonb[], %(flows)s::jsonb[])
    as r (lane, id, kind, benefit_id, offer_id, supplier_id, request, flow)
where t.lane = r.lane and t.id = r.id and t.kind = 'choice';

-- name: postpone
-- Nothing of a choice can be had at the moment: looked at again later.
update fulfilment.tasks t set due_at = %(until)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id)
where t.lane = r.lane and t.id = r.id;

-- name: lock_overdue_buyers
-- The buyer did not ask in time, and the flow says what follows.
select lane, id, item_id, order_id, entitlement_id, benefit_id, kind, request::text as request, state, due_at, attempts,
    after_component, after_event, otherwise, flow::text as flow, node, part
from fulfilment.tasks where state = 'waiting_for_buyer' and due_at <= %(now)s
order by due_at limit %(most)s for update skip locked;
