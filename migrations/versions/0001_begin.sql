-- The first schema: one PostgreSQL schema per context, named as its folder. No foreign key crosses a schema.
-- Buyer-owned tables have primary key (lane, id), so that they can be distributed by lane later (DESIGN 17).

-- infra: what the tools need --------------------------------------------------------------------------------------
create schema infra;

create table infra.settings (
    name text primary key,
    value jsonb not null
);
insert into infra.settings (name, value) values ('clock_offset_s', '0'), ('zone', '"Asia/Shanghai"');

create table infra.facts (
    id uuid primary key,
    name text not null,
    lane smallint not null,
    at timestamptz not null,
    order_id uuid,
    item_id uuid,
    entitlement_id uuid,
    channel_id uuid,
    partner_id uuid,
    buyer text,
    data jsonb not null
);
create index facts_by_order on infra.facts (order_id, id) where order_id is not null;

create table infra.unrelayed (
    id uuid primary key,
    fact_ids uuid[] not null,
    at timestamptz not null
);

create table infra.answers (
    holder_id uuid not null,
    key text not null,
    fingerprint bytea not null,
    state text not null check (state in ('running', 'answered')),
    status smallint,
    body bytea,
    at timestamptz not null,
    primary key (holder_id, key)
);
create index answers_by_age on infra.answers (at);

-- partner: our counterparts, and the keys with which they call us --------------------------------------------------
create schema partner;

create table partner.partners (
    id uuid primary key,
    code text not null unique,
    title text not null,
    contact jsonb not null default '{}',
    state text not null default 'active' check (state in ('active', 'suspended')),
    created_at timestamptz not null
);

create table partner.channels (
    id uuid primary key,
    code text not null unique,
    title text not null,
    state text not null default 'active' check (state in ('active', 'suspended')),
    created_at timestamptz not null
);

