-- name: suppliers_by_token
-- The token in a callback's address names the account.
select * from fulfilment.suppliers where callback_token = any(%(tokens)s::text[]);

-- name: keep_callbacks
-- Stored as they came (sealed), before anything acts on them.
insert into fulfilment.callbacks (id, supplier_id, received_at, headers, query, body, verdict, outer_number, address, digest)
select * from unnest(%(ids)s::uuid[], %(suppliers)s::uuid[], %(ats)s::timestamptz[], %(headers)s::jsonb[],
    %(queries)s::text[], %(bodies)s::bytea[], %(verdicts)s::text[], %(outers)s::text[], %(addresses)s::text[],
    %(digests)s::bytea[]);

-- name: known_numbers
-- Whose attempts do these callbacks speak of? A number of another account is a stranger's.
select outer_number, supplier_id from fulfilment.attempts where outer_number = any(%(outers)s::text[]);

-- name: lock_named
-- What callbacks are about, locked in the order of `lock_standing`: recorders and callbacks never wait in a ring.
select t.id from unnest(%(outers)s::text[], %(suppliers)s::uuid[]) as c (outer_number, supplier_id)
join fulfilment.attempts a on a.outer_number = c.outer_number and a.supplier_id = c.supplier_id
join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id
order by t.lane, t.id, a.id for update of t, a;

-- name: ask_soon
-- A callback moves no state: it makes the next query due now, or (while a talk runs) right after that talk.
with named as (
    select t.lane, t.id from unnest(%(outers)s::text[], %(suppliers)s::uuid[]) as c (outer_number, supplier_id)
    join fulfilment.attempts a on a.outer_number = c.outer_number and a.supplier_id = c.supplier_id
    join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id
    where t.state in ('sending', 'asking') and t.attempts = a.number
)
update fulfilment.tasks t
set heard = true,
    due_at = case when t.state = 'asking' and (t.lease is null or t.lease_until <= %(wall)s)
        then least(t.due_at, %(now)s) else t.due_at end
from named where t.lane = named.lane and t.id = named.id;

-- name: recheck_soon
-- A callback about a number that we hold for over, or overtaken, or handed to a person: look at that number once more. At
-- one that was looked at often enough, and still is called about, now and then.
update fulfilment.attempts a
set recheck_at = case when a.rechecks < %(most)s then %(now)s else coalesce(a.recheck_at, %(later)s) end
from unnest(%(outers)s::text[], %(suppliers)s::uuid[]) as c (outer_number, supplier_id), fulfilment.tasks t
where a.outer_number = c.outer_number and a.supplier_id = c.supplier_id and a.state <> 'delivered'
    and t.lane = a.lane and t.id = a.task_id
    and not (t.state in ('sending', 'asking') and t.attempts = a.number);
