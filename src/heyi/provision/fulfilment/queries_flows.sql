-- name: set_ways
-- Tasks whose item walks a flow: the purchase wrote them a moment ago, in the same pipeline. Most orders have none.
update fulfilment.tasks t set flow = w.flow, node = w.node, part = w.part, own = w.own
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(flows)s::jsonb[], %(nodes)s::text[], %(parts)s::smallint[],
    %(owns)s::boolean[])
    as w (lane, id, flow, node, part, own)
where t.lane = w.lane and t.id = w.id;

-- name: save_walks
-- Compare-and-set: where locked tasks stand now, and what they wait for there.
update fulfilment.tasks t
set state = w.after, due_at = w.due_at, problem = w.problem, node = w.node, after_component = w.component,
    after_event = w.event, own = w.own, request = t.request || jsonb_build_object('falls_back', w.falls),
    resubmit = false,
    ended_at = case when w.after = 'cancelled' then %(now)s::timestamptz end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(befores)s::text[], %(afters)s::text[], %(dues)s::timestamptz[],
    %(problems)s::text[], %(nodes)s::text[], %(components)s::text[], %(events)s::text[], %(falls)s::boolean[],
    %(owns)s::boolean[])
    as w (lane, id, before, after, due_at, problem, node, component, event, falls, own)
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
-- Looked at again later: nothing of a choice can be had at the moment, or a flow cannot go on (and why).
update fulfilment.tasks t set due_at = %(until)s, problem = %(problem)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id)
where t.lane = r.lane and t.id = r.id;

-- name: overdue
-- The time came that a flow waited for, what it awaited did not come in time, or the buyer did not ask in time. Two
-- indexes, each walked from its front.
(select lane, id, due_at from fulfilment.tasks where state = 'waiting_for_event' and due_at <= %(now)s
order by due_at limit %(most)s)
union all
(select lane, id, due_at from fulfilment.tasks where state = 'waiting_for_buyer' and due_at <= %(now)s
order by due_at limit %(most)s)
order by due_at limit %(most)s;

-- name: lock_overdue
-- Those of them that still are, unless another worker brings them on right now.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request, t.state,
    t.due_at, t.attempts, t.after_component, t.after_event, t.otherwise, t.flow::text as flow, t.node, t.part, t.own,
    t.problem
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id)
join fulfilment.tasks t on t.lane = r.lane and t.id = r.id
where t.state in ('waiting_for_event', 'waiting_for_buyer') and t.due_at <= %(now)s
order by t.due_at for update of t skip locked;

-- name: lock_event_waiters
-- What waits for other items of these orders; what is held stands still. Most facts concern orders in which nothing
-- waits: this look is cheap.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request, t.state,
    t.due_at, t.attempts, t.after_component, t.after_event, t.otherwise, t.flow::text as flow, t.node, t.part, t.own,
    t.problem
from fulfilment.tasks t
where t.state = 'waiting_for_event' and t.order_id = any(%(orders)s::uuid[]) and t.after_component is not null
    and t.held_since is null
order by t.lane, t.id for update of t;

-- name: lock_for_buyer
-- The buyer gave accounts, or asked, for these items.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request, t.state,
    t.due_at, t.attempts, t.after_component, t.after_event, t.otherwise, t.flow::text as flow, t.node, t.part, t.own,
    t.problem
from unnest(%(lanes)s::smallint[], %(items)s::uuid[]) as r (lane, item_id)
join fulfilment.tasks t on t.lane = r.lane and t.item_id = r.item_id and t.purpose = 'deliver'
where t.state in ('waiting_for_buyer', 'scheduled', 'waiting_for_event')
order by t.lane, t.id for update of t;

-- name: hold
-- Everything that is still to be done for these items stands still; what was bought already is asked about all the same.
update fulfilment.tasks t
set held_since = coalesce(t.held_since, %(now)s),
    due_aside = case when t.held_since is null and t.state not in ('sending', 'asking') then t.due_at
        else t.due_aside end,
    due_at = case when t.state in ('sending', 'asking') then t.due_at end
from unnest(%(lanes)s::smallint[], %(items)s::uuid[]) as r (lane, item_id)
where t.lane = r.lane and t.item_id = r.item_id and t.purpose = 'deliver' and t.ended_at is null;

-- name: lock_held
-- What stands still for these items, before it is moved on.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request, t.state,
    t.due_at, t.attempts, t.after_component, t.after_event, t.otherwise, t.flow::text as flow, t.node, t.part, t.own,
    t.problem, t.due_aside
from unnest(%(lanes)s::smallint[], %(items)s::uuid[]) as r (lane, item_id)
join fulfilment.tasks t on t.lane = r.lane and t.item_id = r.item_id and t.purpose = 'deliver'
where t.held_since is not null and t.ended_at is null
order by t.lane, t.id for update of t;

-- name: free
-- Locked tasks with their due times of now; `free`: nothing else holds their items. What is sent or asked about keeps its
-- own time.
update fulfilment.tasks t
set held_since = case when not f.free then t.held_since end,
    due_at = case when t.state in ('sending', 'asking') then t.due_at when f.free then f.due_at end,
    due_aside = case when t.state not in ('sending', 'asking') and not f.free then f.due_at end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(dues)s::timestamptz[], %(free)s::boolean[])
    as f (lane, id, due_at, free)
where t.lane = f.lane and t.id = f.id;

-- name: stuck
-- Flows that cannot go on, for people to look at, and the oldest one's order.
select count(*)::integer as count, (array_agg(order_id order by id))[1] as order_id from fulfilment.tasks
where problem = 'flow_stuck' and ended_at is null;
