-- name: claim_numbers
-- The order number is the channel's idempotency key, for ever. An order of another transaction that is still under way
-- makes us wait here until it commits (then the number is known) or rolls back (then it is ours).
insert into checkout.numbers (channel_id, number, order_id, fingerprint)
select * from unnest(%(channels)s::uuid[], %(numbers)s::text[], %(orders)s::uuid[], %(fingerprints)s::bytea[])
on conflict do nothing returning channel_id, number;

-- name: known_numbers
-- What was claimed before, with the fingerprint of the question it was claimed with.
select n.channel_id, n.number, n.order_id, n.fingerprint from checkout.numbers n
join unnest(%(channels)s::uuid[], %(numbers)s::text[]) a (channel_id, number)
  on a.channel_id = n.channel_id and a.number = n.number;

-- name: order_of_number
-- The order that has a channel's number, by the table that holds numbers for ever.
select order_id from checkout.numbers where channel_id = %(channel)s and number = %(number)s;

-- name: free_numbers
-- A refused order does not keep its number: the channel may try again with it.
delete from checkout.numbers n using unnest(%(channels)s::uuid[], %(numbers)s::text[]) a (channel_id, number)
where n.channel_id = a.channel_id and n.number = a.number;

-- name: insert_orders
-- Paid from the deposit in the same transaction, so an order is born paid.
insert into checkout.orders (lane, id, channel_id, number, buyer, bundle_id, bundle, bundle_version, quantity,
    amount_minor, currency, payment, fulfilment, items_total, items_delivered, items_ended, personal, metadata,
    created_at, paid_at)
select lane, id, channel_id, number, buyer, bundle_id, bundle, bundle_version, quantity, amount_minor, currency,
       'paid', fulfilment, total, delivered, delivered, personal, metadata, %(now)s, %(now)s
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(channels)s::uuid[], %(numbers)s::text[], %(buyers)s::text[],
            %(bundle_ids)s::uuid[], %(bundles)s::text[], %(versions)s::integer[], %(quantities)s::integer[],
            %(amounts)s::bigint[], %(currencies)s::text[], %(fulfilments)s::text[], %(totals)s::integer[],
            %(delivered)s::integer[], %(personal)s::jsonb[], %(metadata)s::jsonb[])
    o (lane, id, channel_id, number, buyer, bundle_id, bundle, bundle_version, quantity, amount_minor, currency,
       fulfilment, total, delivered, personal, metadata);

-- name: insert_items
-- One row per component unit or slot, with a copy of the terms it was sold with.
insert into checkout.items (lane, id, order_id, place, component, role, benefit_id, benefit, kind, share_minor,
    currency, state, due_at, entitlement_id, terms, delivered_at)
select lane, id, order_id, place, component, role, benefit_id, benefit, kind, share_minor, currency, state, due_at,
       entitlement_id, terms, case when state = 'delivered' then %(now)s::timestamptz end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(orders)s::uuid[], %(places)s::smallint[], %(components)s::text[],
            %(roles)s::text[], %(benefit_ids)s::uuid[], %(benefits)s::text[], %(kinds)s::text[], %(shares)s::bigint[],
            %(currencies)s::text[], %(states)s::text[], %(dues)s::timestamptz[], %(entitlements)s::uuid[],
            %(terms)s::jsonb[])
    i (lane, id, order_id, place, component, role, benefit_id, benefit, kind, share_minor, currency, state, due_at,
       entitlement_id, terms);

-- name: read_orders
-- By id; the lane is named so that one shard answers.
select o.* from checkout.orders o
join unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) a (lane, id) on a.lane = o.lane and a.id = o.id;

-- name: read_items
-- All items of these orders, in place.
select i.* from checkout.items i
join unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) a (lane, order_id) on a.lane = i.lane and a.order_id = i.order_id
order by i.order_id, i.place;

-- name: read_accounts
-- What the buyer gave with the order. It is his own, so it is no part of an order as everybody reads it.
select personal -> 'accounts' as accounts from checkout.orders where lane = %(lane)s and id = %(id)s;

-- name: lock_orders
-- Orders are locked in id order before their items and counters move, so that two recorders never wait in a ring.
select o.* from checkout.orders o
join unnest(%(lanes)s::smallint[], %(ids)s::uuid[]) a (lane, id) on a.lane = o.lane and a.id = o.id
order by o.id for update of o;

-- name: move_items
-- Compare-and-set: an item moves only from one of the states that its move allows.
update checkout.items i
set state = m.state, problem = m.problem, due_at = m.due_at,
    delivered_at = case when m.state = 'delivered' then %(now)s::timestamptz else i.delivered_at end
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(befores)s::text[], %(states)s::text[], %(problems)s::text[],
            %(dues)s::timestamptz[]) m (lane, id, before, state, problem, due_at)
where i.lane = m.lane and i.id = m.id and i.state = m.before
returning i.id;

-- name: choose_items
-- What was left open is chosen: the item gets its benefit and the terms it has now, and keeps its share.
update checkout.items i
set component = c.component, benefit_id = c.benefit_id, benefit = c.benefit, kind = c.kind, terms = c.terms
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(components)s::text[], %(benefit_ids)s::uuid[],
            %(benefits)s::text[], %(kinds)s::text[], %(terms)s::jsonb[])
    c (lane, id, component, benefit_id, benefit, kind, terms)
where i.lane = c.lane and i.id = c.id and i.kind = 'choice';

-- name: count_orders
-- The counters and the fulfilment axis, as the items of the locked orders are now.
update checkout.orders o
set items_delivered = c.delivered, items_ended = c.ended, fulfilment = c.fulfilment
from unnest(%(lanes)s::smallint[], %(ids)s::uuid[], %(delivered)s::integer[], %(ended)s::integer[],
            %(fulfilments)s::text[]) c (lane, id, delivered, ended, fulfilment)
where o.lane = c.lane and o.id = c.id;

-- name: list_orders
-- A channel's orders, newest first by keyset (ids are in time order); every filter is optional.
select o.* from checkout.orders o
where o.channel_id = %(channel)s
  and (%(before)s::uuid is null or o.id < %(before)s::uuid)
  and (%(number)s::text is null or o.number = %(number)s)
  and (%(buyer)s::text is null or (o.buyer = %(buyer)s and o.lane = %(lane)s))
  and (%(state)s::text is null or o.fulfilment = %(state)s)
  and (%(since)s::timestamptz is null or o.created_at >= %(since)s)
order by o.id desc limit %(limit)s;

-- name: list_all_orders
-- The operators' list: every channel's orders, newest first.
select o.* from checkout.orders o
where (%(before)s::uuid is null or o.id < %(before)s::uuid)
  and (%(channel)s::uuid is null or o.channel_id = %(channel)s)
  and (%(number)s::text is null or o.number = %(number)s)
  and (%(since)s::timestamptz is null or o.created_at >= %(since)s)
  and (%(state)s::text is null or o.fulfilment = %(state)s)
order by o.id desc limit %(limit)s;

-- name: drifted_orders
-- Must answer nothing: counters that do not match the items. The repair reads this and counts again.
select o.lane, o.id from checkout.orders o join checkout.items i on i.lane = o.lane and i.order_id = o.id
group by o.lane, o.id, o.items_total, o.items_delivered, o.items_ended
having o.items_total <> count(*)
    or o.items_delivered <> count(*) filter (where i.state = 'delivered')
    or o.items_ended <> count(*) filter (where i.state in ('delivered', 'failed', 'refunded', 'cancelled'))
limit %(limit)s;
