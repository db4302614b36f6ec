-- Routing: several offers, limits, breakers, what was measured.

alter table catalog.offers
    add column weight integer not null default 1 check (weight >= 0),
    add column held_why text;

-- Rates are calls a second over all workers (null: none but the slots); the tokens left are those of `tokens_at`, real
-- time. The breaker stops purchases, never queries; `breaker_until` null while open: until a person closes it.
alter table fulfilment.suppliers
    add column rate_per_s double precision check (rate_per_s > 0),
    add column query_rate_per_s double precision check (query_rate_per_s > 0),
    add column tokens double precision not null default 0,
    add column query_tokens double precision not null default 0,
    add column tokens_at timestamptz,
    add column breaker text not null default 'closed' check (breaker in ('closed', 'open', 'half_open')),
    add column breaker_since timestamptz,
    add column breaker_until timestamptz,
    add column breaker_times smallint not null default 0,
    add column breaker_why text,
    add column breaker_by text,
    add column balance_minor bigint,
    add column balance_at timestamptz;

-- What people and the rule did to breakers.
create table fulfilment.breaker_moves (
    id uuid primary key,
    supplier_id uuid not null,
    state text not null,
    why text not null,
    by text,
    at timestamptz not null
);
create index breaker_moves_by_supplier on fulfilment.breaker_moves (supplier_id, id);

-- How an offer has done lately, in buckets of two real seconds: what breakers and routing read. `broken` counts calls
-- that brought no answer that can be used; `delivered_ms` adds up the time from the first sending to the delivery.
-- `writer` keeps workers out of each other's rows.
create table fulfilment.pulses (
    supplier_id uuid not null,
    offer_id uuid not null,
    bucket timestamptz not null,
    writer smallint not null,
    calls integer not null,
    broken integer not null,
    delivered integer not null,
    declined integer not null,
    failed integer not null,
    delivered_ms bigint not null,
    primary key (supplier_id, offer_id, bucket, writer)
) with (fillfactor = 70);
create index pulses_by_supplier on fulfilment.pulses (supplier_id, bucket);
