-- name: make_source
-- One per partner; a second one inserts nothing.
insert into usage.sources (id, partner_id, protocol, base_url, key, interval_s, fresh_s, due_at, created_at)
values (%(id)s, %(partner)s, %(protocol)s, %(base_url)s, %(key)s, %(interval_s)s, %(fresh_s)s, %(due)s, %(now)s)
on conflict (partner_id) do nothing
returning id;

-- name: change_source
-- What is null stays as it is.
update usage.sources
set base_url = coalesce(%(base_url)s, base_url), key = coalesce(%(key)s, key),
    interval_s = coalesce(%(interval_s)s, interval_s), fresh_s = coalesce(%(fresh_s)s, fresh_s),
    state = coalesce(%(state)s, state)
where id = %(id)s;

-- name: find_source
-- One source; `busy` while a worker reads it.
select id, partner_id, protocol, base_url, interval_s, fresh_s, state, cursor, due_at,
    lease is not null and lease_until > %(wall)s as busy, started_at, drained_at, pages, rights, compared, failures,
    problem, created_at
from usage.sources where id = %(id)s;

-- name: source_of
-- A partner's source.
select id from usage.sources where partner_id = %(partner)s;

-- name: list_sources
-- Newest first; the search looks in addresses and protocols.
select id, partner_id, protocol, base_url, interval_s, fresh_s, state, cursor, due_at,
    lease is not null and lease_until > %(wall)s as busy, started_at, drained_at, pages, rights, compared, failures,
    problem, created_at
from usage.sources
where (%(search)s::text is null or position(lower(%(search)s) in lower(coalesce(base_url, '') || ' ' || protocol)) > 0)
    and (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: poll_soon
-- On demand: due now, whatever its interval says.
update usage.sources set due_at = %(now)s, failures = 0 where id = %(id)s and state = 'on' and protocol <> 'push';

-- name: read_again
-- From the beginning of their list: every right of theirs is seen once more. Whoever reads it just now will set the cursor
-- again; then the next reader begins anew.
update usage.sources set cursor = null, again = lease is not null where id = %(id)s;

-- name: claim_due
-- Sources whose time has come; the lease keeps other workers away while this one reads.
update usage.sources s
set lease = %(lease)s, lease_until = %(until)s, started_at = %(now)s, again = false,
    cursor = case when s.again then null else s.cursor end
from (
    select id from usage.sources
    where state = 'on' and protocol <> 'push' and due_at <= %(now)s and (lease is null or lease_until <= %(wall)s)
    order by due_at
    limit %(most)s
    for update skip locked
) due
where s.id = due.id
returning s.id, s.partner_id, s.protocol, s.base_url, s.key, s.cursor, s.fresh_s, s.interval_s, s.failures, s.lease;

-- name: for_asking
-- A source that can be asked about single rights, without a lease.
select id, partner_id, protocol, base_url, key, cursor, fresh_s, interval_s, failures, id as lease
from usage.sources where partner_id = %(partner)s and state = 'on' and protocol <> 'push';

-- name: advance
-- A page was taken in: the cursor moves with it, in the same transaction, and the lease is renewed. No row: the lease
-- was lost, and another worker goes on from the old cursor.
update usage.sources
set cursor = coalesce(%(cursor)s, cursor), pages = pages + 1, rights = rights + %(rights)s, lease_until = %(until)s,
    problem = null, failures = 0
where id = %(id)s and lease = %(lease)s;

-- name: finish
-- Read to the end, or given up for now; due again at its time.
update usage.sources
set lease = null, lease_until = null,
    due_at = case when again then %(now)s::timestamptz else %(due)s::timestamptz end,
    drained_at = coalesce(%(drained)s, drained_at), compared = compared + %(compared)s, problem = %(problem)s, failures = %(failures)s
where id = %(id)s and lease = %(lease)s;

-- name: unread
-- Sources that were not read to their end for longer than their promise, although they failed again and again: what we
-- believe of those rights is old.
select partner_id, coalesce(drained_at, created_at) as since, coalesce(problem, '') as problem from usage.sources
where state = 'on' and protocol <> 'push' and failures >= %(failures)s
    and coalesce(drained_at, created_at) <= %(now)s::timestamptz - make_interval(secs => fresh_s);

-- name: promises
-- How fresh these partners' words are to be; partners without a source that is on promise nothing.
select partner_id, fresh_s, drained_at from usage.sources
where partner_id = any(%(partners)s::uuid[]) and state = 'on';

-- name: put_policy
-- One row per partner and benefit (empty: all of them).
insert into usage.policies (id, partner_id, benefit, activated, used, expired, cancelled)
values (%(id)s, %(partner)s, %(benefit)s, %(activated)s, %(used)s, %(expired)s, %(cancelled)s)
on conflict (partner_id, benefit) do update
set activated = excluded.activated, used = excluded.used, expired = excluded.expired, cancelled = excluded.cancelled
returning id;

-- name: list_policies
-- Newest first; the search looks in the benefit's code.
select id, partner_id, benefit, activated, used, expired, cancelled from usage.policies
where (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(search)s::text is null or position(lower(%(search)s) in lower(benefit)) > 0)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: polled_partners
-- Those of these partners whose lists we read.
select partner_id from usage.sources
where partner_id = any(%(partners)s::uuid[]) and state = 'on' and protocol <> 'push';
