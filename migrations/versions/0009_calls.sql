-- The call log, and callbacks once more.

-- What was said to suppliers, masked: `headers` and `answered` (theirs) are JSON, `signed` is the string that was signed.
-- `verdict` is what the last exchange of a talk was taken to mean, `supplier_number` their number where it was first
-- told, `profile_id` the stored version that spoke (null: what was shipped, or a package). `troubled`: no good answer, or
-- one that says nothing.
alter table fulfilment.calls
    add column supplier_id uuid,
    add column profile_id uuid,
    add column headers text not null default '{}',
    add column signed text not null default '',
    add column answered text not null default '{}',
    add column verdict text,
    add column supplier_number text,
    add column troubled boolean not null default false;
update fulfilment.calls c
set supplier_id = a.supplier_id, troubled = c.status is null or c.status not between 200 and 299
from fulfilment.attempts a where a.lane = c.lane and a.id = c.attempt_id;
delete from fulfilment.calls where supplier_id is null;
alter table fulfilment.calls alter column supplier_id set not null;
-- Ids grow with time: both of these take a new row at their right edge, supplier by supplier.
create index calls_by_supplier on fulfilment.calls (supplier_id, id);
create index calls_troubled on fulfilment.calls (supplier_id, id) where troubled;
create index calls_by_their_number on fulfilment.calls (supplier_number) where supplier_number is not null;

-- Calls about no purchase of ours: balances, products, rehearsals. `by` is who asked (null: the clock).
create table fulfilment.looks (
    id uuid primary key,
    supplier_id uuid not null,
    profile_id uuid,
    verb text not null,
    by text,
    method text not null,
    url text not null,
    headers text not null,
    request text not null,
    signed text not null,
    status smallint,
    answered text not null,
    response text,
    error text not null,
    duration_ms integer not null,
    troubled boolean not null,
    at timestamptz not null
);
create index looks_by_supplier on fulfilment.looks (supplier_id, id);

-- Calls that somebody had made again: as a query, or as a new attempt.
create table fulfilment.replays (
    id uuid primary key,
    call_id uuid not null,
    how text not null check (how in ('query', 'attempt')),
    by text not null,
    note text not null,
    at timestamptz not null
);
create index replays_by_call on fulfilment.replays (call_id);

-- A callback is `kept` before it is read, and then judged. `head` is its method, query and headers, sealed like its body
-- (those that came before have the last two in the clear); `bytes` is how long the body was: of what is doubtful only its
-- beginning stays. `digest` knows a trusted callback again when what was signed comes once more; `address` is who called.
alter table fulfilment.callbacks
    add column address text not null default '',
    add column digest bytea,
    add column head bytea,
    add column bytes integer,
    alter column headers set default '{}',
    alter column query set default '';
alter table fulfilment.callbacks drop constraint callbacks_verdict_check;
alter table fulfilment.callbacks add constraint callbacks_verdict_check check (verdict in
    ('kept', 'trusted', 'repeat', 'stranger', 'unsigned', 'stale', 'unreadable', 'address', 'too_large'));
create index callbacks_kept on fulfilment.callbacks (id) where verdict = 'kept';
create index callbacks_by_supplier on fulfilment.callbacks (supplier_id, id);
create index callbacks_by_digest on fulfilment.callbacks (digest) where digest is not null;
create index callbacks_doubtful on fulfilment.callbacks (supplier_id, id) where verdict <> 'trusted';

-- Callbacks beyond what is kept of them: how many, by minute.
create table fulfilment.callback_counts (
    supplier_id uuid not null,
    minute timestamptz not null,
    verdict text not null,
    count bigint not null,
    primary key (supplier_id, minute, verdict)
) with (fillfactor = 70);

-- From where this account's callbacks may come, as CIDRs (none: from anywhere).
alter table fulfilment.suppliers add column callback_ips text[] not null default '{}';

-- A difference is listed until somebody has settled it. `person_since`: since when a task waits for a person.
alter table fulfilment.attempts
    add column settled_at timestamptz,
    add column settled_by text,
    add column settled_note text;
alter table fulfilment.tasks add column person_since timestamptz;
update fulfilment.tasks set person_since = created_at where state = 'waiting_for_person';
