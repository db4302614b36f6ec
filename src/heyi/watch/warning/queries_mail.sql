-- name: one_writer
-- Two workers must not write the same digest.
select pg_advisory_xact_lock(hashtextextended('warning.mails', 0));

-- name: last_mail
-- When the last digest was written; the next may follow after a while.
select at from warning.mails where at <= %(now)s order by at desc limit 1;

-- name: unmailed
-- What nobody was told by mail yet, and nobody has said that he looks after it.
select * from warning.warnings
where cleared_at is null and mailed_at is null and acknowledged_at is null
    and (snoozed_until is null or snoozed_until <= %(now)s)
order by id limit %(most)s for update;

-- name: ended_since
-- What was told by mail and is over since the last digest.
select * from warning.warnings
where mailed_at is not null and cleared_at > %(since)s and cleared_at <= %(now)s order by id limit %(most)s;

-- name: write_mail
-- The digest and what it tells, at once.
with told as (
    update warning.warnings set mailed_at = %(now)s, mail_id = %(id)s where id = any(%(warnings)s::uuid[])
)
insert into warning.mails (id, at, recipients, subject, body, state, next_at)
values (%(id)s, %(now)s, %(recipients)s::text[], %(subject)s, %(body)s, 'waiting', %(now)s);

-- name: claim_mail
-- One letter to be sent now; one whose sender died is sent again (its Message-ID is the same).
with due as (
    select id from warning.mails
    where (state = 'waiting' and next_at <= %(now)s) or (state = 'sending' and lease_until <= %(wall)s)
    order by id limit 1 for update skip locked
)
update warning.mails m set state = 'sending', attempts = m.attempts + 1, lease_until = %(until)s
from due where m.id = due.id
returning m.*;

-- name: record_mail
-- Only for whoever still holds it.
update warning.mails
set state = %(state)s, next_at = %(next_at)s, error = %(error)s, lease_until = null,
    sent_at = case when %(state)s = 'sent' then %(now)s::timestamptz end
where id = %(id)s and state = 'sending' and attempts = %(attempts)s;

-- name: forget_mails
-- Old digests that are done with.
delete from warning.mails where id in (
    select id from warning.mails where id < %(floor)s and state in ('sent', 'failed') order by id limit %(most)s);

-- name: list_mails
-- Digests, newest first.
select id, at, recipients, subject, body, state, attempts, next_at, error, sent_at from warning.mails
where (%(before)s::uuid is null or id < %(before)s)
    and (%(text)s::text is null
        or strpos(lower(subject || ' ' || body || ' ' || array_to_string(recipients, ' ')), lower(%(text)s)) > 0)
order by id desc limit %(most)s;
