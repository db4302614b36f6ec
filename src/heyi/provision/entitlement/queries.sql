-- name: grant
-- Rights and their first terms in one statement: the order path pays for every round trip. A first term has its
-- right's own id; making another one cost a third of the whole grant.
with granted as materialized (
    select * from unnest(
        %(lanes)s::smallint[], %(ids)s::uuid[], %(channels)s::uuid[], %(buyers)s::text[], %(orders)s::uuid[],
        %(items)s::uuid[], %(components)s::text[], %(benefit_ids)s::uuid[], %(benefits)s::text[], %(titles)s::text[],
        %(kinds)s::text[], %(partners)s::uuid[], %(states)s::text[], %(units)s::integer[], %(froms)s::timestamptz[],
        %(tos)s::timestamptz[], %(properties)s::jsonb[], %(activated)s::timestamptz[])
        as g (lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit, title, kind, partner_id,
              state, units, valid_from, valid_to, properties, activated_at)
), terms as (
    insert into entitlement.terms (lane, id, entitlement_id, item_id, starts_at, ends_at, units)
    select lane, id, id, item_id, valid_from, valid_to, units from granted
)
insert into entitlement.entitlements (lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit,
    title, kind, partner_id, state, units_total, units_left, valid_from, valid_to, properties, created_at, activated_at)
select lane, id, channel_id, buyer, order_id, item_id, component, benefit_id, benefit, title, kind, partner_id, state,
    units, units, valid_from, valid_to, properties, %(now)s, activated_at
from granted;

-- name: lock
-- Whoever changes a right holds its row: two tills that scan the same voucher wait for each other here.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where (lane, id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]))
order by lane, id
for update;

-- name: lock_expired
-- Rights past their end, oldest first; what another process is ending, or a till is using, is left to it.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where state in ('pending_activation', 'active') and valid_to <= %(now)s and units_reserved = 0
    and not exists (
        select from entitlement.holds h
        where h.lane = entitlements.lane and h.entitlement_id = entitlements.id and h.reason = 'pause'
            and h.ended_at is null)
order by valid_to
limit %(most)s
for update skip locked;

-- name: holds
-- Asked after the rows are locked, so that a hold committed while we waited is seen.
select entitlement_id, reason from entitlement.holds
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]))
    and (until is null or until > %(now)s)
order by since, reason;

-- name: insert_hold
-- Why, since when, until when (null: until it is lifted) and who.
insert into entitlement.holds (lane, id, entitlement_id, reason, since, until, by)
values (%(lane)s, %(id)s, %(entitlement)s, %(reason)s, %(now)s, %(until)s, %(by)s);

-- name: end_hold
-- A lifted hold stays as a row that has ended: when a right was frozen, and by whom, is asked later.
update entitlement.holds set until = %(now)s, ended_at = %(now)s
where lane = %(lane)s and entitlement_id = %(entitlement)s and reason = %(reason)s
    and (until is null or until > %(now)s)
returning since;

-- name: holds_running_out
-- Holds that are over by themselves, the oldest first, before what they held is locked.
select h.lane, h.id, h.entitlement_id, e.item_id, e.order_id
from entitlement.holds h join entitlement.entitlements e on e.lane = h.lane and e.id = h.entitlement_id
where h.ended_at is null and h.until <= %(now)s
order by h.until
limit %(most)s;

-- name: end_run_out
-- Those of them that nobody has ended meanwhile.
update entitlement.holds h set ended_at = %(now)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) as r (lane, id)
where h.lane = r.lane and h.id = r.id and h.ended_at is null
returning h.entitlement_id, h.reason, h.since, h.until;

-- name: find
-- One right by its id, without a lock.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements where lane = %(lane)s and id = %(id)s;

-- name: list_by_buyer
-- A buyer's wallet, newest first.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where lane = %(lane)s and channel_id = %(channel)s and buyer = %(buyer)s
    and (%(state)s::text is null or state = %(state)s) and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: list_by_order
-- All rights of one order.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where lane = %(lane)s and order_id = %(order)s
order by id;

