-- name: profile_document
-- A stored version's document, once per process: versions never change.
select code, version, document::text as document from fulfilment.profiles where id = %(id)s;

-- name: hold_code
-- Publishing a version and making an account of its code wait for each other.
select pg_advisory_xact_lock(hashtextextended('fulfilment.profiles/' || %(code)s, 0));

-- name: published
-- The version that accounts of a code follow, if it is a stored one.
select id, version from fulfilment.profiles where code = %(code)s and state = 'published';

-- name: published_codes
-- Codes with a published profile, for those who choose one.
select code, id from fulfilment.profiles where state = 'published' order by code;

-- name: make_profile
-- The next version of a code; `hold_code` is held, so that no two take one number.
insert into fulfilment.profiles (id, code, version, document, note, made_by, created_at)
select %(id)s::uuid, %(code)s::text, coalesce(max(version), 0) + 1, %(document)s::json, %(note)s::text, %(by)s::text,
    %(now)s::timestamptz
from fulfilment.profiles where code = %(code)s::text
returning id, code, version, state, document::text as document, note, made_by, created_at, published_at;

-- name: profile_heads
-- Of every stored code the version that speaks for it: the published one, else the newest; and the newest number.
select distinct on (code) id, code, version, state, document->>'title' as title,
    coalesce((document->>'beta')::boolean, true) as beta, max(version) over (partition by code) as newest
from fulfilment.profiles order by code, state = 'published' desc, version desc;

-- name: accounts_by_dialect
-- How many accounts speak each dialect.
select dialect, count(*)::integer as accounts from fulfilment.suppliers group by dialect;

-- name: profile_version
-- One stored version with its document.
select id, code, version, state, document::text as document, note, made_by, created_at, published_at
from fulfilment.profiles where code = %(code)s and version = %(version)s;

-- name: profile_versions
-- A code's stored versions, newest first.
select id, code, version, state, note, made_by, created_at, published_at from fulfilment.profiles
where code = %(code)s and (%(before)s::uuid is null
    or version < (select version from fulfilment.profiles where id = %(before)s)) order by version desc limit %(most)s;

-- name: withdraw_published
-- Before another one is published: there is at most one.
update fulfilment.profiles set state = 'withdrawn' where code = %(code)s and state = 'published';

-- name: publish_profile
-- From now on accounts follow this version.
update fulfilment.profiles set state = 'published', published_at = %(now)s where id = %(id)s;

-- name: follow_profile
-- Every account of the code, in the transaction that publishes: its next claim speaks the new version.
update fulfilment.suppliers set profile_id = %(id)s where dialect = %(code)s returning *;

-- name: accounts_of_dialect
-- As they were before another version was published.
select * from fulfilment.suppliers where dialect = %(code)s order by id for no key update;

-- name: keep_profile_move
-- Who changed what accounts follow, and why.
insert into fulfilment.profile_moves (id, code, before, after, why, moved_by, at)
values (%(id)s, %(code)s, %(before)s, %(after)s, %(why)s, %(by)s, %(now)s);

-- name: profile_moves
-- A code's history, newest first.
select id, code, before, after, why, moved_by, at from fulfilment.profile_moves
where code = %(code)s and (%(before)s::uuid is null or id < %(before)s) order by id desc limit %(most)s;

-- name: newest_version
-- Whether anything is stored of a code.
select version from fulfilment.profiles where code = %(code)s order by version desc limit 1;
