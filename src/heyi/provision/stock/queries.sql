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

-- name: count_ready
-- How many keys could be sold now, for those who ask what there is; counted up to a bound, for it is only a look.
select b.id as benefit_id,
       (select count(*) from (select from stock.keys k
                               where k.benefit_id = b.id and k.state = 'available' and k.expires_at > %(now)s
                               limit %(most)s) as seen) as ready
from unnest(%(benefits)s::uuid[]) as b (id);

-- name: issue_keys
-- Compare-and-set; a key that is not available (any more) takes the transaction down, so none is given twice. How many
-- went is noted in a row of its own: a counter would make orders of one benefit wait for each other.
with moved as (
    update stock.keys k
    set state = 'issued', item_id = pair.item_id, issued_at = %(now)s
    from unnest(%(keys)s::uuid[], %(items)s::uuid[]) as pair (key_id, item_id)
    where k.id = pair.key_id and k.state = 'available'
    returning k.id, k.benefit_id
), noted as (
    insert into stock.issues (benefit_id, at, keys) select benefit_id, %(now)s, count(*) from moved group by benefit_id
)
select stock.must_all(count(*), %(wanted)s::integer) from moved;

-- name: lock_items_keys
-- Two readers of one item wait for each other, so that "the first to read it" is one of them.
select k.id, k.item_id, k.state, k.tail, k.sealed, nullif(k.expires_at, 'infinity') as expires_at, b.data_key
from stock.keys k
join stock.batches b on b.id = k.batch_id
where k.item_id = any(%(items)s::uuid[]) and k.state in ('issued', 'revealed')
order by k.place
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
-- Bought cards belong to their items from the first moment: nobody can claim them. What came too late is nobody's.
insert into stock.keys (id, batch_id, benefit_id, state, expires_at, tail, sealed, item_id, issued_at)
select n.id, n.batch_id, n.benefit_id, case when n.item_id is null then 'quarantined' else 'issued' end,
    coalesce(n.expires_at, 'infinity'), n.tail, n.sealed, n.item_id,
    case when n.item_id is not null then %(now)s::timestamptz end
from unnest(%(ids)s::uuid[], %(batches)s::uuid[], %(benefits)s::uuid[], %(expires)s::timestamptz[], %(tails)s::text[],
            %(sealed)s::bytea[], %(items)s::uuid[])
    as n (id, batch_id, benefit_id, expires_at, tail, sealed, item_id);

-- name: insert_import
-- The import is there before its file: whoever sends it can ask how far it is, and send it again.
insert into stock.imports (id, batch_id, batch, benefit_id, cost_minor, currency, dry_run, layout, state, created_at,
                           updated_at)
values (%(id)s, %(batch_id)s, %(batch)s, %(benefit_id)s, %(cost)s, %(currency)s, %(dry_run)s, %(layout)s::jsonb,
        'waiting', %(now)s, %(now)s)
returning *;

-- name: read_imports
-- Progress, and where to go on.
select * from stock.imports where id = any(%(ids)s::uuid[]) order by id;

-- name: page_imports
-- The operator's list, newest first.
select * from stock.imports
where (%(batch)s::text is null or batch = %(batch)s) and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: batch_data_key
-- Keys that are imported later are sealed with the batch's own key as well.
select data_key from stock.batches where id = %(id)s;

-- name: lock_import
-- Two uploads of one import must not write the same lines: the second finds the position moved.
select id from stock.imports where id = %(id)s and position = %(position)s and state <> 'done' for update;

-- name: hold_batch
-- A batch is not quarantined or voided while keys are being put into it.
select state from stock.batches where id = %(id)s for share;

-- name: copy_keys
-- The fastest way in.
copy stock.keys (id, batch_id, benefit_id, state, expires_at, tail, sealed) from stdin (format binary);

-- name: copy_fingerprints
-- Nearly always every card of a chunk is new: then this is all, at half the price of looking first.
copy stock.fingerprints (fingerprint, key_id, import_number) from stdin (format binary);

-- name: mark_before_fingerprints
-- Back to here when a card of the chunk was not new after all.
savepoint before_fingerprints

-- name: back_to_fingerprints
-- Then they are looked at one by one.
rollback to savepoint before_fingerprints

-- name: quarantine_new
-- Keys that arrive in a quarantined batch are not for sale either.
with moved as (
    update stock.keys set state = 'quarantined'
    where id = any(%(ids)s::uuid[]) and state = 'available'
    returning id
)
select stock.must_all(count(*), %(wanted)s::integer) from moved;

-- name: in_vault
-- A dry run only looks. A voided key's card may come in again.
select f.fingerprint
from stock.fingerprints f
join stock.keys k on k.id = f.key_id
where f.fingerprint = any(%(fingerprints)s::bytea[]) and k.state <> 'void';

-- name: try_fingerprints
-- What of these the file had not shown before.
insert into stock.tried (import_id, fingerprint)
select %(id)s::uuid, f from unnest(%(fingerprints)s::bytea[]) as f
on conflict do nothing
returning fingerprint;

-- name: forget_tried
-- The dry run is over.
delete from stock.tried where import_id = %(id)s;

