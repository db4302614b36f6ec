-- name: find_supply_key
-- Who calls in a standard's way, by the key that they name. A suspended channel's keys open nothing.
select k.*
  from partner.supply_keys k
  join partner.channels c on c.id = k.channel_id and c.state = 'active'
 where k.standard = %(standard)s and k.key = %(key)s and k.revoked_at is null
   and (k.expires_at is null or k.expires_at > %(now)s);

-- name: live_supply_keys
-- A channel's live keys of one standard, the newest first: notifications are signed with one of them.
select k.*
  from partner.supply_keys k
  join partner.channels c on c.id = k.channel_id and c.state = 'active'
 where k.channel_id = %(channel_id)s and k.standard = %(standard)s and k.revoked_at is null
   and (k.expires_at is null or k.expires_at > %(now)s)
 order by k.id desc;

-- name: lock_supply_keys
-- Counting a channel's live keys and adding one must not happen twice at once.
select pg_advisory_xact_lock(hashtextextended('supply_keys ' || %(channel_id)s::text || ' ' || %(standard)s::text, 0));

-- name: insert_supply_key
-- Secrets come sealed; nobody reads them here.
insert into partner.supply_keys
       (id, channel_id, standard, label, key, secret, app_id, app_secret, ips, rate_per_s, created_at, expires_at)
values (%(id)s, %(channel_id)s, %(standard)s, %(label)s, %(key)s, %(secret)s, %(app_id)s, %(app_secret)s,
        %(ips)s::text[], %(rate_per_s)s, %(now)s, %(expires_at)s)
on conflict (key) do nothing;

-- name: list_supply_keys
-- A channel's keys, newest first, also the dead ones; the search looks in labels and keys.
select * from partner.supply_keys
 where channel_id = %(channel_id)s
   and (%(standard)s::text is null or standard = %(standard)s)
   and (%(search)s::text is null or position(lower(%(search)s) in lower(label || ' ' || key)) > 0)
   and (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(most)s;

-- name: read_live_supply_key
-- A live key by its id, before it is changed or rotated.
select * from partner.supply_keys
 where id = %(id)s and revoked_at is null and (expires_at is null or expires_at > %(now)s)
   for no key update;

-- name: change_supply_key
-- What is null stays as it is.
update partner.supply_keys
   set label = coalesce(%(label)s, label), ips = coalesce(%(ips)s::text[], ips),
       rate_per_s = coalesce(%(rate_per_s)s, rate_per_s)
 where id = %(id)s;

-- name: revoke_supply_key
-- Once revoked, for ever revoked; the secret goes with it.
update partner.supply_keys set revoked_at = %(now)s, secret = '', app_secret = null
 where id = %(id)s and revoked_at is null and (expires_at is null or expires_at > %(now)s);

-- name: shorten_supply_key
-- The old key of a rotation ends after the overlap, or earlier if it would have anyway.
update partner.supply_keys set expires_at = least(coalesce(expires_at, 'infinity'), %(ends_at)s)
 where id = %(id)s and revoked_at is null;

-- name: supplied_channels
-- Which of these channels ever bought by a standard: facts of all the others need no second look.
select distinct channel_id from partner.supply_keys where channel_id = any (%(channels)s::uuid[]);

-- name: use_nonce
-- A nonce is used once: the second caller sees it by the count.
insert into partner.supply_nonces (key_id, nonce, at) values (%(key_id)s, %(nonce)s, %(at)s)
on conflict do nothing;

-- name: forget_nonces
-- A nonce older than every accepted time cannot come again.
delete from partner.supply_nonces where at < %(until)s;

-- name: make_numbers
-- Those that have none get one; two who ask at once wait for each other.
insert into partner.supply_numbers (id)
select n.id from unnest(%(ids)s::uuid[]) as n (id)
 where not exists (select from partner.supply_numbers k where k.id = n.id)
on conflict (id) do nothing;

-- name: read_numbers
-- The numbers by which these things are known outside.
select number, id from partner.supply_numbers where id = any (%(ids)s::uuid[]);

-- name: id_of_number
-- What is known outside by this number.
select id from partner.supply_numbers where number = %(number)s;
