-- name: keep_looks
-- What was said without being about a purchase of ours; masked like the rest.
insert into fulfilment.looks (id, supplier_id, profile_id, verb, by, method, url, headers, request, signed, status,
    answered, response, error, duration_ms, troubled, at)
select id, %(supplier)s::uuid, %(profile)s::uuid, %(verb)s, %(by)s, method, url, headers, request, signed, status, answered,
    response, error, duration_ms, troubled, at
from unnest(%(ids)s::uuid[], %(methods)s::text[], %(urls)s::text[], %(headers)s::text[], %(requests)s::text[],
    %(signed)s::text[], %(statuses)s::smallint[], %(answered)s::text[], %(responses)s::text[], %(errors)s::text[],
    %(durations)s::integer[], %(troubled)s::boolean[], %(ats)s::timestamptz[])
    as r (id, method, url, headers, request, signed, status, answered, response, error, duration_ms, troubled, at);

-- name: attempts_named
-- The attempts that an order or a number (ours or theirs) names; each way by an index of its own.
select a.lane, a.id from (
    select lane, id from fulfilment.attempts where outer_number = %(number)s::text
    union
    select lane, attempt_id from fulfilment.calls where supplier_number = %(number)s::text
    union
    select lane, id from fulfilment.attempts
    where %(number)s::text is null and lane = %(lane)s::smallint and order_id = %(order_id)s::uuid
) n join fulfilment.attempts a on a.lane = n.lane and a.id = n.id
where %(order_id)s::uuid is null or (a.lane = %(lane)s::smallint and a.order_id = %(order_id)s::uuid)
order by a.lane, a.id limit %(most)s;

-- name: list_calls_of_attempts
-- The same list, of attempts that are known: by their key.
select c.id, c.lane, c.attempt_id, c.verb, null::text as by, c.method, c.url, c.status, c.error, c.verdict, c.duration_ms,
    c.at, s.code as supplier, a.order_id, a.task_id, a.outer_number, a.number, a.supplier_number
from unnest(%(lanes)s::smallint[], %(attempts)s::uuid[]) as r (lane, attempt_id)
join fulfilment.calls c on c.lane = r.lane and c.attempt_id = r.attempt_id
join fulfilment.attempts a on a.lane = c.lane and a.id = c.attempt_id
join fulfilment.suppliers s on s.id = c.supplier_id
where (%(supplier)s::uuid is null or c.supplier_id = %(supplier)s)
    and (%(before)s::uuid is null or c.id < %(before)s) and (%(verb)s::text is null or c.verb = %(verb)s)
    and (%(status)s::smallint is null or c.status = %(status)s) and (%(error)s::text is null or c.error = %(error)s)
    and (%(verdict)s::text is null or c.verdict = %(verdict)s) and (not %(troubled)s::boolean or c.troubled)
    and (%(result)s::text is null or %(result)s = case when c.status is null then 'no_answer'
        when c.status between 200 and 299 then 'answered' else 'http_error' end)
    and (%(since)s::timestamptz is null or c.at >= %(since)s)
    and (%(until)s::timestamptz is null or c.at < %(until)s)
order by c.id desc limit %(most)s;

