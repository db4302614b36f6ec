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

-- name: suppliers_with_work
-- The scout's one look for all accounts: who has something due? A paused account is still asked about what it accepted.
-- The earliest due time of each, by its index: `exists` let the planner join with the whole backlog (1.6 s).
select s.id from fulfilment.suppliers s
where (s.state = 'active' and s.breaker <> 'open' and (select t.due_at from fulfilment.tasks t
        where t.supplier_id = s.id and t.state = 'scheduled' and t.supplier_id is not null
        order by t.due_at limit 1) <= %(now)s)
    or (select t.due_at from fulfilment.tasks t where t.supplier_id = s.id and t.state = 'asking'
        order by t.due_at limit 1) <= %(now)s
    or (select a.recheck_at from fulfilment.attempts a where a.supplier_id = s.id and a.recheck_at is not null
        order by a.recheck_at limit 1) <= %(now)s
order by s.id;

-- name: plan_each_time
-- The claim's limit and the size of the backlog decide its plan: a plan made for any limit might sort a million rows.
select set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: lock_supplier
-- One claimer per account at a time, whichever process it lives in; the others come back a moment later.
select * from fulfilment.suppliers where id = %(supplier)s for no key update skip locked;

-- name: slots_taken
-- Counted after the account was locked, in a snapshot of its own, so that ten workers keep one limit. `ended`: talks of
-- this worker that are over and not recorded yet; they hold their tasks, and no slot.
select count(*)::integer as taken, count(*) filter (where state = 'sending')::integer as sending from fulfilment.tasks
where supplier_id = %(supplier)s and lease is not null and lease_until > %(wall)s
    and not (id = any (%(ended)s::uuid[]) and lease = any (%(leases)s::uuid[]));

-- name: spend_tokens
-- What a claim used of the account's rates; the account is locked.
update fulfilment.suppliers
set tokens = %(tokens)s, query_tokens = %(query_tokens)s, tokens_at = %(wall)s where id = %(supplier)s;

-- name: claim_queries
-- What was accepted, or may have been, is asked about first: it is bounded by what was sent. `due_at` moves behind the
-- lease, so that a worker which dies leaves nothing to mend.
with due as (
    select lane, id from fulfilment.tasks
    where supplier_id = %(supplier)s and state = 'asking' and due_at <= %(now)s
    order by due_at limit %(most)s for update skip locked
)
update fulfilment.tasks t
set lease = %(lease)s, lease_until = %(until)s, due_at = %(again)s, queries = t.queries + 1, heard = false
from due, fulfilment.attempts a
where t.lane = due.lane and t.id = due.id
    and a.lane = t.lane and a.order_id = t.order_id and a.task_id = t.id and a.number = t.attempts
returning t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request,
    t.queries, a.id as attempt_id, a.number, a.outer_number, a.sent_until, a.submits, a.rechecks,
    a.accepted_at is not null as accepted, a.supplier_number, a.offer_id;

-- name: may_go_out
-- Where asking may be sending the number again: until then it may arrive.
update fulfilment.attempts a set sent_until = %(until)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id) where a.lane = r.lane and a.id = r.id;

-- name: claim_submits
-- The oldest due purchases. The attempt's number is counted here, so that no two claims can give the same one.
with due as (
    select lane, id from fulfilment.tasks
    where supplier_id = %(supplier)s and state = 'scheduled' and supplier_id is not null and due_at <= %(now)s
    order by due_at limit %(most)s for update skip locked
)
update fulfilment.tasks t
set state = 'sending', lease = %(lease)s, lease_until = %(until)s, due_at = null, heard = false, queries = 0,
    attempts = case when t.resubmit then t.attempts else t.attempts + 1 end
from due where t.lane = due.lane and t.id = due.id
returning t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request,
    t.offer_id, t.attempts as number, t.resubmit;

-- name: claim_rechecks
-- Attempts that are over or overtaken, of which a callback says otherwise: asked about once more.
with due as (
    select lane, id from fulfilment.attempts where supplier_id = %(supplier)s and recheck_at <= %(now)s
    order by recheck_at limit %(most)s for update skip locked
)
update fulfilment.attempts a set recheck_at = %(again)s, rechecks = a.rechecks + 1
from due, fulfilment.tasks t
where a.lane = due.lane and a.id = due.id and t.lane = a.lane and t.id = a.task_id
returning t.lane, t.id, t.item_id, t.order_id, t.entitlement_id, t.benefit_id, t.kind, t.request::text as request,
    t.queries, a.id as attempt_id, a.number, a.outer_number, a.sent_until, a.submits, a.rechecks,
    a.accepted_at is not null as accepted, a.supplier_number, a.offer_id;

-- name: open_attempts
-- Committed before anything is sent: whatever happens then, the number is known.
insert into fulfilment.attempts (lane, id, task_id, item_id, order_id, number, outer_number, supplier_id, offer_id,
    product_no, state, currency, expected_minor, started_at, sent_until)
