-- What suppliers offer, as they say it, and the changes to accept.

-- The last that we heard of a product: from its supplier's list, or from the words of a refusal. Real time.
create table fulfilment.products (
    supplier_id uuid not null,
    product_no text not null,
    title text not null default '',
    kind text,
    price_minor bigint,
    currency text not null default 'CNY',
    stock bigint,
    on_sale boolean,
    seen_at timestamptz not null,
    primary key (supplier_id, product_no)
);
-- `listed_at`: when a list or a look last showed it (null: only a refusal spoke of it); `told_on_sale`, `unpriced`: what was
-- shown then; `heard_in`: by which sync. The price is the last one that was a price. `refused_at`: a refusal is better
-- informed than a list, for a while.
alter table fulfilment.products
    add column id uuid not null default gen_random_uuid(),
    add column fields jsonb not null default '[]',
    add column told_on_sale boolean,
    add column unpriced boolean not null default false,
    add column first_seen_at timestamptz,
    add column listed_at timestamptz,
    add column gone_at timestamptz,
    add column refused_at timestamptz,
    add column heard_in uuid;
create unique index products_by_id on fulfilment.products (supplier_id, id);

-- What is different from what was known, for people to accept or not. `named`: an offer of ours names the product; others
-- are news. `held`: the offers that were held because of it. At most one open change of a kind and product.
create table fulfilment.product_changes (
    id uuid primary key,
    supplier_id uuid not null,
    product_no text not null,
    kind text not null check (kind in ('new', 'price', 'price_missing', 'title', 'status', 'fields', 'gone')),
    named boolean not null,
    title text not null,
    before jsonb,
    after jsonb,
    held uuid[] not null default '{}',
    state text not null default 'open' check (state in ('open', 'accepted', 'dismissed', 'superseded')),
    sync_id uuid not null,
    found_at timestamptz not null,
    settled_by text,
    settled_at timestamptz
);
create unique index product_changes_open on fulfilment.product_changes (supplier_id, product_no, kind)
    where state = 'open';
create index product_changes_by_product on fulfilment.product_changes (supplier_id, product_no, id);

-- One run over what a supplier shows. `page` is the next one of its list (null: no list, or it is read), `last_no` the last
-- product that was looked at by itself. `barren`: its last pages that brought nothing new. Leases and call times are real time: at most one call at a time per account.
create table fulfilment.syncs (
    id uuid primary key,
    supplier_id uuid not null,
    asked_by text,
    state text not null default 'running' check (state in ('running', 'done', 'doubted', 'failed')),
    first boolean not null,
    known integer not null,
    page integer,
    last_no text not null default '',
    barren integer not null default 0,
    calls integer not null default 0,
    failures integer not null default 0,
    products integer not null default 0,
    changes integer not null default 0,
    news integer not null default 0,
    held integer not null default 0,
    gone integer not null default 0,
    unread integer not null default 0,
    problem text,
    lease uuid,
    lease_until timestamptz,
    called_at timestamptz,
    started_at timestamptz not null,
    ended_at timestamptz
);
create unique index syncs_running on fulfilment.syncs (supplier_id) where state = 'running';
create index syncs_by_supplier on fulfilment.syncs (supplier_id, id);

-- Minutes between two syncs (0: only when somebody asks), and when the next is due.
alter table fulfilment.suppliers
    add column sync_every_min integer not null default 30 check (sync_every_min >= 0),
    add column sync_due_at timestamptz;

-- Since when an offer names its product (null: since it was made): what was said of that product before is no news to it.
alter table catalog.offers add column named_at timestamptz;
create index offers_by_product on catalog.offers (supplier_id, product_no) where supplier_id is not null;
