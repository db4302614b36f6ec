-- Who may say where credentials are sent, and who may book money: full operator keys go on to, others are given it by
-- somebody who may.
update partner.access_keys set scopes = scopes || '{operator:connect,operator:finance}'::text[]
where holder_kind = 'operator' and scopes @> '{operator:read,operator:write,keys:write}'::text[]
    and not scopes && '{operator:connect}'::text[];
