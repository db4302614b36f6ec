-- name: claim_events
-- An event's number is taken by whoever reports it first; a second one waits here and then sees it taken.
insert into usage.events (partner_id, event_id, fingerprint, report_id)
select * from unnest(%(partners)s::uuid[], %(events)s::text[], %(fingerprints)s::bytea[], %(reports)s::uuid[])
on conflict do nothing
returning report_id;

-- name: known_events
-- What was reported under these numbers before.
select e.partner_id, e.event_id, e.fingerprint from usage.events e
join unnest(%(partners)s::uuid[], %(events)s::text[]) as n (partner_id, event_id)
    on e.partner_id = n.partner_id and e.event_id = n.event_id;

-- name: keep_reports
-- Every report as it came, whatever became of it.
insert into usage.reports (id, partner_id, event_id, origin, entitlement_id, reference, kind, at, units, raw, verdict,
    code, received_at)
select r.*, %(now)s from unnest(%(ids)s::uuid[], %(partners)s::uuid[], %(events)s::text[], %(origins)s::text[],
    %(entitlements)s::uuid[], %(references)s::text[], %(kinds)s::text[], %(ats)s::timestamptz[], %(units)s::integer[],
    %(raws)s::jsonb[], %(verdicts)s::text[], %(codes)s::text[]) as r;

-- name: list_reports
-- Reports, newest first; the search knows event numbers and the partner's names of rights.
select id, partner_id, event_id, origin, entitlement_id, reference, kind, at, units, raw, verdict, code, received_at
from usage.reports
where (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(entitlement)s::uuid is null or entitlement_id = %(entitlement)s)
    and (%(verdict)s::text is null or verdict = %(verdict)s)
    and (%(search)s::text is null or event_id = %(search)s or reference = %(search)s
         or split_part(reference, ':', 2) = %(search)s)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: forget_reports
-- Old reports, a chunk at a time; ids begin with their time. Their numbers (events) stay for ever, like order numbers:
-- a report that comes again after years is still a repetition.
delete from usage.reports where id in (select id from usage.reports where id < %(floor)s order by id limit %(most)s);

-- name: expect
-- From now on this right's partner is expected to know it; what it tells is folded in here.
insert into usage.beliefs (lane, entitlement_id, partner_id, asked_at)
select *, %(now)s from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(partners)s::uuid[])
on conflict do nothing;

-- name: lock_beliefs
-- Two reports about one right wait for each other here, before anything else of it is locked.
select entitlement_id, partner_id, state, state_at, units, total, seen_at, alive_at, begun_at, used_at, expired_at,
    cancelled_at, ended_seen_at, missing_at, began, followed, settled, heard_at
from usage.beliefs
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]))
order by lane, entitlement_id
for update;

-- name: save_beliefs
-- `closed`: our right is over, and they agree or have never told anything: nobody asks about it any more.
update usage.beliefs b
set state = n.state, state_at = n.state_at, units = n.units, total = n.total, seen_at = n.seen_at,
    alive_at = n.alive_at, begun_at = n.begun_at, used_at = n.used_at, expired_at = n.expired_at,
    cancelled_at = n.cancelled_at, ended_seen_at = n.ended_seen_at, missing_at = n.missing_at, began = n.began,
    followed = n.followed, settled = n.settled, heard_at = n.heard_at, closed = n.closed
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(states)s::text[], %(state_ats)s::timestamptz[],
            %(units)s::bigint[], %(totals)s::bigint[], %(seens)s::timestamptz[], %(alives)s::timestamptz[],
            %(begins)s::timestamptz[], %(uses)s::timestamptz[], %(expireds)s::timestamptz[],
            %(cancelleds)s::timestamptz[], %(ended_seens)s::timestamptz[], %(missings)s::timestamptz[],
            %(begans)s::boolean[], %(followeds)s::text[], %(settleds)s::boolean[], %(heards)s::timestamptz[],
            %(closeds)s::boolean[])
    as n (lane, id, state, state_at, units, total, seen_at, alive_at, begun_at, used_at, expired_at, cancelled_at,
          ended_seen_at, missing_at, began, followed, settled, heard_at, closed)
where b.lane = n.lane and b.entitlement_id = n.id;

-- name: told_of
-- Those of these rights about which anything was told, or asked in vain: only they can differ.
select entitlement_id, partner_id from usage.beliefs
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]))
    and (heard_at is not null or missing_at is not null);

-- name: silent
-- Rights of a partner that were neither named nor asked about for longer than its promise, longest first.
select entitlement_id from usage.beliefs
where partner_id = %(partner)s and not closed and asked_at <= %(since)s and (heard_at is null or heard_at <= %(since)s)
order by asked_at
limit %(most)s;

-- name: asked
-- Only an answer counts: what could not be asked is asked again with the next try. Locked as reports lock them.
update usage.beliefs b set asked_at = %(now)s
from (
    select lane, entitlement_id from usage.beliefs
    where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]))
    order by lane, entitlement_id
    for update
) a
where b.lane = a.lane and b.entitlement_id = a.entitlement_id;

-- name: policies
-- A partner's rules, for all its benefits and for single ones.
select partner_id, benefit, activated, used, expired, cancelled from usage.policies
where partner_id = any(%(partners)s::uuid[]);

-- name: links
-- What people said about numbers that we did not know.
select reference, entitlement_id from usage.links
where partner_id = %(partner)s and reference = any(%(references)s::text[]);

-- name: link
-- The same number may be said to mean another right later: the last word counts.
insert into usage.links (partner_id, reference, entitlement_id)
values (%(partner)s, %(reference)s, %(entitlement)s)
on conflict (partner_id, reference) do update set entitlement_id = excluded.entitlement_id;

-- name: refused_under
-- What was said under a number before anybody knew which right it means.
select distinct on (event_id) event_id, kind, at, units, raw from usage.reports
where partner_id = %(partner)s and reference = %(reference)s and verdict = 'refused' and origin = 'pushed'
    and code = 'entitlement.not_found' and kind is not null and at is not null
order by event_id, id desc;
