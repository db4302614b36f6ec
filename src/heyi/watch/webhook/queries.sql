-- name: count_of_holder
-- A holder may not have endless endpoints: every event is multiplied by them.
select count(*) as n from webhook.endpoints
where holder_id = %(holder_id)s and state <> 'deleted' and voice = 'webhook';

-- name: make_endpoint
-- The secret comes sealed; nobody reads it here.
insert into webhook.endpoints (id, holder_kind, holder_id, url, events, description, secret, created_at)
values (%(id)s, %(holder_kind)s, %(holder_id)s, %(url)s, %(events)s::text[], %(description)s, %(secret)s, %(now)s);

-- name: read_endpoint
-- A stranger's endpoint is not found.
select id, holder_kind, holder_id, voice, url, events, description, state, disabled_why, failing_since, failures,
       old_secret_until, created_at
from webhook.endpoints where id = %(id)s and holder_id = %(holder_id)s and state <> 'deleted';

-- name: lock_endpoint
-- Its owner changes it while the sender may be disabling it.
select id, holder_kind, holder_id, voice, url, events, description, state, disabled_why, failing_since, failures,
       old_secret_until, created_at
from webhook.endpoints where id = %(id)s and holder_id = %(holder_id)s and state <> 'deleted' for no key update;

-- name: list_endpoints
-- Newest first, behind a key.
select id, holder_kind, holder_id, voice, url, events, description, state, disabled_why, failing_since, failures,
       old_secret_until, created_at
from webhook.endpoints
where holder_id = %(holder_id)s and state <> 'deleted' and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: change_endpoint
-- Enabling forgets what made it fail.
update webhook.endpoints
set url = %(url)s, events = %(events)s::text[], description = %(description)s, state = %(state)s,
    disabled_why = %(disabled_why)s, failing_since = %(failing_since)s, failures = %(failures)s
where id = %(id)s;

-- name: delete_endpoint
-- The log stays; the secrets go.
update webhook.endpoints set state = 'deleted', secret = '', old_secret = null, old_secret_until = null
where id = %(id)s;

-- name: rotate_secret
-- The old secret signs beside the new one until the receiver has changed over.
update webhook.endpoints set old_secret = secret, old_secret_until = %(until)s, secret = %(secret)s
where id = %(id)s;

-- name: disabled
-- A holder's endpoints to which nothing is sent any more, not by its own wish.
select id, url, disabled_why from webhook.endpoints
where holder_id = %(holder_id)s and state = 'disabled' and disabled_why <> %(wish)s;

-- name: listening
-- Who is to be told something. One look per batch of facts.
select id, holder_kind, holder_id, voice, url, events, description, state, disabled_why, failing_since, failures,
       old_secret_until, created_at
from webhook.endpoints where holder_id = any(%(holders)s::uuid[]) and state = 'active' and voice = 'webhook';

-- name: announce
-- Once per endpoint and fact: a job that runs twice tells nobody twice.
insert into webhook.deliveries (id, endpoint_id, fact_id, order_id, event, body, state, next_at, created_at)
select id, endpoint_id, fact_id, order_id, event, body, 'waiting', %(now)s, %(now)s
from unnest(%(ids)s::uuid[], %(endpoints)s::uuid[], %(facts)s::uuid[], %(orders)s::uuid[], %(events)s::text[],
            %(bodies)s::bytea[]) as n (id, endpoint_id, fact_id, order_id, event, body)
on conflict (endpoint_id, fact_id) do nothing;

-- name: make_voices
-- A channel's orders by one standard share an endpoint: a slow shop holds up only itself.
insert into webhook.endpoints (id, holder_kind, holder_id, voice, url, events, secret, created_at)
select id, 'channel', holder_id, voice, '', '{order.fulfilled}', '', %(now)s
from unnest(%(ids)s::uuid[], %(holders)s::uuid[], %(voices)s::text[]) as v (id, holder_id, voice)
on conflict (holder_id, voice) where voice <> 'webhook' and state <> 'deleted' do nothing;