select lane, id, task_id, item_id, order_id, number, outer_number, %(supplier)s, offer_id, product_no, 'sending',
    currency, expected_minor, %(now)s, %(until)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(tasks)s::uuid[], %(items)s::uuid[], %(orders)s::uuid[],
    %(numbers)s::smallint[], %(outers)s::text[], %(offers)s::uuid[], %(products)s::text[], %(currencies)s::text[],
    %(expected)s::bigint[])
    as a (lane, id, task_id, item_id, order_id, number, outer_number, offer_id, product_no, currency, expected_minor);

-- name: expect
-- Their offers cost something else by now than when these purchases were planned. The claim holds their tasks.
update fulfilment.attempts a set expected_minor = r.expected
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(expected)s::bigint[]) as r (lane, id, expected)
where a.lane = r.lane and a.id = r.id;

-- name: reopen_attempts
-- The same number goes out once more: it was proved never to have arrived.
update fulfilment.attempts a set state = 'sending', sent_until = %(until)s, submits = a.submits + 1
from unnest(%(lanes)s::smallint[], %(orders)s::uuid[], %(tasks)s::uuid[], %(numbers)s::smallint[])
    as r (lane, order_id, task_id, number)
where a.lane = r.lane and a.order_id = r.order_id and a.task_id = r.task_id and a.number = r.number
    and a.state = 'unknown' and a.accepted_at is null
returning a.task_id, a.id, a.outer_number, a.submits;

-- name: lock_standing
-- Tasks and attempts as they are when results are recorded, locked in one order.
select t.lane, t.id, t.state, t.lease, t.attempts, t.heard, a.id as attempt_id, a.state as attempt_state, a.offer_id,
    a.product_no, a.started_at, coalesce(a.cost_minor, a.expected_minor) as cost_minor
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(attempts)s::uuid[]) as r (lane, id, attempt_id)
join fulfilment.tasks t on t.lane = r.lane and t.id = r.id
join fulfilment.attempts a on a.lane = r.lane and a.id = r.attempt_id
order by t.lane, t.id for update of t, a;

-- name: save_tasks
-- Compare-and-set on the state that was decided on. The lease ends with its talk. A task that was refused may go over to
-- another offer: from then on it stands in that supplier's queue. What was bought while its item was held meanwhile is
-- asked about all the same; anything else stands still.
update fulfilment.tasks t
set state = r.after, due_at = case when t.held_since is null or r.after = 'asking' then r.due_at end,
    due_aside = case when t.held_since is not null and r.after <> 'asking' then r.due_at end,
    problem = r.problem, resubmit = r.resubmit, heard = false, lease = null, lease_until = null,
    supplier_id = coalesce(r.supplier_id, t.supplier_id),
    offer_id = coalesce(r.offer_id, t.offer_id),
    request = case when r.offer_id is null then t.request
        else t.request || jsonb_build_object('product_no', r.product_no, 'cost_minor', r.cost_minor) end,
    ended_at = case when r.after in ('delivered', 'failed', 'cancelled') then %(now)s::timestamptz end,
    person_since = case when r.after = 'waiting_for_person' then coalesce(t.person_since, %(now)s::timestamptz) end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(befores)s::text[], %(afters)s::text[], %(dues)s::timestamptz[],
    %(problems)s::text[], %(resubmits)s::boolean[], %(suppliers)s::uuid[], %(offers)s::uuid[], %(products)s::text[],
    %(costs)s::bigint[])
    as r (lane, id, before, after, due_at, problem, resubmit, supplier_id, offer_id, product_no, cost_minor)
where t.lane = r.lane and t.id = r.id and t.state = r.before;

-- name: save_attempts
-- What the supplier said is kept; what it said before is not forgotten by saying less now. A later look that is planned
-- stays planned until it was had: the end of a talk that was overtaken must not cancel it.
update fulfilment.attempts a
set state = r.state, supplier_number = coalesce(r.supplier_number, a.supplier_number),
    cost_minor = coalesce(r.cost_minor, a.cost_minor), sent_until = coalesce(r.sent_until, a.sent_until),
    why = case when r.state <> a.state then r.why when r.state in ('declined', 'failed') then a.why
        else coalesce(r.why, a.why) end,
    recheck_at = case when r.state = 'delivered' then null when r.rechecked then r.recheck_at
        else coalesce(r.recheck_at, a.recheck_at) end,
    difference = a.difference or r.difference,
    accepted_at = case when r.state in ('accepted', 'delivered') then coalesce(a.accepted_at, %(now)s)
        else a.accepted_at end,
    ended_at = case when r.state in ('delivered', 'declined', 'failed') then coalesce(a.ended_at, %(now)s) end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(states)s::text[], %(supplier_numbers)s::text[],
    %(costs)s::bigint[], %(whys)s::text[], %(rechecks)s::timestamptz[], %(differences)s::boolean[], %(rechecked)s::boolean[],
    %(sent_untils)s::timestamptz[])
    as r (lane, id, state, supplier_number, cost_minor, why, recheck_at, difference, rechecked, sent_until)
