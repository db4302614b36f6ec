-- name: by_outer_number
-- A partner names a right by the number that we gave its supplier.
select a.outer_number as number, t.entitlement_id from fulfilment.attempts a
join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id
where a.outer_number = any(%(numbers)s::text[]) and t.entitlement_id is not null;

-- name: by_supplier_number
-- A partner names a right by the supplier's own number.
select distinct a.supplier_number as number, t.entitlement_id from fulfilment.attempts a
join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id
where a.supplier_number = any(%(numbers)s::text[]) and t.entitlement_id is not null;

-- name: delivered_under
-- What a partner is asked about: the number under which a right was really delivered, the last one if there are two.
select distinct on (t.entitlement_id) t.entitlement_id, a.outer_number
from unnest(%(lanes)s::smallint[], %(orders)s::uuid[], %(ids)s::uuid[]) as n (lane, order_id, id)
join fulfilment.attempts a on a.lane = n.lane and a.order_id = n.order_id and a.state = 'delivered'
join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id and t.entitlement_id = n.id
order by t.entitlement_id, a.number desc;
