-- name: find_access
-- Who calls: by the key's hash. A suspended holder's keys open nothing.
select k.hash, k.id, k.holder_kind, k.holder_id, k.scopes, k.rate_per_s
  from partner.access_keys k
 where k.hash = any (%(hashes)s::bytea[])
   and k.revoked_at is null
   and (k.expires_at is null or k.expires_at > %(now)s)
   and not exists (select from partner.channels c where c.id = k.holder_id and c.state = 'suspended')
   and not exists (select from partner.partners p where p.id = k.holder_id and p.state = 'suspended');

-- name: insert_partner
-- A taken code inserts nothing, and the caller sees it by the count.
insert into partner.partners (id, code, title, contact, created_at)
values (%(id)s, %(code)s, %(title)s, %(contact)s, %(now)s)
on conflict (code) do nothing;

-- name: insert_channel
-- A taken code inserts nothing, and the caller sees it by the count.
insert into partner.channels (id, code, title, created_at)
values (%(id)s, %(code)s, %(title)s, %(now)s)
on conflict (code) do nothing;

-- name: list_partners
-- Newest first, below the cursor; the search looks anywhere in code and title.
select id, code, title, state, created_at, contact
  from partner.partners
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(search)s::text is null or position(lower(%(search)s) in lower(code || ' ' || title)) > 0)
 order by id desc
 limit %(most)s;

-- name: list_channels
-- Newest first, below the cursor; the search looks anywhere in code and title.
select id, code, title, state, created_at
  from partner.channels
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(search)s::text is null or position(lower(%(search)s) in lower(code || ' ' || title)) > 0)
 order by id desc
 limit %(most)s;

-- name: read_partners
-- Partners by id, for pages that show whose a benefit is.
select id, code, title, state, created_at, contact from partner.partners where id = any (%(ids)s::uuid[]);

-- name: partner_codes
-- How people call these partners.
select id, code from partner.partners where id = any (%(ids)s::uuid[]);

-- name: read_channels
-- Channels by id.
select id, code, title, state, created_at from partner.channels where id = any (%(ids)s::uuid[]);

-- name: update_partner
-- What is null stays as it is; the state moves only from one it may be left from.
update partner.partners
   set title = coalesce(%(title)s, title), contact = coalesce(%(contact)s, contact), state = coalesce(%(state)s, state)
 where id = %(id)s and (%(state)s::text is null or state = any (%(sources)s::text[]));

-- name: update_channel
-- What is null stays as it is; the state moves only from one it may be left from.
update partner.channels
   set title = coalesce(%(title)s, title), state = coalesce(%(state)s, state)
 where id = %(id)s and (%(state)s::text is null or state = any (%(sources)s::text[]));

-- name: lock_label
-- Counting a holder's live keys and adding one must not happen twice at once; there is no row to lock for the first.
select pg_advisory_xact_lock(hashtextextended('access_keys ' || %(holder_id)s::text || ' ' || %(label)s::text, 0));

-- name: count_live_keys
-- How many live keys a holder has under a label.
select count(*) as live
  from partner.access_keys
 where holder_id = %(holder_id)s and label = %(label)s and revoked_at is null
   and (expires_at is null or expires_at > %(now)s);

-- name: insert_key
-- Only the hash of the key is kept, and its last characters to tell it from others.
insert into partner.access_keys
       (id, holder_kind, holder_id, label, hash, tail, scopes, rate_per_s, created_at, expires_at)
values (%(id)s, %(holder_kind)s, %(holder_id)s, %(label)s, %(hash)s, %(tail)s, %(scopes)s::text[], %(rate_per_s)s,
        %(now)s, %(expires_at)s);

-- name: list_keys
-- A holder's keys (no holder: all of a kind), newest first, also the dead ones.
select id, holder_kind, holder_id, label, tail, scopes, rate_per_s, created_at, expires_at, revoked_at
  from partner.access_keys
 where holder_kind = %(holder_kind)s
   and (%(holder_id)s::uuid is null or holder_id = %(holder_id)s)
   and (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(most)s;

-- name: read_live_key
-- A live key by its id.
select id, holder_kind, holder_id, label, tail, scopes, rate_per_s, created_at, expires_at, revoked_at
  from partner.access_keys
 where id = %(id)s and revoked_at is null and (expires_at is null or expires_at > %(now)s);

-- name: revoke_key
-- Once revoked, for ever revoked.
update partner.access_keys set revoked_at = %(now)s
 where id = %(id)s and revoked_at is null and (expires_at is null or expires_at > %(now)s);

-- name: shorten_key
-- The old key of a rotation ends after the overlap, or earlier if it would have anyway.
update partner.access_keys set expires_at = least(coalesce(expires_at, 'infinity'), %(ends_at)s)
 where id = %(id)s and revoked_at is null;
