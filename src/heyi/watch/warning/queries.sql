-- name: open_ones
-- Before anything is written: most of what is raised is known, and most of what is cleared was never raised.
select w.* from unnest(%(kinds)s::text[], %(subjects)s::text[]) as k (kind, subject)
join warning.warnings w on w.kind = k.kind and w.subject = k.subject and w.cleared_at is null;

-- name: keep
-- New ones are written, open ones seen again. Somebody who snoozed this trouble is not woken when it comes back.
insert into warning.warnings as w (id, kind, subject, level, zh, en, numbers, since, last_seen, snoozed_until, snoozed_by)
select n.id, n.kind, n.subject, n.level, n.zh, n.en, n.numbers, %(now)s, %(now)s, s.snoozed_until, s.snoozed_by
from unnest(%(ids)s::uuid[], %(kinds)s::text[], %(subjects)s::text[], %(levels)s::text[], %(zhs)s::text[],
            %(ens)s::text[], %(numbers)s::jsonb[]) as n (id, kind, subject, level, zh, en, numbers)
left join lateral (
    select o.snoozed_until, o.snoozed_by from warning.warnings o
    where o.kind = n.kind and o.subject = n.subject and o.snoozed_until > %(now)s
    order by o.id desc limit 1
) s on true
order by n.kind, n.subject
on conflict (kind, subject) where cleared_at is null do update
    set level = excluded.level, zh = excluded.zh, en = excluded.en, numbers = excluded.numbers,
        last_seen = excluded.last_seen, calm_since = null
returning w.*;

-- name: calm
-- Its cause is gone; it ends when it stays away.
update warning.warnings set calm_since = %(now)s
where id = any(%(ids)s::uuid[]) and cleared_at is null and calm_since is null;

-- name: end
-- Compare-and-set: two that clear the same one state it once.
update warning.warnings set cleared_at = %(now)s where id = any(%(ids)s::uuid[]) and cleared_at is null returning *;

-- name: tell_again
-- It got worse, or its snooze is over: it goes into the next mail.
update warning.warnings set mailed_at = null, mail_id = null, snoozed_until = null, snoozed_by = null
where id = any(%(ids)s::uuid[]) and cleared_at is null;

-- name: restless
-- What the clock may end or wake: calm ones, ones that fade, ones whose snooze is over. Few rows are ever open.
select * from warning.warnings
where cleared_at is null
    and (calm_since is not null and kind = any(%(calming)s::text[]) or kind = any(%(fading)s::text[])
        or snoozed_until <= %(now)s)
order by id limit %(most)s for update skip locked;

-- name: forget
-- What was over long ago, a chunk at a time; ids begin with their time. A snooze that still holds is remembered.
delete from warning.warnings where id in (
    select id from warning.warnings
    where id < %(floor)s and cleared_at < %(before)s and (snoozed_until is null or snoozed_until <= %(now)s)
    order by id limit %(most)s);

-- name: search
-- The operators' list, newest first.
select * from warning.warnings
where (%(state)s = 'all'
        or (%(state)s = 'open' and cleared_at is null and (snoozed_until is null or snoozed_until <= %(now)s))
        or (%(state)s = 'snoozed' and cleared_at is null and snoozed_until > %(now)s)
        or (%(state)s = 'cleared' and cleared_at is not null))
    and (%(kind)s::text is null or kind = %(kind)s)
    and (%(level)s::text is null or level = %(level)s)
    and (%(about)s::text is null or subject = %(about)s or starts_with(subject, %(about)s || '/'))
    and (%(text)s::text is null or strpos(lower(zh || ' ' || en), lower(%(text)s)) > 0)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: find
-- One warning.
select * from warning.warnings where id = %(id)s;

-- name: acknowledge
-- Who came first looks after it.
update warning.warnings
set acknowledged_at = coalesce(acknowledged_at, %(now)s), acknowledged_by = coalesce(acknowledged_by, %(by)s)
where id = %(id)s and cleared_at is null returning *;

-- name: snooze
-- Quiet until then.
update warning.warnings set snoozed_until = %(until)s, snoozed_by = %(by)s
where id = %(id)s and cleared_at is null returning *;

-- name: thresholds_of
-- What was set for these subjects.
select subject, name, value from warning.thresholds where subject = any(%(subjects)s::text[]) order by subject, name;

-- name: set_thresholds
-- The last word counts.
insert into warning.thresholds as t (subject, name, value, set_by, set_at)
select %(subject)s, name, value, %(by)s, %(now)s
from unnest(%(names)s::text[], %(values)s::bigint[]) as n (name, value) order by name
on conflict (subject, name) do update set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at;

-- name: drop_thresholds
-- Back to what holds without them.
delete from warning.thresholds where subject = %(subject)s and name = any(%(names)s::text[]);

-- name: open_subjects
-- For looks that see everything there is of a kind: what is open and was not seen is over. Few rows are ever open.
select kind, subject from warning.warnings where kind = any(%(kinds)s::text[]) and cleared_at is null;

-- name: open_of
-- What is open about these subjects, whatever the kind: readings are judged with what was said before.
select w.kind, w.subject, w.level from warning.warnings w
where w.kind = any(%(kinds)s::text[]) and w.subject = any(%(subjects)s::text[]) and w.cleared_at is null;