create table partner.access_keys (
    id uuid primary key,
    holder_kind text not null check (holder_kind in ('channel', 'partner', 'operator')),
    holder_id uuid not null,
    label text not null,
    hash bytea not null unique,
    tail text not null,
    scopes text[] not null,
    rate_per_s integer not null check (rate_per_s > 0),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
create index access_keys_by_holder on partner.access_keys (holder_id, id);

-- catalog: what may be bought -------------------------------------------------------------------------------------
create schema catalog;

create table catalog.benefits (
    id uuid primary key,
    code text not null unique,
    partner_id uuid not null,
    kind text not null check (kind in ('card_key', 'top_up', 'link', 'physical', 'voucher', 'service')),
    title text not null,
    market_price_minor bigint not null check (market_price_minor >= 0),
    currency text not null,
    properties jsonb not null,
    state text not null default 'active' check (state in ('active', 'withdrawn')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table catalog.offers (
    id uuid primary key,
    benefit_id uuid not null references catalog.benefits (id),
    source text not null check (source in ('stock', 'supplier', 'own')),
    supplier_id uuid,
    product_no text not null default '',
    cost_minor bigint not null check (cost_minor >= 0),
    currency text not null,
    priority integer not null default 100,
    state text not null default 'active' check (state in ('active', 'held', 'withdrawn')),
    created_at timestamptz not null,
    check ((source = 'supplier') = (supplier_id is not null))
);
create index offers_by_benefit on catalog.offers (benefit_id, priority, id);

create table catalog.bundles (
    id uuid primary key,
    code text not null unique,
    title text not null,
    state text not null default 'draft' check (state in ('draft', 'on_sale', 'withdrawn')),
    current_version integer,
    sale_from timestamptz,
    sale_to timestamptz,
    created_at timestamptz not null
);

create table catalog.versions (
    bundle_id uuid not null references catalog.bundles (id),
    version integer not null check (version > 0),
    state text not null default 'draft' check (state in ('draft', 'published', 'withdrawn')),
    document jsonb not null,
    benefit_ids uuid[] not null default '{}',
    published_at timestamptz,
    created_at timestamptz not null,
    primary key (bundle_id, version)
);

create table catalog.channel_prices (
    bundle_id uuid not null references catalog.bundles (id),
    channel_id uuid not null,
    price_minor bigint not null check (price_minor >= 0),
    primary key (bundle_id, channel_id)
);

-- checkout: the buyer commits -------------------------------------------------------------------------------------
create schema checkout;

create table checkout.numbers (
    channel_id uuid not null,
    number text not null,
    order_id uuid not null,
    fingerprint bytea not null,
    primary key (channel_id, number)
);

create table checkout.orders (
    lane smallint not null,
    id uuid not null,
    channel_id uuid not null,
    number text not null,
    buyer text not null,
    bundle_id uuid not null,
    bundle text not null,
    bundle_version integer not null,
    quantity integer not null,
    amount_minor bigint not null,
    currency text not null,
    payment text not null check (payment in ('unpaid', 'paid', 'cancelled', 'expired')),
    fulfilment text not null check (fulfilment in ('none', 'in_progress', 'partial', 'done', 'failed')),
    refund text not null default 'none' check (refund in ('none', 'partial', 'full')),
    review text not null default 'none' check (review in ('none', 'pending', 'cleared', 'refused')),
    items_total integer not null,
    items_delivered integer not null,
    items_ended integer not null,
    personal jsonb not null,
    metadata jsonb,
    created_at timestamptz not null,
    paid_at timestamptz,
    primary key (lane, id)
);
create index orders_by_channel on checkout.orders (channel_id, id);

create table checkout.items (
    lane smallint not null,
    id uuid not null,
    order_id uuid not null,
    place smallint not null,
    component text not null,
    role text not null,
    benefit_id uuid not null,
    benefit text not null,
    kind text not null,
    share_minor bigint not null,
    currency text not null,
    state text not null check (state in ('scheduled', 'waiting_for_buyer', 'waiting_for_stock', 'delivering',
                                         'delivered', 'failed', 'refunded', 'cancelled')),
    due_at timestamptz,
    entitlement_id uuid,
    problem text,
    terms jsonb not null,
    delivered_at timestamptz,
    primary key (lane, id)
);
create index items_by_order on checkout.items (lane, order_id, place);

-- stock: the vault of card keys -----------------------------------------------------------------------------------
create schema stock;

create table stock.batches (
    id uuid primary key,
    benefit_id uuid not null,
    code text not null unique,
    data_key bytea not null,
    cost_minor bigint not null check (cost_minor >= 0),
    currency text not null,
    state text not null default 'open' check (state in ('open', 'quarantined', 'void')),
    source text not null check (source in ('imported', 'bought')),
    created_at timestamptz not null
);
create index batches_by_benefit on stock.batches (benefit_id, id);

-- `position` is how many lines of the file are done, and `digest` what they were: a broken upload is sent again from
-- its first line, and lines that are done are only compared. `number` marks the fingerprints that this file brought.
create table stock.imports (
    id uuid primary key,
    number integer not null unique generated always as identity,
    batch_id uuid references stock.batches (id),
    batch text not null,
    benefit_id uuid not null,
    cost_minor bigint not null check (cost_minor >= 0),
    currency text not null,
    dry_run boolean not null,
    layout jsonb not null,
    state text not null check (state in ('waiting', 'running', 'done')),
    position bigint not null default 0,
    digest bytea not null default '',
    rows_read bigint not null default 0,
    rows_added bigint not null default 0,
    rows_bad bigint not null default 0,
    rows_repeated bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- One row of a file that was not taken, for the operator's list of faults. `masked` never is the key.
create table stock.import_faults (
    import_id uuid not null,
    line bigint not null,
    reason text not null,
    masked text not null,
    primary key (import_id, line)
);

-- Claims walk keys_ready. `place` is in no other index on purpose: ordering by the primary key made the planner walk
-- over every key ever sold (4 ms a claim after 24,000 sales). Sold keys stay in the index until a vacuum, and claims walk
-- over them (2 ms for 100,000), so the table is vacuumed early.
create table stock.keys (
    id uuid primary key,
    batch_id uuid not null,
    benefit_id uuid not null,
    place bigint generated always as identity,
    state text not null check (state in ('available', 'issued', 'revealed', 'quarantined', 'void', 'replaced')),
    expires_at timestamptz not null default 'infinity',
    tail text not null,
    sealed bytea not null,
    item_id uuid,
    issued_at timestamptz,
    revealed_at timestamptz
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);
create index keys_ready on stock.keys (benefit_id, expires_at, place) where state = 'available';
create index keys_by_item on stock.keys (item_id) where item_id is not null;
-- A batch's keys lie side by side, as they were imported: this index is a few pages, and costs an issue nothing.
create index keys_by_batch on stock.keys using brin (batch_id uuid_minmax_multi_ops)
    with (pages_per_range = 32, autosummarize = on);

-- Kept off the hot table, so that issuing a key can be a cheap update.
create table stock.fingerprints (
    fingerprint bytea primary key,
    key_id uuid not null,
    import_number integer
);

-- What a dry run has seen so far, to find repetitions in its file; deleted at its end. Losing it in a crash is fine.
create unlogged table stock.tried (
    import_id uuid not null,
    fingerprint bytea not null,
    primary key (import_id, fingerprint)
);

-- Keys that were quarantined one by one: releasing their batch does not release them.
create table stock.suspects (
    key_id uuid primary key,
    reason text not null,
    by text not null,
    at timestamptz not null
);

create table stock.reveals (
    id uuid primary key,
    key_id uuid not null,
    item_id uuid not null,
    by text not null,
    at timestamptz not null
);
create index reveals_by_key on stock.reveals (key_id, at);

-- The last guard behind a compare-and-set: a statement that moved fewer keys than it was told to takes the whole
-- transaction down, even when it is queued in a pipeline and nobody looks at its answer.
create function stock.must_all(moved bigint, wanted integer) returns bigint language plpgsql immutable as $$
begin
    if moved is distinct from wanted::bigint then
        raise exception using errcode = 'integrity_constraint_violation', message =
            'stock: ' || wanted - moved || ' of ' || wanted || ' keys were not in the state that this move needs';
    end if;
    return moved;
end $$;

-- fulfilment: the promise is kept ---------------------------------------------------------------------------------
create schema fulfilment;

-- `grace_ms`: how long after the last moment a request could have gone out "not found" may still change its mind.
create table fulfilment.suppliers (
    id uuid primary key,
    code text not null unique,
    title text not null,
    dialect text not null,
    base_url text not null,
    credentials bytea not null,
    callback_token text not null unique,
    slots integer not null check (slots > 0),
    timeout_ms integer not null check (timeout_ms > 0),
    typical_ms integer not null check (typical_ms >= 0),
    grace_ms integer not null check (grace_ms >= 0),
    state text not null default 'active' check (state in ('active', 'paused')),
    created_at timestamptz not null
);

-- The queue. `due_at` is the alliance's time; leases are real time. `heard`: a callback came while a talk was running,
-- so ask again at once. `resubmit`: the same outer number goes out once more (it never arrived).
create table fulfilment.tasks (
    lane smallint not null,
    id uuid not null,
    item_id uuid not null,
    order_id uuid not null,
    entitlement_id uuid,
    purpose text not null check (purpose in ('deliver', 'replace', 'revoke', 'suspend', 'resume')),
    sequence smallint not null default 1,
    kind text not null,
    benefit_id uuid not null,
    offer_id uuid not null,
    supplier_id uuid,
    state text not null check (state in ('scheduled', 'waiting_for_event', 'waiting_for_buyer', 'waiting_for_stock',
                                         'waiting_for_person', 'sending', 'asking', 'delivered', 'failed', 'cancelled')),
    due_at timestamptz,
    attempts smallint not null default 0,
    queries smallint not null default 0,
    resubmit boolean not null default false,
    heard boolean not null default false,
    lease uuid,
    lease_until timestamptz,
    after_component text,
    after_event text,
    otherwise text,
    request jsonb not null,
    problem text,
    resolution jsonb,
    created_at timestamptz not null,
    ended_at timestamptz,
    primary key (lane, id),
    unique (lane, item_id, purpose, sequence)
) with (fillfactor = 80);
-- What is to be done next: to buy, to ask about, and with our own hands. Each claim walks the front of one of these;
-- a backlog of a million rows costs it nothing.
create index tasks_to_submit on fulfilment.tasks (supplier_id, due_at)
    where state = 'scheduled' and supplier_id is not null;
create index tasks_to_query on fulfilment.tasks (supplier_id, due_at) where state = 'asking';
create index tasks_due_own on fulfilment.tasks (due_at) where state = 'scheduled' and supplier_id is null;
create index tasks_leased on fulfilment.tasks (supplier_id, lease_until) where lease is not null;
create index tasks_for_stock on fulfilment.tasks (benefit_id, created_at, id) where state = 'waiting_for_stock';
create index tasks_for_event on fulfilment.tasks (order_id) where state = 'waiting_for_event';
create index tasks_for_event_else on fulfilment.tasks (due_at) where state = 'waiting_for_event';
create index tasks_for_person on fulfilment.tasks (id) where state = 'waiting_for_person';

-- `difference`: the supplier delivered although the item had ended otherwise by then; listed until somebody settles it.
-- `recheck_at`: an attempt that is over, or overtaken, is to be asked about once more.
create table fulfilment.attempts (
    lane smallint not null,
    id uuid not null,
    task_id uuid not null,
    item_id uuid not null,
    order_id uuid not null,
    number smallint not null,
    outer_number text not null unique,
    supplier_id uuid not null,
    offer_id uuid not null,
    product_no text not null,
    supplier_number text,
    state text not null check (state in ('sending', 'accepted', 'unknown', 'delivered', 'declined', 'failed')),
    cost_minor bigint,
    currency text,
    why text,
    submits smallint not null default 1,
    rechecks smallint not null default 0,
    recheck_at timestamptz,
    difference boolean not null default false,
    started_at timestamptz not null,
    sent_until timestamptz not null,
    accepted_at timestamptz,
    ended_at timestamptz,
    primary key (lane, id)
) with (fillfactor = 80);
create index attempts_by_order on fulfilment.attempts (lane, order_id);
create index attempts_to_recheck on fulfilment.attempts (supplier_id, recheck_at) where recheck_at is not null;
create index attempts_differing on fulfilment.attempts (id) where difference;

create table fulfilment.calls (
    lane smallint not null,
    id uuid not null,
    attempt_id uuid not null,
    verb text not null check (verb in ('submit', 'query', 'recheck')),
    method text not null,
    url text not null,
    request text not null,
    status smallint,
    response text,
    error text not null default '',
    duration_ms integer not null,
    at timestamptz not null,
    primary key (lane, attempt_id, id)
);

-- `body` is sealed: some suppliers put card keys into their callbacks.
create table fulfilment.callbacks (
    id uuid primary key,
    supplier_id uuid not null,
    received_at timestamptz not null,
    headers jsonb not null,
    query text not null,
    body bytea not null,
    verdict text not null check (verdict in ('trusted', 'unsigned', 'stale', 'unreadable', 'stranger')),
    outer_number text
);
create index callbacks_by_outer on fulfilment.callbacks (outer_number) where outer_number is not null;

-- entitlement: the right in the buyer's wallet ---------------------------------------------------------------------
create schema entitlement;

create table entitlement.entitlements (
    lane smallint not null,
    id uuid not null,
    channel_id uuid not null,
    buyer text not null,
    order_id uuid not null,
    item_id uuid not null,
    component text not null,
    benefit_id uuid not null,
    benefit text not null,
    title text not null,
    kind text not null,
    partner_id uuid not null,
    state text not null check (state in ('pending_delivery', 'scheduled', 'pending_activation', 'active', 'ended',
                                         'failed')),
    ended_why text check (ended_why in ('used_up', 'expired', 'cancelled', 'revoked', 'transferred')),
    units_total integer not null,
    units_left integer not null check (units_left >= 0),
    units_reserved integer not null default 0 check (units_reserved >= 0),
    valid_from timestamptz,
    valid_to timestamptz,
    properties jsonb not null,
    provider_state text,
    provider_heard_at timestamptz,
    created_at timestamptz not null,
    activated_at timestamptz,
    ended_at timestamptz,
    primary key (lane, id),
    check (units_left + units_reserved <= units_total)
) with (fillfactor = 85);
create index entitlements_by_buyer on entitlement.entitlements (lane, channel_id, buyer, id);
create index entitlements_by_order on entitlement.entitlements (lane, order_id);
create index entitlements_expiring on entitlement.entitlements (valid_to)
    where state in ('pending_activation', 'active') and valid_to is not null;

create table entitlement.terms (
    lane smallint not null,
    id uuid not null,
    entitlement_id uuid not null,
    item_id uuid not null,
    starts_at timestamptz,
    ends_at timestamptz,
    units integer not null,
    primary key (lane, id)
);
create index terms_by_entitlement on entitlement.terms (lane, entitlement_id);

create table entitlement.holds (
    lane smallint not null,
    id uuid not null,
    entitlement_id uuid not null,
    reason text not null check (reason in ('pause', 'refund', 'dispute', 'risk')),
    since timestamptz not null,
    until timestamptz,
    by text not null,
    primary key (lane, id)
);
create index holds_by_entitlement on entitlement.holds (lane, entitlement_id);

-- redemption: vouchers at a partner's till -------------------------------------------------------------------------
create schema redemption;

create table redemption.redemptions (
    lane smallint not null,
    id uuid not null,
    entitlement_id uuid not null,
    order_id uuid not null,
    item_id uuid not null,
    partner_id uuid not null,
    channel_id uuid not null,
    buyer text not null,
    benefit text not null,
    title text not null,
    till text not null,
    request_no text not null,
    units integer not null check (units > 0),
    state text not null check (state in ('prepared', 'redeemed', 'released', 'expired', 'reversed')),
    prepared_at timestamptz not null,
    expires_at timestamptz not null,
    redeemed_at timestamptz,
    ended_at timestamptz,
    -- What these units earned and cost, in minor units; kept, so that all units together are exact to the fen.
    share_minor bigint not null default 0,
    cost_minor bigint not null default 0,
    currency text not null,
    primary key (lane, id)
);
create index redemptions_by_partner on redemption.redemptions (partner_id, id);
create index redemptions_by_entitlement on redemption.redemptions (lane, entitlement_id);
create index redemptions_expiring on redemption.redemptions (expires_at) where state = 'prepared';

-- A till's own request number answers the same redemption for ever.
create table redemption.requests (
    partner_id uuid not null,
    request_no text not null,
    redemption_id uuid not null,
    fingerprint bytea not null,
    primary key (partner_id, request_no)
);

-- A code's time step is burned at prepare: the same picture shown twice is refused the second time.
create table redemption.burned (
    lane smallint not null,
    entitlement_id uuid not null,
    step bigint not null,
    primary key (lane, entitlement_id, step)
);
create index burned_by_step on redemption.burned (step);

create table redemption.refusals (
    id uuid primary key,
    partner_id uuid not null,
    verb text not null check (verb in ('prepare', 'confirm', 'release', 'reverse')),
    till text not null,
    request_no text not null,
    entitlement_id uuid,
    redemption_id uuid,
    reason text not null,
    at timestamptz not null
);
create index refusals_by_partner on redemption.refusals (partner_id, id);

-- ledger: everyone is paid -----------------------------------------------------------------------------------------
create schema ledger;

-- Only accounts with a floor (deposits) keep a locked balance; all others are the sum of their postings.
create table ledger.accounts (
    code text primary key,
    currency text not null,
    floor_minor bigint not null default 0,
    balance_minor bigint not null default 0,
    check (balance_minor >= floor_minor)
);

create table ledger.entries (
    id uuid primary key,
    kind text not null,
    order_id uuid,
    at timestamptz not null,
    memo text not null default '',
    unique_key text unique
);
create index entries_by_order on ledger.entries (order_id) where order_id is not null;

-- A credit is negative, a debit positive; the postings of an entry add up to zero per currency.
create table ledger.postings (
    entry_id uuid not null,
    place smallint not null,
    account text not null,
    item_id uuid,
    amount_minor bigint not null,
    currency text not null,
    primary key (entry_id, place)
);
create index postings_by_account on ledger.postings (account, entry_id);

-- webhook: telling others ------------------------------------------------------------------------------------------
create schema webhook;

create table webhook.endpoints (
    id uuid primary key,
    holder_kind text not null check (holder_kind in ('channel', 'partner')),
    holder_id uuid not null,
    url text not null,
    events text[] not null,
    description text not null default '',
    secret bytea not null,
    old_secret bytea,
    old_secret_until timestamptz,
    state text not null default 'active' check (state in ('active', 'disabled', 'deleted')),
    disabled_why text,
    failing_since timestamptz,
    failures integer not null default 0,
    created_at timestamptz not null
);
create index endpoints_by_holder on webhook.endpoints (holder_id, id) where state <> 'deleted';

-- One delivery per endpoint and fact, for ever: sending it again is another round of the same row, with the same
-- body and webhook-id.
create table webhook.deliveries (
    id uuid primary key,
    endpoint_id uuid not null references webhook.endpoints (id),
    fact_id uuid not null,
    order_id uuid,
    event text not null,
    body bytea not null,
    state text not null check (state in ('waiting', 'sending', 'delivered', 'failed')),
    attempts integer not null default 0,
    next_at timestamptz,
    lease uuid,
    lease_until timestamptz,
    created_at timestamptz not null,
    ended_at timestamptz,
    asked_again_at timestamptz,
    unique (endpoint_id, fact_id)
) with (fillfactor = 80);
create index deliveries_due on webhook.deliveries (endpoint_id, next_at) where state = 'waiting';
create index deliveries_leased on webhook.deliveries (endpoint_id, lease_until) where state = 'sending';
create index deliveries_by_endpoint on webhook.deliveries (endpoint_id, id);
create index deliveries_by_order on webhook.deliveries (order_id) where order_id is not null;

create table webhook.tries (
    id uuid primary key,
    delivery_id uuid not null,
    at timestamptz not null,
    status smallint,
    error text not null default '',
    duration_ms integer not null
);
create index tries_by_delivery on webhook.tries (delivery_id, id);

-- journal: what happened, readable by those it concerns --------------------------------------------------------------
create schema journal;

-- Which facts a channel or a partner may read. The facts themselves stay in infra.facts; this is the way to them.
-- `position` is the microsecond of noting, made strictly growing per holder under the lock of its head row: whoever
-- has read up to a position has missed nothing, however late a transaction committed.
create table journal.heads (
    holder_id uuid primary key,
    position bigint not null
);

create table journal.events (
    holder_id uuid not null,
    position bigint not null,
    fact_id uuid not null,
    name text not null,
    primary key (holder_id, position),
    unique (holder_id, fact_id)
);
