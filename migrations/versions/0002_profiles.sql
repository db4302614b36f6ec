-- Connector profiles: stored, versioned.
-- A version never changes once it is stored; `state` says which one accounts follow (at most one of a code; none: the
-- shipped profile or a package). `json`, not `jsonb`: some suppliers sign their fields in the order of the document.
create table fulfilment.profiles (
    id uuid primary key,
    code text not null,
    version integer not null check (version > 0),
    state text not null default 'draft' check (state in ('draft', 'published', 'withdrawn')),
    document json not null,
    note text not null,
    made_by text not null,
    created_at timestamptz not null,
    published_at timestamptz,
    unique (code, version)
);
create unique index profiles_published on fulfilment.profiles (code) where state = 'published';

-- Which version accounts followed since when, on whose word and why. Version 0 is the shipped profile or a package.
create table fulfilment.profile_moves (
    id uuid primary key,
    code text not null,
    before integer not null,
    after integer not null,
    why text not null,
    moved_by text not null,
    at timestamptz not null
);
create index profile_moves_by_code on fulfilment.profile_moves (code, id);

-- The published version, written to every account of the code by the transaction that publishes: a claim reads it with
-- the account's row and asks nothing more.
alter table fulfilment.suppliers add column profile_id uuid references fulfilment.profiles;
create index suppliers_by_dialect on fulfilment.suppliers (dialect);
