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
select code from fulfilment.profiles where state = 'published' order by code;