where a.lane = r.lane and a.id = r.id;

-- name: recheck_overtaken
-- A task ended while another of its numbers may still be under way: ask about that one too.
update fulfilment.attempts a set recheck_at = %(at)s
from unnest(%(lanes)s::smallint[], %(orders)s::uuid[], %(tasks)s::uuid[]) as r (lane, order_id, task_id)
where a.lane = r.lane and a.order_id = r.order_id and a.task_id = r.task_id
    and a.state in ('sending', 'unknown', 'accepted');

-- name: keep_calls
-- Every exchange, masked.
insert into fulfilment.calls (lane, id, attempt_id, verb, method, url, request, status, response, error, duration_ms, at,
    supplier_id, profile_id, headers, signed, answered, verdict, supplier_number, troubled)
select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(attempts)s::uuid[], %(verbs)s::text[],
    %(methods)s::text[], %(urls)s::text[], %(requests)s::text[], %(statuses)s::smallint[], %(responses)s::text[],
    %(errors)s::text[], %(durations)s::integer[], %(ats)s::timestamptz[], %(suppliers)s::uuid[], %(profiles)s::uuid[],
    %(headers)s::text[], %(signed)s::text[], %(answered)s::text[], %(verdicts)s::text[], %(numbers)s::text[],
    %(troubled)s::boolean[]);

-- name: rescue_sending
-- Their worker died or was held up past its lease: nobody knows what went out, so they are asked about.
with lost as (
    select lane, id from fulfilment.tasks
    where state = 'sending' and lease is not null and lease_until < %(wall)s
    order by lane, id limit %(most)s for update skip locked
), moved as (
    update fulfilment.tasks t
    set state = 'asking', due_at = %(now)s, lease = null, lease_until = null, problem = 'unknown worker lost'
    from lost where t.lane = lost.lane and t.id = lost.id
    returning t.lane, t.id, t.order_id, t.item_id, t.entitlement_id, t.attempts
), forgotten as (
    update fulfilment.attempts a set state = 'unknown', why = 'worker lost' from moved
    where a.lane = moved.lane and a.order_id = moved.order_id and a.task_id = moved.id and a.number = moved.attempts
        and a.state = 'sending'
)
select lane, id, order_id, item_id, entitlement_id, attempts from moved order by lane, id;

-- name: claim_own
-- What is due and ours to give, oldest first; another worker takes the next ones.
select lane, id, item_id, order_id, entitlement_id, benefit_id, kind, request::text as request
from fulfilment.tasks where state = 'scheduled' and supplier_id is null and due_at <= %(now)s
order by due_at limit %(most)s for update skip locked;

-- name: count_waiters
-- New orders must not overtake those that wait (what is held waits for something else); beyond the bound the exact
-- number does not matter.
select b.benefit_id, w.waiting from unnest(%(benefits)s::uuid[]) as b (benefit_id),
    lateral (select count(*)::integer as waiting from (
        select from fulfilment.tasks t where t.benefit_id = b.benefit_id and t.state = 'waiting_for_stock'
            and t.held_since is null
        limit %(most)s) bounded) w
where w.waiting > 0;

-- name: benefits_with_waiters
-- Every minute somebody looks whether keys have come that nobody told us of (a rollback, a released batch). Walks the
-- index from benefit to benefit: a hundred thousand waiters of one benefit are one step.
with recursive found as (
    (select benefit_id from fulfilment.tasks where state = 'waiting_for_stock' and held_since is null
    order by benefit_id limit 1)
    union all
    select (select t.benefit_id from fulfilment.tasks t
            where t.state = 'waiting_for_stock' and t.held_since is null and t.benefit_id > found.benefit_id
            order by t.benefit_id limit 1)
    from found where found.benefit_id is not null
)
select benefit_id from found where benefit_id is not null;

-- name: queue_for_benefit
-- Waiters are served in order of their orders, so only one server at a time per benefit.
select pg_advisory_xact_lock(hashtextextended(%(benefit)s, 0));

-- name: lock_waiters
-- The oldest orders first.
select lane, id, item_id, order_id, entitlement_id, benefit_id, kind, request::text as request
from fulfilment.tasks where benefit_id = %(benefit)s and state = 'waiting_for_stock' and held_since is null
order by created_at, id limit %(most)s for update;

-- name: save_requests
-- Accounts that came later.
update fulfilment.tasks t set request = r.request
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(requests)s::jsonb[]) as r (lane, id, request)
where t.lane = r.lane and t.id = r.id;
