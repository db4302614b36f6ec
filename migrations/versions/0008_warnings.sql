-- Supplier money and warnings.

-- warning: what operators should look at ----------------------------------------------------------------------------
create schema warning;

-- At most one open warning per kind and subject. `calm_since`: its cause is gone, and it ends when that lasts.
create table warning.warnings (
    id uuid primary key,
    kind text not null,
    subject text not null,
    level text not null check (level in ('warning', 'critical')),
    zh text not null,
    en text not null,
    numbers jsonb not null,
    since timestamptz not null,
    last_seen timestamptz not null,
    calm_since timestamptz,
    cleared_at timestamptz,
    snoozed_until timestamptz,
    snoozed_by text,
    acknowledged_at timestamptz,
    acknowledged_by text,
    mailed_at timestamptz,
    mail_id uuid
);
create unique index warnings_open on warning.warnings (kind, subject) where cleared_at is null;
create index warnings_snoozed on warning.warnings (kind, subject, id) where snoozed_until is not null;

-- When to warn, where operators want it otherwise. The subject is a public id, or "alliance" for all.
create table warning.thresholds (
    subject text not null,
    name text not null,
    value bigint not null,
    set_by text not null,
    set_at timestamptz not null,
    primary key (subject, name)
);

-- Digests by mail.
create table warning.mails (
    id uuid primary key,
    at timestamptz not null,
    recipients text[] not null,
    subject text not null,
    body text not null,
    state text not null check (state in ('waiting', 'sending', 'sent', 'failed')),
    attempts integer not null default 0,
    next_at timestamptz,
    lease_until timestamptz,
    error text,
    sent_at timestamptz
);
create index mails_by_time on warning.mails (at);
create index mails_open on warning.mails (id) where state in ('waiting', 'sending');

-- Operators may be told through webhooks as well.
alter table webhook.endpoints drop constraint endpoints_holder_kind_check;
alter table webhook.endpoints add constraint endpoints_holder_kind_check
    check (holder_kind in ('channel', 'partner', 'operator'));
update partner.access_keys set scopes = scopes || '{webhooks:read,webhooks:write}'::text[]
where holder_kind = 'operator' and scopes @> '{operator:write}'::text[] and not scopes && '{webhooks:read}'::text[];

-- ledger: what is booked at suppliers --------------------------------------------------------------------------------
-- The sums of the accounts `prepaid:<supplier id>`, kept by the statement that writes their postings; the audit compares
-- them. Paid in are top-ups and adjustments, spent are purchases and differences. They have no floor: what was delivered
-- is booked, whatever the books say was left.
create table ledger.prepaid (
    account text not null,
    currency text not null,
    paid_in_minor bigint not null,
    spent_minor bigint not null,
    since timestamptz not null,
    used_at timestamptz not null,
    primary key (account, currency)
) with (fillfactor = 50);

-- What was spent in every five minutes, for burn rates.
create table ledger.turnover (
    account text not null,
    currency text not null,
    bucket timestamptz not null,
    spent_minor bigint not null,
    primary key (account, currency, bucket)
) with (fillfactor = 70);
create index turnover_by_bucket on ledger.turnover (bucket);

-- fulfilment: balances that suppliers report -------------------------------------------------------------------------
-- `pays`: prepaid accounts are bought from what was put in there, postpaid ones are owed for. `balance_due_at`: when our
-- balance is asked for next.
alter table fulfilment.suppliers
    add column pays text not null default 'prepaid' check (pays in ('prepaid', 'postpaid')),
    add column balance_due_at timestamptz;

-- What the offer cost when this number was opened: the task may stand at another offer by the time it delivers.
alter table fulfilment.attempts add column expected_minor bigint;

-- Every time our balance was asked for: what the supplier said, what the books said, what was under way meanwhile, and
-- what cannot be explained (null when nothing was heard, and `problem` says why).
create table fulfilment.balances (
    id uuid primary key,
    supplier_id uuid not null,
    at timestamptz not null,
    currency text not null,
    reported_minor bigint,
    booked_minor bigint not null,
    in_flight_minor bigint not null,
    difference_minor bigint,
    problem text,
    duration_ms integer not null
);
create index balances_by_supplier on fulfilment.balances (supplier_id, id);

-- stock: what goes out -----------------------------------------------------------------------------------------------
-- One row per benefit and transaction that issued keys of our own stock, until it is added up.
create table stock.issues (
    benefit_id uuid not null,
    at timestamptz not null,
    keys integer not null
);
create table stock.demand (
    benefit_id uuid not null,
    hour timestamptz not null,
    keys bigint not null,
    primary key (benefit_id, hour)
);
insert into stock.demand (benefit_id, hour, keys)
select k.benefit_id, date_trunc('hour', k.issued_at), count(*)
from stock.keys k join stock.batches b on b.id = k.batch_id and b.source = 'imported'
where k.issued_at > now() - interval '60 days'
group by 1, 2;