-- name: announce_to
-- Told at the address that came with the order, once per fact. The body is made when it is sent: it may carry cards.
insert into webhook.deliveries (id, endpoint_id, fact_id, order_id, event, body, url, state, next_at, created_at)
select n.id, e.id, n.fact_id, n.order_id, n.event, '', n.url, 'waiting', %(now)s, %(now)s
from unnest(%(ids)s::uuid[], %(holders)s::uuid[], %(voices)s::text[], %(facts)s::uuid[], %(orders)s::uuid[],
            %(events)s::text[], %(urls)s::text[]) as n (id, holder_id, voice, fact_id, order_id, event, url)
join webhook.endpoints e on e.holder_id = n.holder_id and e.voice = n.voice and e.state = 'active'
on conflict (endpoint_id, fact_id) do nothing;

-- name: announce_again
-- As above, and what was told before is told once more: the same row, the same body, a new round. `asked_at` makes it
-- safe to run twice.
insert into webhook.deliveries as d
    (id, endpoint_id, fact_id, order_id, event, body, state, next_at, created_at, asked_again_at)
select id, endpoint_id, fact_id, order_id, event, body, 'waiting', %(now)s, %(now)s, %(asked_at)s
from unnest(%(ids)s::uuid[], %(endpoints)s::uuid[], %(facts)s::uuid[], %(orders)s::uuid[], %(events)s::text[],
            %(bodies)s::bytea[]) as n (id, endpoint_id, fact_id, order_id, event, body)
on conflict (endpoint_id, fact_id) do update
    set state = 'waiting', attempts = 0, next_at = excluded.next_at, ended_at = null,
        asked_again_at = excluded.asked_again_at
    where d.state in ('waiting', 'delivered', 'failed')
      and coalesce(d.asked_again_at, '-infinity') < excluded.asked_again_at;

-- name: again
-- One delivery once more. What is being sent right now is left alone.
update webhook.deliveries
set state = 'waiting', attempts = 0, next_at = %(now)s, ended_at = null, asked_again_at = %(now)s
where id = %(id)s and endpoint_id = %(endpoint_id)s and state in ('waiting', 'delivered', 'failed');

-- name: claim
-- The oldest due deliveries, but never more in flight per endpoint than its slots: a slow endpoint holds up only
-- itself, and one that fails is tried one at a time until something arrives (in another voice every order has its own
-- address: one that is dead says nothing of the others). Two senders cannot count the same endpoint's slots at once: the
-- second skips it.
with free as (
    select e.id,
           case when e.failing_since is null or e.voice <> 'webhook' then %(slots)s::int else 1 end
           - (select count(*)::int from webhook.deliveries s where s.endpoint_id = e.id and s.state = 'sending') as slots
    from webhook.endpoints e
    where e.state = 'active'
      and exists (select from webhook.deliveries w
                  where w.endpoint_id = e.id and w.state = 'waiting' and w.next_at <= %(now)s)
    for no key update of e skip locked
), due as materialized (
    select d.id, d.next_at
    from free cross join lateral (
        select w.id, w.next_at from webhook.deliveries w
        where w.endpoint_id = free.id and w.state = 'waiting' and w.next_at <= %(now)s
        order by w.next_at limit greatest(free.slots, 0) for update skip locked
    ) d
    order by d.next_at limit %(most)s
)
update webhook.deliveries d
set state = 'sending', attempts = d.attempts + 1, lease = %(lease)s, lease_until = %(until)s, next_at = null
from due, webhook.endpoints e
where d.id = due.id and e.id = d.endpoint_id and d.state = 'waiting'
returning d.id, d.lease, d.endpoint_id, coalesce(d.url, e.url) as url, e.secret,
          case when e.old_secret_until > %(now)s then e.old_secret end as old_secret,
          e.failing_since is not null as failing, d.fact_id, d.body, d.attempts, e.voice, e.holder_id, d.order_id;

