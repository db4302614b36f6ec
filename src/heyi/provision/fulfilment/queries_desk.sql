-- name: make_supplier
-- A new account; its callback token is part of the address that it calls.
insert into fulfilment.suppliers (id, code, title, dialect, base_url, credentials, callback_token, slots, timeout_ms,
    typical_ms, grace_ms, rate_per_s, query_rate_per_s, profile_id, sync_every_min,
    callback_ips, created_at)
values (%(id)s, %(code)s, %(title)s, %(dialect)s, %(base_url)s, %(credentials)s, %(token)s, %(slots)s, %(timeout_ms)s,
    %(typical_ms)s, %(grace_ms)s, nullif(%(rate_per_s)s::double precision, 0),
    nullif(%(query_rate_per_s)s::double precision, 0), %(profile_id)s, %(sync_every_min)s,
    %(callback_ips)s::text[], %(now)s)
on conflict (code) do nothing
returning *;

-- name: list_suppliers
-- Newest first; `search` looks into code and title.
select * from fulfilment.suppliers
where (%(search)s::text is null or strpos(lower(code || ' ' || title), lower(%(search)s)) > 0)
    and (%(state)s::text is null or state = %(state)s) and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: find_supplier
-- One account.
select * from fulfilment.suppliers where id = %(id)s;

-- name: change_supplier
-- What is left out stays; a rate of zero takes the rate away.
update fulfilment.suppliers set
    title = coalesce(%(title)s, title), base_url = coalesce(%(base_url)s, base_url),
    credentials = coalesce(%(credentials)s, credentials), slots = coalesce(%(slots)s, slots),
    timeout_ms = coalesce(%(timeout_ms)s, timeout_ms), typical_ms = coalesce(%(typical_ms)s, typical_ms),
    grace_ms = coalesce(%(grace_ms)s, grace_ms),
    rate_per_s = nullif(coalesce(%(rate_per_s)s, rate_per_s), 0),
    query_rate_per_s = nullif(coalesce(%(query_rate_per_s)s, query_rate_per_s), 0),
    sync_every_min = coalesce(%(sync_every_min)s, sync_every_min),
    sync_due_at = case when %(sync_every_min)s::integer is null then sync_due_at end,
    callback_ips = coalesce(%(callback_ips)s::text[], callback_ips)
where id = %(id)s returning *;

-- name: switch_supplier
-- Pause stops buying; what was bought is still asked about.
update fulfilment.suppliers set state = %(after)s where id = %(id)s and state = %(before)s returning *;

-- name: list_tasks
-- Operators' list, newest first. `stuck_since`: open, meant to move, and created before that moment.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.kind, t.benefit_id, t.supplier_id,
    s.code as supplier, t.state, t.due_at, t.attempts, t.queries, t.problem, t.resolution, t.request::text as request,
    t.created_at, t.ended_at
from fulfilment.tasks t left join fulfilment.suppliers s on s.id = t.supplier_id
where (%(state)s::text is null or t.state = %(state)s)
    and (%(supplier)s::uuid is null or t.supplier_id = %(supplier)s)
    and (%(order_id)s::uuid is null or t.order_id = %(order_id)s)
    and (%(item)s::uuid is null or t.item_id = %(item)s)
    and (%(lane)s::smallint is null or t.lane = %(lane)s)
    and (%(stuck_since)s::timestamptz is null or (t.created_at <= %(stuck_since)s
        and (t.state in ('waiting_for_person', 'waiting_for_stock', 'sending', 'asking')
            or (t.state = 'scheduled' and t.due_at <= %(stuck_since)s))))
    and (%(before)s::uuid is null or t.id < %(before)s)
order by t.id desc limit %(most)s;

-- name: find_task
-- One task, for the page that shows everything about it.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.kind, t.benefit_id, t.supplier_id,
    s.code as supplier, t.state, t.due_at, t.attempts, t.queries, t.problem, t.resolution, t.request::text as request,
    t.created_at, t.ended_at
from fulfilment.tasks t left join fulfilment.suppliers s on s.id = t.supplier_id
where t.lane = %(lane)s and t.id = %(id)s;

-- name: hold_task
-- A person decides about a task: nobody else moves it, or its numbers, meanwhile.
select id from fulfilment.tasks where lane = %(lane)s and id = %(id)s for update;