-- name: list_calls
-- Newest first. Ids grow with time, supplier by supplier: the newest of each, merged. `floor` and `ceiling` are ids that
-- the times asked for lie between; a call is kept a moment after it was made.
with found as (
    (select k.* from fulfilment.suppliers s, lateral (
        select c.id, c.supplier_id, c.lane, c.attempt_id, c.verb, null::text as by, c.method, c.url, c.status, c.error,
            c.verdict, c.duration_ms, c.at
        from fulfilment.calls c
        where c.supplier_id = s.id and (%(before)s::uuid is null or c.id < %(before)s)
            and (%(floor)s::uuid is null or c.id >= %(floor)s) and (%(ceiling)s::uuid is null or c.id < %(ceiling)s)
            and (%(verb)s::text is null or c.verb = %(verb)s)
            and (%(status)s::smallint is null or c.status = %(status)s)
            and (%(error)s::text is null or c.error = %(error)s)
            and (%(verdict)s::text is null or c.verdict = %(verdict)s) and (not %(troubled)s::boolean or c.troubled)
            and (%(result)s::text is null or %(result)s = case when c.status is null then 'no_answer'
                when c.status between 200 and 299 then 'answered' else 'http_error' end)
            and (%(since)s::timestamptz is null or c.at >= %(since)s)
            and (%(until)s::timestamptz is null or c.at < %(until)s)
        order by c.id desc limit %(most)s) k
     where %(supplier)s::uuid is null or s.id = %(supplier)s)
    union all
    (select k.* from fulfilment.suppliers s, lateral (
        select c.id, c.supplier_id, null::smallint, null::uuid, c.verb, c.by, c.method, c.url, c.status, c.error,
            null::text, c.duration_ms, c.at
        from fulfilment.looks c
        where c.supplier_id = s.id and (%(before)s::uuid is null or c.id < %(before)s)
            and (%(floor)s::uuid is null or c.id >= %(floor)s) and (%(ceiling)s::uuid is null or c.id < %(ceiling)s)
            and (%(verb)s::text is null or c.verb = %(verb)s)
            and (%(status)s::smallint is null or c.status = %(status)s)
            and (%(error)s::text is null or c.error = %(error)s)
            and %(verdict)s::text is null and (not %(troubled)s::boolean or c.troubled)
            and (%(result)s::text is null or %(result)s = case when c.status is null then 'no_answer'
                when c.status between 200 and 299 then 'answered' else 'http_error' end)
            and (%(since)s::timestamptz is null or c.at >= %(since)s)
            and (%(until)s::timestamptz is null or c.at < %(until)s)
        order by c.id desc limit %(most)s) k
     where %(supplier)s::uuid is null or s.id = %(supplier)s)
    order by id desc limit %(most)s
)
select f.*, s.code as supplier, a.order_id, a.task_id, a.outer_number, a.number, a.supplier_number
from found f join fulfilment.suppliers s on s.id = f.supplier_id
left join fulfilment.attempts a on a.lane = f.lane and a.id = f.attempt_id
order by f.id desc;

-- name: find_call
-- One call with everything that was kept of it. There are few suppliers: a look into the index for each.
select c.id, c.lane, c.attempt_id, c.verb, null::text as by, c.method, c.url, c.status, c.error, c.verdict, c.duration_ms,
    c.at, s.code as supplier, a.order_id, a.task_id, a.outer_number, a.number, a.supplier_number, c.headers, c.request,
    c.signed, c.answered, c.response, s.dialect, p.version
from fulfilment.suppliers s join fulfilment.calls c on c.supplier_id = s.id and c.id = %(id)s
left join fulfilment.attempts a on a.lane = c.lane and a.id = c.attempt_id
left join fulfilment.profiles p on p.id = c.profile_id
union all
select c.id, null, null, c.verb, c.by, c.method, c.url, c.status, c.error, null, c.duration_ms, c.at, s.code, null, null,
    null, null, null, c.headers, c.request, c.signed, c.answered, c.response, s.dialect, p.version
from fulfilment.looks c join fulfilment.suppliers s on s.id = c.supplier_id
left join fulfilment.profiles p on p.id = c.profile_id
where c.id = %(id)s;

-- name: keep_replay
-- Who had a call made again, and how.
insert into fulfilment.replays (id, call_id, how, by, note, at)
values (%(id)s, %(call)s, %(how)s, %(by)s, %(note)s, %(now)s);

-- name: replays_of_call
-- For the call's page.
select id, how, by, note, at from fulfilment.replays where call_id = %(call)s order by id;

-- name: prune_calls
-- The oldest of each supplier that are over their time.
delete from fulfilment.calls c using (
    select k.* from fulfilment.suppliers s, lateral (
        select o.lane, o.attempt_id, o.id from fulfilment.calls o where o.supplier_id = s.id and o.id < %(floor)s
        order by o.id limit %(most)s) k
    limit %(most)s) old
where c.lane = old.lane and c.attempt_id = old.attempt_id and c.id = old.id;

-- name: prune_looks
-- The same for calls about no purchase, and the notes of replays.
with replayed as (
    delete from fulfilment.replays where id in (select id from fulfilment.replays where id < %(floor)s order by id
        limit %(most)s)
)
delete from fulfilment.looks where id in (select id from fulfilment.looks where id < %(floor)s order by id limit %(most)s);

-- name: prune_callbacks
-- The same for callbacks.
delete from fulfilment.callbacks where id in (
    select id from fulfilment.callbacks where id < %(floor)s order by id limit %(most)s);

-- name: prune_counts
-- And for those of which only the number is known.
delete from fulfilment.callback_counts where minute < %(before)s;