-- name: lapse
-- Their sender died. They are sent again: at least once is the promise, and the webhook-id tells the receiver.
-- Leases are real time: moving the alliance's clock must not take work out of living hands.
update webhook.deliveries set state = 'waiting', next_at = %(now)s, lease = null, lease_until = null
where state = 'sending' and lease_until <= %(wall)s;

-- name: lock_endpoints
-- Endpoints before deliveries, by id, as the claim does.
select id, holder_kind, holder_id, voice, url, events, description, state, disabled_why, failing_since, failures,
       old_secret_until, created_at
from webhook.endpoints where id = any(%(ids)s::uuid[]) and state = 'active' order by id for no key update;

-- name: save_health
-- Endpoints in trouble, recovered, or given up; one statement for all that a group of tries was about.
update webhook.endpoints e
set failing_since = h.failing_since, failures = h.failures, disabled_why = h.why,
    state = case when h.why is null then e.state else 'disabled' end
from unnest(%(ids)s::uuid[], %(sinces)s::timestamptz[], %(failures)s::int[], %(whys)s::text[])
         as h (id, failing_since, failures, why)
where e.id = h.id and e.state = 'active';

-- name: drop_waiting
-- Nothing more is sent to these endpoints; their owners may ask for it again, one or all since a time.
update webhook.deliveries set state = 'failed', next_at = null, ended_at = %(now)s
where endpoint_id = any(%(endpoints)s::uuid[]) and state = 'waiting';

-- name: record
-- Only for whoever still holds the lease: a late answer must not end somebody else's try.
with mine as (
    select d.id, r.state, r.next_at
    from webhook.deliveries d
    join unnest(%(ids)s::uuid[], %(leases)s::uuid[], %(states)s::text[], %(next_ats)s::timestamptz[])
             as r (id, lease, state, next_at) on d.id = r.id and d.lease = r.lease
    where d.state = 'sending' order by d.id for update of d
)
update webhook.deliveries d
set state = mine.state, next_at = mine.next_at, lease = null, lease_until = null,
    ended_at = case when mine.state = 'waiting' then null else %(now)s::timestamptz end
from mine where d.id = mine.id;

-- name: record_tries
-- Every try is kept, even one whose lease had run out.
insert into webhook.tries (id, delivery_id, at, status, error, duration_ms)
select * from unnest(%(ids)s::uuid[], %(deliveries)s::uuid[], %(ats)s::timestamptz[], %(statuses)s::smallint[],
                     %(errors)s::text[], %(durations)s::int[]);

-- name: list_deliveries
-- The delivery log, newest first, behind a key.
select id, fact_id, event, state, attempts, next_at, created_at, ended_at
from webhook.deliveries
where endpoint_id = %(endpoint_id)s and (%(state)s::text is null or state = %(state)s)
  and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: read_delivery
-- One line of the log, as it is after it was asked for again.
select id, fact_id, event, state, attempts, next_at, created_at, ended_at
from webhook.deliveries where id = %(id)s and endpoint_id = %(endpoint_id)s;

-- name: tries_of
-- The last tries of each delivery on a page.
select t.delivery_id, t.at, t.status, t.error, t.duration_ms
from unnest(%(deliveries)s::uuid[]) as d (id)
cross join lateral (select * from webhook.tries where delivery_id = d.id order by id desc limit %(each)s) t
order by t.delivery_id, t.id;

-- name: about_order
-- For the order's timeline: who was told, and whether it arrived.
select t.at, e.holder_kind, coalesce(d.url, e.url) as url, d.event, t.status, t.error, t.duration_ms
from webhook.deliveries d
join webhook.endpoints e on e.id = d.endpoint_id
join webhook.tries t on t.delivery_id = d.id
where d.order_id = %(order_id)s order by t.id limit %(most)s;

-- name: forget
-- Old deliveries and their tries, a chunk at a time. Ids begin with their time, so the oldest are the first.
with old as (
    select id from webhook.deliveries
    where id < %(floor)s and state in ('delivered', 'failed') order by id limit %(most)s for update skip locked
), gone as (
    delete from webhook.tries where delivery_id in (select id from old)
)
delete from webhook.deliveries where id in (select id from old);
