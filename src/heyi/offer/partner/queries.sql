-- name: find_access
-- Who calls: by the key's hash. A suspended holder's keys open nothing.
select k.hash, k.id, k.holder_kind, k.holder_id, k.scopes, k.rate_per_s
  from partner.access_keys k
 where k.hash = any (%(hashes)s::bytea[])
   and k.revoked_at is null
   and (k.expires_at is null or k.expires_at > %(now)s)
   and not exists (select from partner.channels c where c.id = k.holder_id and c.state = 'suspended')
   and not exists (select from partner.partners p where p.id = k.holder_id and p.state = 'suspended');
