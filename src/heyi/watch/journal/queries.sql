-- name: note
-- The head's lock makes positions grow in the order of commits, holder by holder; a fact noted before (a job that ran
-- twice) keeps its old position and leaves a gap here. `nth` counts a holder's lines in this batch from 1.
with heads as (
    insert into journal.heads (holder_id, position)
    select holder_id, %(start)s::bigint + lines
    from unnest(%(head_holders)s::uuid[], %(head_lines)s::bigint[]) as h (holder_id, lines)
    order by holder_id
    on conflict (holder_id) do update
        set position = greatest(journal.heads.position - %(start)s::bigint, 0) + excluded.position
    returning holder_id, position
)
insert into journal.events (holder_id, position, fact_id, name)
select l.holder_id, heads.position - h.lines + l.nth, l.fact_id, l.name
from unnest(%(holders)s::uuid[], %(nths)s::bigint[], %(facts)s::uuid[], %(names)s::text[])
         as l (holder_id, nth, fact_id, name)
join unnest(%(head_holders)s::uuid[], %(head_lines)s::bigint[]) as h (holder_id, lines) using (holder_id)
join heads using (holder_id)
order by l.holder_id, l.nth
on conflict (holder_id, fact_id) do nothing;

-- name: head
-- Read before the lines: whoever finds nothing more may skip to here without missing what commits meanwhile.
select position from journal.heads where holder_id = %(holder_id)s;

-- name: page
-- Forward from a position; the primary key is the order.
select position, fact_id from journal.events
where holder_id = %(holder_id)s and position > %(after)s and (%(up_to)s::bigint is null or position <= %(up_to)s)
  and (%(names)s::text[] is null or name = any(%(names)s::text[]))
order by position limit %(most)s;
