-- name: claim
-- First come, first served; a key that is too old, or whose first call died with its process, is taken over.
insert into infra.answers (holder_id, key, fingerprint, state, at)
values (%(holder)s, %(key)s, %(fingerprint)s, 'running', %(now)s)
on conflict (holder_id, key) do update
set fingerprint = excluded.fingerprint, state = 'running', at = excluded.at, status = null, body = null
where infra.answers.at < %(old)s::timestamptz
   or (infra.answers.state = 'running' and infra.answers.at < %(dead)s::timestamptz
       and infra.answers.fingerprint = excluded.fingerprint)
returning key;

-- name: read
-- What the first call asked, and what it was answered.
select fingerprint, state, status, body from infra.answers where holder_id = %(holder)s and key = %(key)s;

-- name: keep
-- The answer, for those who ask again.
update infra.answers set state = 'answered', status = %(status)s, body = %(body)s
where holder_id = %(holder)s and key = %(key)s and state = 'running';

-- name: forget
-- An answer of ours that was an error is not an answer.
delete from infra.answers where holder_id = %(holder)s and key = %(key)s and state = 'running';

-- name: clean
-- Twenty-four hours are the promise.
delete from infra.answers where at < %(old)s;
