-- name: mark_before_claim
-- Keys locked after this mark are let go together when the batch comes up short.
savepoint before_claim

-- name: back_to_mark
-- Lets go of what the first pass locked: whoever waits for locks must hold none that others wait for.
rollback to savepoint before_claim

-- name: claim_ready
-- One walk of keys_ready per benefit, the earliest expiry first; keys that another transaction holds are passed over.
select k.id, k.batch_id, k.benefit_id, k.tail, nullif(k.expires_at, 'infinity') as expires_at, b.cost_minor, b.currency
from unnest(%(benefits)s::uuid[], %(most)s::integer[]) with ordinality as need (benefit_id, most, nth)
cross join lateral (
    select id, batch_id, benefit_id, tail, expires_at, place
    from stock.keys
    where benefit_id = need.benefit_id and state = 'available' and expires_at > %(now)s
    order by expires_at, place
    limit need.most
    for update skip locked
) as k
join stock.batches b on b.id = k.batch_id
order by need.nth, k.expires_at, k.place;

-- name: claim_waiting
-- Before anybody is told "sold out": wait for keys that others hold, for they may let them go. Everybody who waits
-- locks in the same order (benefit, expiry, place) and holds no key yet, so nobody waits in a circle.
select k.id, k.batch_id, k.benefit_id, k.tail, nullif(k.expires_at, 'infinity') as expires_at, b.cost_minor, b.currency
from unnest(%(benefits)s::uuid[], %(most)s::integer[]) with ordinality as need (benefit_id, most, nth)
cross join lateral (
    select id, batch_id, benefit_id, tail, expires_at, place
    from stock.keys
    where benefit_id = need.benefit_id and state = 'available' and expires_at > %(now)s
    order by expires_at, place
    limit need.most
    for update
) as k
join stock.batches b on b.id = k.batch_id
order by need.nth, k.expires_at, k.place;

-- name: issue_keys
-- Compare-and-set; a key that is not available (any more) takes the transaction down, so none is given twice.
with moved as (
    update stock.keys k
    set state = 'issued', item_id = pair.item_id, issued_at = %(now)s
    from unnest(%(keys)s::uuid[], %(items)s::uuid[]) as pair (key_id, item_id)
    where k.id = pair.key_id and k.state = 'available'
    returning k.id
)
select stock.must_all(count(*), %(wanted)s::integer) from moved;

-- name: lock_items_keys
-- Two readers of one item wait for each other, so that "the first to read it" is one of them.
select k.id, k.item_id, k.state, k.tail, k.sealed, nullif(k.expires_at, 'infinity') as expires_at, b.data_key
from stock.keys k
join stock.batches b on b.id = k.batch_id
where k.item_id = any(%(items)s::uuid[]) and k.state in ('issued', 'revealed')
order by k.id
for update of k;

-- name: mark_revealed
-- From the first reading on the key counts as used up, whatever happens later.
with moved as (
    update stock.keys set state = 'revealed', revealed_at = %(now)s
    where id = any(%(keys)s::uuid[]) and state = 'issued'
    returning id
)
select stock.must_all(count(*), %(wanted)s::integer) from moved;

-- name: record_reveals
-- Every reading is kept, with who asked.
insert into stock.reveals (id, key_id, item_id, by, at)
select r.id, r.key_id, r.item_id, %(by)s, %(now)s
from unnest(%(ids)s::uuid[], %(keys)s::uuid[], %(items)s::uuid[]) as r (id, key_id, item_id);

-- name: make_batches
-- A batch code names one batch for ever; whoever comes second uses the first one's.
insert into stock.batches (id, benefit_id, code, data_key, cost_minor, currency, source, created_at)
select b.id, b.benefit_id, b.code, b.data_key, b.cost_minor, b.currency, %(source)s, %(now)s
from unnest(%(ids)s::uuid[], %(benefits)s::uuid[], %(codes)s::text[], %(data_keys)s::bytea[], %(costs)s::bigint[],
            %(currencies)s::text[]) as b (id, benefit_id, code, data_key, cost_minor, currency)
on conflict (code) do nothing;

-- name: batches_by_code
-- Share locks: a batch is not quarantined or voided while keys are being put into it.
select id, benefit_id, code, data_key, cost_minor, currency, state, source, created_at
from stock.batches where code = any(%(codes)s::text[]) order by code for share;

-- name: remember_fingerprints
-- The vault's memory of every card it ever took in; what it has already is left as it is.
insert into stock.fingerprints (fingerprint, key_id, import_number)
select f.fingerprint, f.key_id, %(number)s::integer
from unnest(%(fingerprints)s::bytea[], %(keys)s::uuid[]) as f (fingerprint, key_id)
on conflict (fingerprint) do nothing;

-- name: lock_fingerprints
-- After some were known already: which are they? Locked, so that a voided key's fingerprint is taken over once only.
select fingerprint, key_id, import_number
from stock.fingerprints where fingerprint = any(%(fingerprints)s::bytea[])
order by fingerprint for update;

-- name: holders
-- What became of the keys that cards are known by.
select id, state, item_id from stock.keys where id = any(%(keys)s::uuid[]);

-- name: take_over_fingerprints
-- A card whose key was voided before anybody had it may come in again.
with moved as (
    update stock.fingerprints f
    set key_id = n.key_id, import_number = %(number)s::integer
    from unnest(%(fingerprints)s::bytea[], %(keys)s::uuid[]) as n (fingerprint, key_id)
    where f.fingerprint = n.fingerprint
    returning f.key_id
)
select stock.must_all(count(*), %(wanted)s::integer) from moved;

-- name: keep_issued
-- Bought cards belong to their items from the first moment: nobody can claim them.
insert into stock.keys (id, batch_id, benefit_id, state, expires_at, tail, sealed, item_id, issued_at)
select n.id, n.batch_id, n.benefit_id, 'issued', coalesce(n.expires_at, 'infinity'), n.tail, n.sealed, n.item_id, %(now)s
from unnest(%(ids)s::uuid[], %(batches)s::uuid[], %(benefits)s::uuid[], %(expires)s::timestamptz[], %(tails)s::text[],
            %(sealed)s::bytea[], %(items)s::uuid[])
    as n (id, batch_id, benefit_id, expires_at, tail, sealed, item_id);