-- name: held_task
-- How it stands now that it is locked; one statement would see its number as it was before it waited for the lock.
select t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.kind, t.supplier_id, t.state, t.attempts, t.lease,
    t.lease_until, t.held_since, t.request::text as request, a.id as attempt_id, a.state as attempt_state,
    coalesce(a.cost_minor, a.expected_minor) as cost_minor, s.pays
from fulfilment.tasks t left join fulfilment.attempts a
    on a.lane = t.lane and a.order_id = t.order_id and a.task_id = t.id and a.number = t.attempts
left join fulfilment.suppliers s on s.id = t.supplier_id
where t.lane = %(lane)s and t.id = %(id)s;

-- name: resolve
-- Who decided what, with what proof.
update fulfilment.tasks set resolution = %(resolution)s where lane = %(lane)s and id = %(id)s;

-- name: hurry
-- A person wants the next step now; a query starts with a fresh count.
update fulfilment.tasks set due_at = %(now)s, heard = true, queries = 0
where lane = %(lane)s and id = %(id)s and state in ('scheduled', 'asking');

-- name: recheck_now
-- A person wants one number looked at once more.
update fulfilment.attempts set recheck_at = %(now)s, rechecks = 0 where lane = %(lane)s and id = %(id)s;

-- name: attempts_of_order
-- Everything that was tried for an order.
select a.id, a.lane, a.task_id, a.item_id, a.number, a.outer_number, s.code as supplier, a.product_no,
    a.supplier_number, a.state, a.cost_minor, a.currency, a.why, a.submits, a.difference, a.started_at, a.accepted_at,
    a.ended_at, a.order_id, a.settled_at, a.settled_by, a.settled_note
from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id
where a.lane = %(lane)s and a.order_id = %(order_id)s order by a.started_at, a.id;

-- name: calls_of_attempts
-- What was said, masked when it was kept.
select attempt_id, id, verb, method, url, request, status, response, error, duration_ms, at, headers, signed, answered,
    verdict
from fulfilment.calls where lane = %(lane)s and attempt_id = any(%(attempts)s::uuid[]) order by at, id;

-- name: differences
-- Delivered by the supplier after the item had ended otherwise: for a person to settle with the supplier.
select a.id, a.lane, a.task_id, a.item_id, a.number, a.outer_number, s.code as supplier, a.product_no,
    a.supplier_number, a.state, a.cost_minor, a.currency, a.why, a.submits, a.difference, a.started_at, a.accepted_at,
    a.ended_at, a.order_id, a.settled_at, a.settled_by, a.settled_note
from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id
where a.difference and (%(before)s::uuid is null or a.id < %(before)s)
    and (%(settled)s::boolean is null or (a.settled_at is not null) = %(settled)s)
    and (%(supplier)s::uuid is null or a.supplier_id = %(supplier)s)
    and (%(order_id)s::uuid is null or a.order_id = %(order_id)s)
    and (%(number)s::text is null or a.outer_number = %(number)s or a.supplier_number = %(number)s)
order by a.id desc limit %(most)s;

-- name: lock_difference
-- Two people may settle one difference in the same second; the second is told who was first.
select a.lane, a.id, a.order_id, a.item_id, a.outer_number, s.code as supplier, a.settled_by
from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id
where a.lane = %(lane)s and a.id = %(id)s and a.difference for update of a;

-- name: settle_difference
-- Who dealt with it, when and how.
update fulfilment.attempts set settled_at = %(now)s, settled_by = %(by)s, settled_note = %(note)s
where lane = %(lane)s and id = %(id)s;

-- name: one_difference
-- As the list shows it.
select a.id, a.lane, a.task_id, a.item_id, a.number, a.outer_number, s.code as supplier, a.product_no,
    a.supplier_number, a.state, a.cost_minor, a.currency, a.why, a.submits, a.difference, a.started_at, a.accepted_at,
    a.ended_at, a.order_id, a.settled_at, a.settled_by, a.settled_note
from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id
where a.lane = %(lane)s and a.id = %(id)s;

-- name: waiting_long
-- How many tasks have waited for a person since before that moment, and the longest of them.
select count(*)::integer as tasks, min(person_since) as since
from fulfilment.tasks where state = 'waiting_for_person' and person_since <= %(before)s;

-- name: open_differences
-- How many differences nobody has settled, by supplier.
select s.id, s.code, count(*)::integer as open from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id
where a.difference and a.settled_at is null group by s.id, s.code order by s.id;
