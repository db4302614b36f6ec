-- name: claim_request
-- The partner's own number is taken by the first who asks; a second one waits for him here and then sees it taken.
insert into redemption.requests (partner_id, request_no, redemption_id, fingerprint)
values (%(partner)s, %(request_no)s, %(id)s, %(fingerprint)s)
on conflict do nothing;

-- name: known_request
-- What was asked under this number before.
select redemption_id, fingerprint from redemption.requests
where partner_id = %(partner)s and request_no = %(request_no)s;

-- name: burn
-- Two tills that scan the same picture in the same second: the second one waits here, and then gets no row.
insert into redemption.burned (lane, entitlement_id, step) values (%(lane)s, %(entitlement)s, %(step)s)
on conflict do nothing;

-- name: forget_burned
-- Steps so old that their codes are stale need not be remembered.
delete from redemption.burned where step < %(step)s;

-- name: insert
-- A redemption is prepared.
insert into redemption.redemptions (lane, id, entitlement_id, order_id, item_id, partner_id, channel_id, buyer, benefit,
    title, till, request_no, units, state, prepared_at, expires_at, currency)
values (%(lane)s, %(id)s, %(entitlement)s, %(order)s, %(item)s, %(partner)s, %(channel)s, %(buyer)s, %(benefit)s,
    %(title)s, %(till)s, %(request_no)s, %(units)s, 'prepared', %(now)s, %(expires_at)s, %(currency)s);

-- name: find
-- One redemption by its id.
select * from redemption.redemptions where lane = %(lane)s and id = %(id)s;

-- name: lock
-- A till's word and the periodic job meet here; the voucher's row is locked after this one.
select * from redemption.redemptions where lane = %(lane)s and id = %(id)s for update;

-- name: lock_expired
-- Prepared and past their time, oldest first; a till that is confirming right now keeps its own.
select * from redemption.redemptions
where state = 'prepared' and expires_at <= %(now)s
order by expires_at
limit %(most)s
for update skip locked;

-- name: save
-- A compare-and-set of many: state and amounts follow from what was read under the lock.
update redemption.redemptions r
set state = n.state, units = n.units, redeemed_at = n.redeemed_at, ended_at = n.ended_at, share_minor = n.share_minor,
    cost_minor = n.cost_minor
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(was_states)s::text[], %(states)s::text[],
            %(units)s::integer[], %(redeemed)s::timestamptz[], %(ended)s::timestamptz[], %(share_minors)s::bigint[],
            %(cost_minors)s::bigint[])
    as n (lane, id, was_state, state, units, redeemed_at, ended_at, share_minor, cost_minor)
where r.lane = n.lane and r.id = n.id and r.state = n.was_state;

-- name: taken
-- What the redeemed units of these vouchers have earned and cost. The caller holds the vouchers' rows.
select entitlement_id, sum(units)::bigint as units, sum(share_minor)::bigint as share_minor,
    sum(cost_minor)::bigint as cost_minor
from redemption.redemptions
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(entitlements)s::uuid[]))
    and state = 'redeemed'
group by entitlement_id;

-- name: list
-- A partner's redemptions, newest first.
select * from redemption.redemptions
where partner_id = %(partner)s and (%(state)s::text is null or state = %(state)s)
    and (%(since)s::timestamptz is null or prepared_at >= %(since)s) and (%(till)s::text is null or till = %(till)s)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(most)s;

-- name: note_refusal
-- A refused attempt is evidence: kept in its own transaction, whatever the attempt itself rolled back.
insert into redemption.refusals (id, partner_id, verb, till, request_no, entitlement_id, redemption_id, reason, at)
values (%(id)s, %(partner)s, %(verb)s, %(till)s, %(request_no)s, %(entitlement)s, %(redemption)s, %(reason)s, %(now)s);

-- name: insert_redeemed
-- Uses that a partner reported after the fact.
insert into redemption.redemptions (lane, id, entitlement_id, order_id, item_id, partner_id, channel_id, buyer, benefit,
    title, till, request_no, units, state, prepared_at, expires_at, redeemed_at, share_minor, cost_minor, currency)
select lane, id, entitlement_id, order_id, item_id, partner_id, channel_id, buyer, benefit, title, till, request_no,
    units, 'redeemed', at, at, at, share_minor, cost_minor, currency
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(entitlements)s::uuid[], %(orders)s::uuid[], %(items)s::uuid[],
            %(partners)s::uuid[], %(channels)s::uuid[], %(buyers)s::text[], %(benefits)s::text[], %(titles)s::text[],
            %(tills)s::text[], %(requests)s::text[], %(units)s::integer[], %(ats)s::timestamptz[],
            %(shares)s::bigint[], %(costs)s::bigint[], %(currencies)s::text[])
    as n (lane, id, entitlement_id, order_id, item_id, partner_id, channel_id, buyer, benefit, title, till, request_no,
          units, at, share_minor, cost_minor, currency);

-- name: lock_unconfirmed
-- A report of use may be the confirm that never came; the till's own late confirm waits here, and is then said before.
select * from redemption.redemptions
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(entitlements)s::uuid[]))
    and state = 'expired' and expires_at > %(since)s
order by lane, id
for update;

-- name: reported_units
-- What was reported of a voucher since a till prepared: its late confirm may speak of the same goods.
select coalesce(sum(units), 0)::integer as units from redemption.redemptions
where lane = %(lane)s and entitlement_id = %(entitlement)s and state = 'redeemed' and till = %(till)s
    and redeemed_at >= %(since)s;

-- name: reversed_units
-- Units that were used and given back: a report may speak of them.
select entitlement_id, sum(units)::integer as units from redemption.redemptions
where (lane, entitlement_id) in (select * from unnest(%(lanes)s::smallint[], %(entitlements)s::uuid[]))
    and state = 'reversed'
group by entitlement_id;