-- name: lock_by_orders
-- All rights of some orders, locked: what a flow decides by is not changed under it, and whoever changes it afterwards
-- finds the flow where it stands then.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where (lane, order_id) in (select * from unnest(%(lanes)s::smallint[], %(orders)s::uuid[]))
order by lane, id
for update;

-- name: choose
-- What was left open is chosen: the right is one to this benefit from now on, and keeps its place and its share.
with chosen as materialized (
    select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(components)s::text[], %(benefit_ids)s::uuid[],
        %(benefits)s::text[], %(titles)s::text[], %(kinds)s::text[], %(partners)s::uuid[], %(units)s::integer[],
        %(properties)s::jsonb[])
        as c (lane, id, component, benefit_id, benefit, title, kind, partner_id, units, properties)
), terms as (
    update entitlement.terms t set units = c.units from chosen c where t.lane = c.lane and t.entitlement_id = c.id
)
update entitlement.entitlements e
set component = c.component, benefit_id = c.benefit_id, benefit = c.benefit, title = c.title, kind = c.kind,
    partner_id = c.partner_id, units_total = c.units, units_left = c.units, properties = c.properties
from chosen c where e.lane = c.lane and e.id = c.id and e.kind = 'choice';

-- name: save
-- A compare-and-set: state and units must be what was decided upon. The first term follows the right's window.
with next as materialized (
    select * from unnest(
        %(lanes)s::smallint[], %(ids)s::uuid[], %(was_states)s::text[], %(was_lefts)s::integer[],
        %(was_reserveds)s::integer[], %(states)s::text[], %(whys)s::text[], %(lefts)s::integer[],
        %(reserveds)s::integer[], %(froms)s::timestamptz[], %(tos)s::timestamptz[], %(properties)s::jsonb[],
        %(activated)s::timestamptz[], %(ended)s::timestamptz[], %(items)s::uuid[])
        as n (lane, id, was_state, was_left, was_reserved, state, ended_why, units_left, units_reserved, valid_from,
              valid_to, properties, activated_at, ended_at, item_id)
), terms as (
    update entitlement.terms t set starts_at = n.valid_from, ends_at = n.valid_to from next n
    where t.lane = n.lane and t.entitlement_id = n.id and t.item_id = n.item_id
        and (t.starts_at, t.ends_at) is distinct from (n.valid_from, n.valid_to)
)
update entitlement.entitlements e
set state = n.state, ended_why = n.ended_why, units_left = n.units_left, units_reserved = n.units_reserved,
    valid_from = n.valid_from, valid_to = n.valid_to, properties = n.properties, activated_at = n.activated_at,
    ended_at = n.ended_at
from next n
where e.lane = n.lane and e.id = n.id and e.state = n.was_state and e.units_left = n.was_left
    and e.units_reserved = n.was_reserved;

-- name: look
-- Whose rights these are, before anything of them is locked.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where (lane, id) in (select * from unnest(%(lanes)s::smallint[], %(ids)s::uuid[]));

-- name: of_partner
-- A partner's live rights, once, when its word begins to be expected; it walks the primary key, a piece at a time.
select id, channel_id, buyer, order_id, item_id, component, benefit, title, kind, partner_id, state, ended_why,
    units_total, units_left, units_reserved, valid_from, valid_to, properties, provider_state, provider_heard_at,
    created_at, activated_at, ended_at
from entitlement.entitlements
where (lane, id) > (%(lane)s, %(id)s) and partner_id = %(partner)s and state in ('pending_activation', 'active')
order by lane, id
limit %(most)s;

-- name: hear
-- No index knows these columns, so a partner's word is a cheap update.
update entitlement.entitlements e set provider_state = n.state, provider_heard_at = n.heard_at
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(states)s::text[], %(ats)s::timestamptz[])
    as n (lane, id, state, heard_at)
where e.lane = n.lane and e.id = n.id
    and (e.provider_state, e.provider_heard_at) is distinct from (n.state, n.heard_at);