-- name: write_faults
-- Row by row, for the operator's list.
insert into stock.import_faults (import_id, line, reason, masked)
select %(id)s::uuid, f.line, f.reason, f.masked
from unnest(%(lines)s::bigint[], %(reasons)s::text[], %(masked)s::text[]) as f (line, reason, masked)
order by f.line;

-- name: read_faults
-- In the file's order, some thousand at a time: the list may be as long as the file.
select line, reason, masked from stock.import_faults
where import_id = %(id)s and line > %(after)s order by line limit %(most)s;

-- name: advance_import
-- In the chunk's own transaction: after a crash, position and keys agree.
update stock.imports
set state = 'running', position = %(position)s, digest = %(digest)s, rows_read = rows_read + %(read)s,
    rows_added = rows_added + %(added)s, rows_bad = rows_bad + %(bad)s, rows_repeated = rows_repeated + %(repeated)s,
    updated_at = %(now)s
where id = %(id)s and state in ('waiting', 'running')
returning *;

-- name: finish_import
-- Compare-and-set: only the upload that wrote the last chunk ends the import.
update stock.imports set state = 'done', updated_at = %(now)s
where id = %(id)s and position = %(position)s and state in ('waiting', 'running')
returning *;

-- name: batch_of_code
-- What a dry run must agree with.
select id, benefit_id, code, cost_minor, currency, state from stock.batches where code = %(code)s;

-- name: page_batches
-- The operator's list with what became of each batch's keys. The keys of a batch lie side by side (keys_by_batch).
with page as (
    select id, benefit_id, code, cost_minor, currency, state, source, created_at
    from stock.batches
    where (%(id)s::uuid is null or id = %(id)s)
      and (%(benefit)s::uuid is null or benefit_id = %(benefit)s)
      and (%(state)s::text is null or state = %(state)s)
      and (%(source)s::text is null or source = %(source)s)
      and (%(search)s::text is null or position(lower(%(search)s) in lower(code)) > 0)
      and (%(before)s::uuid is null or id < %(before)s)
    order by id desc limit %(most)s
)
select page.*, counts.*
from page
cross join lateral (
    select count(*) as total,
           count(*) filter (where k.state = 'available' and k.expires_at > %(now)s) as ready,
           count(*) filter (where k.state = 'available' and k.expires_at <= %(now)s) as expired,
           count(*) filter (where k.state = 'issued') as issued,
           count(*) filter (where k.state = 'revealed') as revealed,
           count(*) filter (where k.state = 'quarantined') as quarantined,
           count(*) filter (where k.state = 'void') as void,
           min(nullif(k.expires_at, 'infinity')) filter (where k.state = 'available' and k.expires_at > %(now)s)
               as first_expires_at
    from stock.keys k where k.batch_id = page.id
) as counts
order by page.id desc;

-- name: lock_batch
-- Waits for imports into the batch; they wait for us.
select id, benefit_id, state from stock.batches where id = %(id)s for update;

-- name: move_batch
-- Compare-and-set of the batch itself.
update stock.batches set state = %(to)s where id = %(id)s and state = any(%(sources)s::text[]) returning id;

-- name: move_batch_keys
-- Locked in the order in which claims wait for keys, so that neither waits for the other in a circle. Keys that were
-- quarantined one by one stay so when their batch is released.
with mine as (
    select id from stock.keys k
    where batch_id = %(batch)s and state = any(%(sources)s::text[])
      and (%(suspects_too)s or not exists (select from stock.suspects s where s.key_id = k.id))
    order by benefit_id, expires_at, place
    for update
), moved as (
    update stock.keys k set state = %(to)s from mine
    where k.id = mine.id and k.state = any(%(sources)s::text[])
    returning k.id
)
select count(*) as moved from moved;

-- name: move_keys
-- Single keys, all or none.
with mine as (
    select id, benefit_id from stock.keys
    where id = any(%(ids)s::uuid[]) and state = any(%(sources)s::text[])
    order by benefit_id, expires_at, place
    for update
), moved as (
    update stock.keys k set state = %(to)s from mine
    where k.id = mine.id and k.state = any(%(sources)s::text[])
    returning k.benefit_id
)
select benefit_id, count(*) as moved from moved group by benefit_id order by benefit_id;

-- name: suspect
-- Why a key was taken aside, and by whom.
insert into stock.suspects (key_id, reason, by, at)
select id, %(reason)s, %(by)s, %(now)s from unnest(%(ids)s::uuid[]) as id
on conflict (key_id) do nothing;

-- name: unsuspect
-- Looked at, and good again (or thrown away).
delete from stock.suspects where key_id = any(%(ids)s::uuid[]);

-- name: page_keys
-- The operator's list of a batch's keys: masked, always.
select k.id, k.batch_id, k.benefit_id, k.state, k.tail, nullif(k.expires_at, 'infinity') as expires_at, k.item_id,
       k.issued_at, k.revealed_at
from stock.keys k
where k.batch_id = %(batch)s and (%(state)s::text is null or k.state = %(state)s)
  and (%(before)s::uuid is null or k.id < %(before)s)
order by k.id desc limit %(most)s;
