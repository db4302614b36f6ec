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

-- Operators may be told through webhooks as well.
alter table webhook.endpoints drop constraint endpoints_holder_kind_check;
alter table webhook.endpoints add constraint endpoints_holder_kind_check
    check (holder_kind in ('channel', 'partner', 'operator'));