-- name: list_callbacks
-- Newest first, the newest of each supplier merged.
select c.id, s.code as supplier, s.id as supplier_id, c.received_at, c.verdict, c.outer_number, c.address
from fulfilment.suppliers s, lateral (
    select k.* from fulfilment.callbacks k
    where k.supplier_id = s.id and (%(before)s::uuid is null or k.id < %(before)s)
        and (%(verdict)s::text is null or k.verdict = %(verdict)s)
        and (%(verdict)s::text is null or %(verdict)s = 'trusted' or k.verdict <> 'trusted')
        and (%(since)s::timestamptz is null or k.received_at >= %(since)s)
        and (%(until)s::timestamptz is null or k.received_at < %(until)s)
    order by k.id desc limit %(most)s) c
where %(supplier)s::uuid is null or s.id = %(supplier)s
order by c.id desc limit %(most)s;

-- name: list_callbacks_about
-- Those about one number, or about the numbers of an order.
select c.id, s.code as supplier, s.id as supplier_id, c.received_at, c.verdict, c.outer_number, c.address
from fulfilment.callbacks c join fulfilment.suppliers s on s.id = c.supplier_id
where c.outer_number = any(%(numbers)s::text[]) and (%(before)s::uuid is null or c.id < %(before)s)
    and (%(supplier)s::uuid is null or c.supplier_id = %(supplier)s)
    and (%(verdict)s::text is null or c.verdict = %(verdict)s)
    and (%(since)s::timestamptz is null or c.received_at >= %(since)s)
    and (%(until)s::timestamptz is null or c.received_at < %(until)s)
order by c.id desc limit %(most)s;

-- name: numbers_of_attempts
-- Our numbers of attempts that an order or a number of theirs names.
select a.outer_number from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id)
join fulfilment.attempts a on a.lane = r.lane and a.id = r.id;

-- name: numbers_of_task
-- Our numbers of a task, to find what was called about them.
select outer_number from fulfilment.attempts
where lane = %(lane)s and order_id = %(order_id)s and task_id = %(task)s;

-- name: find_callback
-- One callback; its body is sealed.
select c.*, s.code as supplier from fulfilment.callbacks c join fulfilment.suppliers s on s.id = c.supplier_id
where c.id = %(id)s;

-- name: supplier_of_callback
-- The account that it came for, to read it.
select * from fulfilment.suppliers where id = %(id)s;

-- name: callbacks_refused
-- What was not believed within the hour, kept or only counted, by account and verdict; the bound on what is kept of it
-- bounds this look.
select s.id, s.code, r.verdict, sum(r.count)::bigint as count,
    sum(case when r.at >= %(since)s then r.count else 0 end)::bigint as recently
from fulfilment.suppliers s, lateral (
    select c.verdict, 1 as count, c.received_at as at from fulfilment.callbacks c
    where c.supplier_id = s.id and c.id >= %(floor)s and c.verdict <> 'trusted'
        and c.verdict in ('unsigned', 'stale', 'unreadable', 'address', 'too_large')
    union all
    select n.verdict, n.count, n.minute from fulfilment.callback_counts n
    where n.supplier_id = s.id and n.minute >= %(hour)s
        and n.verdict in ('unsigned', 'stale', 'unreadable', 'address', 'too_large')) r
group by s.id, s.code, r.verdict order by s.id, r.verdict;

-- name: kept_lately
-- How much of what is doubtful was kept of these accounts within the minute: a flood must not fill the table.
select s.id, count(*)::integer as kept from unnest(%(suppliers)s::uuid[]) as s (id), lateral (
    select from fulfilment.callbacks c
    where c.supplier_id = s.id and c.id >= %(floor)s and c.verdict <> 'trusted' and c.verdict <> 'kept'
    limit %(most)s) k
group by s.id;

-- name: count_callbacks
-- Those beyond it are only counted.
insert into fulfilment.callback_counts as n (supplier_id, minute, verdict, count)
select * from unnest(%(suppliers)s::uuid[], %(minutes)s::timestamptz[], %(verdicts)s::text[], %(counts)s::bigint[])
on conflict (supplier_id, minute, verdict) do update set count = n.count + excluded.count;

-- name: digests_known
-- What was signed and came before.
select d.digest from unnest(%(digests)s::bytea[]) as d (digest)
where exists (select from fulfilment.callbacks c where c.digest = d.digest);
