-- name: suppliers_by_token
-- The token in a callback's address names the account.
select * from fulfilment.suppliers where callback_token = any(%(tokens)s::text[]);

-- name: keep_callbacks
-- Stored as they came (sealed), before anybody reads them.
insert into fulfilment.callbacks (id, supplier_id, received_at, head, body, bytes, address, verdict)
select id, supplier_id, %(now)s, head, body, bytes, address, 'kept'
from unnest(%(ids)s::uuid[], %(suppliers)s::uuid[], %(heads)s::bytea[], %(bodies)s::bytea[], %(lengths)s::integer[],
    %(addresses)s::text[]) as r (id, supplier_id, head, body, bytes, address);

-- name: left_kept
-- Kept by somebody who did not come to judge them.
select * from fulfilment.callbacks where verdict = 'kept' and id < %(ceiling)s order by id limit %(most)s;

-- name: suppliers_of
-- The accounts that they came for.
select * from fulfilment.suppliers where id = any(%(ids)s::uuid[]);

-- name: wait_briefly
-- Whoever calls waits for the answer, and a recorder holds what it locks for milliseconds: longer is trouble.
select set_config('lock_timeout', '500ms', true);

-- name: hold_kept
-- Each is judged once.
select id from fulfilment.callbacks where id = any(%(ids)s::uuid[]) and verdict = 'kept' for update skip locked;

-- name: judge_callbacks
-- What they are worth; of those that are doubtful only the beginning stays.
update fulfilment.callbacks c
set verdict = r.verdict, outer_number = r.outer_number, digest = r.digest, head = coalesce(r.head, c.head),
    body = coalesce(r.body, c.body)
from unnest(%(ids)s::uuid[], %(verdicts)s::text[], %(outers)s::text[], %(digests)s::bytea[], %(heads)s::bytea[],
    %(bodies)s::bytea[]) as r (id, verdict, outer_number, digest, head, body)
where c.id = r.id;

-- name: drop_callbacks
-- More of its sort than are kept: they are counted.
delete from fulfilment.callbacks where id = any(%(ids)s::uuid[]);

-- name: trusted_before
-- How many trusted callbacks about these numbers were kept, and how many of them lately.
select r.outer_number, r.supplier_id, k.kept, k.lately
from unnest(%(outers)s::text[], %(suppliers)s::uuid[]) as r (outer_number, supplier_id), lateral (
    select count(*)::integer as kept, (count(*) filter (where b.id >= %(floor)s))::integer as lately
    from (select c.id from fulfilment.callbacks c
        where c.outer_number = r.outer_number and c.supplier_id = r.supplier_id and c.verdict = 'trusted'
        order by c.id desc limit %(most)s) b) k;

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
-- A callback moves no state: it makes the next query due now, or (while a talk runs) right after that talk. `at` is later
-- than now for numbers that are called about all the time.
with named as (
    select t.lane, t.id, c.at
    from unnest(%(outers)s::text[], %(suppliers)s::uuid[], %(ats)s::timestamptz[]) as c (outer_number, supplier_id, at)
    join fulfilment.attempts a on a.outer_number = c.outer_number and a.supplier_id = c.supplier_id
    join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id
    where t.state in ('sending', 'asking') and t.attempts = a.number
)
update fulfilment.tasks t
set heard = t.heard or named.at <= %(now)s,
    due_at = case when t.state = 'asking' and (t.lease is null or t.lease_until <= %(wall)s)
        then least(t.due_at, named.at) else t.due_at end
from named where t.lane = named.lane and t.id = named.id;

-- name: recheck_soon
-- A callback about a number that we hold for over, or overtaken, or handed to a person: look at that number once more. At
-- one that was looked at often enough, and still is called about, now and then.
update fulfilment.attempts a
set recheck_at = case when a.rechecks < %(most)s then least(a.recheck_at, c.at) else coalesce(a.recheck_at, %(later)s) end
from unnest(%(outers)s::text[], %(suppliers)s::uuid[], %(ats)s::timestamptz[]) as c (outer_number, supplier_id, at),
    fulfilment.tasks t
where a.outer_number = c.outer_number and a.supplier_id = c.supplier_id and a.state <> 'delivered'
    and t.lane = a.lane and t.id = a.task_id
    and not (t.state in ('sending', 'asking') and t.attempts = a.number);
