-- What partners report, and where they and we differ.
create schema usage;

-- An event's number is taken by the first report that could be related to a right; a refused one may come again.
create table usage.events (
    partner_id uuid not null,
    event_id text not null,
    fingerprint bytea not null,
    report_id uuid not null,
    primary key (partner_id, event_id)
);

-- Every report as it came, refused ones too; `at` and `kind` are null when they could not be read.
create table usage.reports (
    id uuid primary key,
    partner_id uuid not null,
    event_id text not null,
    origin text not null check (origin in ('pushed', 'polled', 'asked')),
    entitlement_id uuid,
    reference text not null,
    kind text,
    at timestamptz,
    units integer,
    raw jsonb not null,
    verdict text not null check (verdict in ('taken', 'late', 'refused')),
    code text,
    received_at timestamptz not null
);
create index reports_by_partner on usage.reports (partner_id, id);
create index reports_by_entitlement on usage.reports (entitlement_id, id) where entitlement_id is not null;

-- What a partner has told of one right, folded so that the order of the reports does not matter: sums, the latest of a
-- kind, and of `begun_at` the earliest. `began`, `followed`: our right began, or ended, by their word; `settled`: because
-- a person said so. `asked_at`: when we last asked about it ourselves.
create table usage.beliefs (
    lane smallint not null,
    entitlement_id uuid not null,
    partner_id uuid not null,
    state text,
    state_at timestamptz,
    units bigint not null default 0,
    total bigint not null default 0,
    seen_at timestamptz,
    alive_at timestamptz,
    begun_at timestamptz,
    used_at timestamptz,
    expired_at timestamptz,
    cancelled_at timestamptz,
    ended_seen_at timestamptz,
    missing_at timestamptz,
    began boolean not null default false,
    followed text check (followed in ('expired', 'cancelled')),
    settled boolean not null default false,
    heard_at timestamptz,
    asked_at timestamptz not null,
    closed boolean not null default false,
    primary key (lane, entitlement_id)
) with (fillfactor = 85);
create index beliefs_to_compare on usage.beliefs (partner_id, asked_at) where not closed;

-- `mark` is what they said when the drift was last seen: one that was accepted is not opened again for the same words.
create table usage.drifts (
    id uuid primary key,
    partner_id uuid not null,
    entitlement_id uuid,
    reference text not null,
    benefit text not null,
    kind text not null check (kind in ('they_active_we_pending', 'we_active_they_ended', 'they_used_more',
                                       'we_ended_they_active', 'theirs_unknown_to_us', 'ours_unknown_to_them')),
    ours text not null,
    theirs text not null,
    mark text not null,
    origin text not null,
    found_at timestamptz not null,
    seen_at timestamptz not null,
    state text not null check (state in ('open', 'repaired', 'accepted')),
    how text,
    by text,
    note text not null default '',
    settled_at timestamptz
);
create unique index drifts_open on usage.drifts (entitlement_id, kind) where state = 'open' and entitlement_id is not null;
create unique index drifts_open_of_strangers on usage.drifts (partner_id, reference)
    where state = 'open' and entitlement_id is null;
create index drifts_by_entitlement on usage.drifts (entitlement_id) where entitlement_id is not null;
create index drifts_by_reference on usage.drifts (partner_id, reference) where entitlement_id is null;
create index drifts_by_partner on usage.drifts (partner_id, id);
create index drifts_still_open on usage.drifts (id) where state = 'open';

-- A person said which right of ours a partner's number means.
create table usage.links (
    partner_id uuid not null,
    reference text not null,
    entitlement_id uuid not null,
    primary key (partner_id, reference)
);

-- How each kind of report is followed, for one benefit of a partner or (benefit empty) for all of them.
create table usage.policies (
    id uuid primary key,
    partner_id uuid not null,
    benefit text not null default '',
    activated text not null check (activated in ('follow', 'list', 'careful')),
    used text not null check (used in ('follow', 'list', 'careful')),
    expired text not null check (expired in ('follow', 'list', 'careful')),
    cancelled text not null check (cancelled in ('follow', 'list', 'careful')),
    unique (partner_id, benefit)
);

-- Where a partner's word comes from. `again`: while it was read, somebody asked to read it from the beginning. `due_at` and `fresh_s` are the alliance's time, leases are real time.
create table usage.sources (
    id uuid primary key,
    partner_id uuid not null unique,
    protocol text not null,
    base_url text,
    key bytea,
    interval_s integer not null check (interval_s > 0),
    fresh_s integer not null check (fresh_s > 0),
    state text not null default 'on' check (state in ('on', 'off')),
    cursor text,
    again boolean not null default false,
    due_at timestamptz,
    lease uuid,
    lease_until timestamptz,
    started_at timestamptz,
    drained_at timestamptz,
    pages bigint not null default 0,
    rights bigint not null default 0,
    compared bigint not null default 0,
    failures integer not null default 0,
    problem text,
    created_at timestamptz not null,
    check ((protocol = 'push') = (base_url is null)),
    check ((base_url is null) = (key is null))
);

-- Partners name rights by the supplier's number too.
create index if not exists attempts_by_supplier_number on fulfilment.attempts (supplier_number)
    where supplier_number is not null;
