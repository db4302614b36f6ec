-- name: lock_open
-- The open drifts of rights that were compared just now.
select id, entitlement_id, kind from usage.drifts
where entitlement_id = any(%(ids)s::uuid[]) and state = 'open'
order by id
for update;

-- name: note
-- A drift is listed once while it is open; one that a person accepted comes back only when they say something else.
insert into usage.drifts (id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, mark, origin,
    found_at, seen_at, state, how, by, settled_at)
select n.id, n.partner_id, n.entitlement_id, n.reference, n.benefit, n.kind, n.ours, n.theirs, n.theirs, n.origin,
    %(now)s::timestamptz, %(now)s, n.state, n.how, n.by, case when n.state = 'open' then null else %(now)s end
from unnest(%(ids)s::uuid[], %(partners)s::uuid[], %(entitlements)s::uuid[], %(references)s::text[],
            %(benefits)s::text[], %(kinds)s::text[], %(ours)s::text[], %(theirs)s::text[], %(origins)s::text[],
            %(states)s::text[], %(hows)s::text[], %(bys)s::text[])
    as n (id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, state, how, by)
where n.state <> 'open' or not exists (
    select from usage.drifts d
    where d.state = 'accepted' and d.kind = n.kind and d.mark = n.theirs
        and (d.entitlement_id = n.entitlement_id
             or (n.entitlement_id is null and d.entitlement_id is null and d.partner_id = n.partner_id
                 and d.reference = n.reference)))
on conflict do nothing
returning id;

-- name: see_again
-- Still there; what is said on both sides is kept up to date.
update usage.drifts d set ours = n.ours, theirs = n.theirs, mark = n.theirs, seen_at = %(now)s
from unnest(%(ids)s::uuid[], %(ours)s::text[], %(theirs)s::text[]) as n (id, ours, theirs)
where d.id = n.id and d.state = 'open';

-- name: see_strangers_again
-- A number that we do not know was named again.
update usage.drifts d set theirs = n.theirs, mark = n.theirs, seen_at = %(now)s
from unnest(%(references)s::text[], %(theirs)s::text[]) as n (reference, theirs)
where d.partner_id = %(partner)s and d.reference = n.reference and d.entitlement_id is null and d.state = 'open';

-- name: explain
-- Numbers that we did not know name rights of ours now.
update usage.drifts d
set state = 'repaired', how = 'agreed', by = %(by)s, settled_at = %(now)s, entitlement_id = n.entitlement_id
from unnest(%(references)s::text[], %(entitlements)s::uuid[]) as n (reference, entitlement_id)
where d.partner_id = %(partner)s and d.reference = n.reference and d.entitlement_id is null and d.state = 'open'
returning d.id;

-- name: close
-- What no longer differs is repaired; it stays listed with its repair.
update usage.drifts d set state = n.state, how = n.how, by = n.by, settled_at = %(now)s
from unnest(%(ids)s::uuid[], %(states)s::text[], %(hows)s::text[], %(bys)s::text[]) as n (id, state, how, by)
where d.id = n.id and d.state = 'open';

-- name: settle
-- A person's word about one drift; a linked one also gets its right.
update usage.drifts
set state = %(state)s, how = %(how)s, by = %(by)s, note = %(note)s, settled_at = %(now)s,
    entitlement_id = coalesce(entitlement_id, %(entitlement)s)
where id = %(id)s and (state = 'open' or (state = 'repaired' and by = %(by)s and settled_at = %(now)s))
returning id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, found_at, seen_at, state, how,
    by, note, settled_at;

-- name: remark
-- A note on a drift that stays open.
update usage.drifts set note = %(note)s where id = %(id)s and state = 'open';

-- name: find_drift
-- One drift.
select id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, found_at, seen_at, state, how,
    by, note, settled_at
from usage.drifts where id = %(id)s;

-- name: lock_drift
-- Two people who settle one drift: the second one sees it settled.
select id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, found_at, seen_at, state, how,
    by, note, settled_at
from usage.drifts where id = %(id)s for update;

-- name: drifts_by_id
-- What was just noted or closed, for the facts about it.
select id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, found_at, seen_at, state, how,
    by, note, settled_at
from usage.drifts where id = any(%(ids)s::uuid[]) order by id;

-- name: list_drifts
-- Newest first; the search looks in the partner's number and the benefit's code.
select id, partner_id, entitlement_id, reference, benefit, kind, ours, theirs, origin, found_at, seen_at, state, how,
    by, note, settled_at
from usage.drifts
where (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(entitlement)s::uuid is null or entitlement_id = %(entitlement)s)
    and (%(kind)s::text is null or kind = %(kind)s) and (%(state)s::text is null or state = %(state)s)
    and (%(search)s::text is null or position(lower(%(search)s) in lower(reference || ' ' || benefit)) > 0)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: count_open
-- What a decision for all of them would be about. Ids are ordered by their text as by themselves.
select count(*)::integer as count, max(id::text collate "C")::uuid as newest from usage.drifts
where state = 'open' and (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(kind)s::text is null or kind = %(kind)s)
    and (%(search)s::text is null or position(lower(%(search)s) in lower(reference || ' ' || benefit)) > 0)
    and (%(until)s::uuid is null or id <= %(until)s);

-- name: open_ids
-- Those of them that are decided in one go, oldest first; each is locked by its own decision.
select id from usage.drifts
where state = 'open' and (%(partner)s::uuid is null or partner_id = %(partner)s)
    and (%(kind)s::text is null or kind = %(kind)s)
    and (%(search)s::text is null or position(lower(%(search)s) in lower(reference || ' ' || benefit)) > 0)
    and id <= %(until)s
order by id
limit %(most)s;

-- name: open_drifts
-- How many are open, by partner: those who look after a partner are warned.
select partner_id, count(*) as count from usage.drifts where state = 'open' group by partner_id;

-- name: count_drifts
-- How many of each kind and state.
select partner_id, kind, state, count(*) as count from usage.drifts
where (%(partner)s::uuid is null or partner_id = %(partner)s)
group by partner_id, kind, state
order by partner_id, kind, state;
