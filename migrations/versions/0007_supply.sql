-- heyi as a supplier of others.

-- Keys with which other systems buy from us in a standard of their own. Signatures need the secrets back, so they are
-- sealed, not hashed. `key` is what the caller names itself by: 闲管家's mch_id, dujiao-next's API key.
create table partner.supply_keys (
    id uuid primary key,
    channel_id uuid not null references partner.channels (id),
    standard text not null,
    label text not null,
    key text not null unique,
    secret bytea not null,
    app_id text,
    app_secret bytea,
    ips text[] not null default '{}',
    rate_per_s integer not null check (rate_per_s > 0),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
create index supply_keys_by_channel on partner.supply_keys (channel_id, standard, id);

-- What a caller said once it may not say again; old ones go, their times are refused by then.
create table partner.supply_nonces (
    key_id uuid not null,
    nonce text not null,
    at timestamptz not null,
    primary key (key_id, nonce)
);
create index supply_nonces_by_age on partner.supply_nonces (at);

-- Standards that know things by number: a bundle or an order gets one when it is first shown to such a caller.
create table partner.supply_numbers (
    number bigint generated always as identity primary key,
    id uuid not null unique
);

-- An endpoint speaks in a voice: `webhook` is ours; the others are the standards that we sell by. Theirs belong to a
-- channel, and each delivery has the address that came with its order.
alter table webhook.endpoints add column voice text not null default 'webhook';
create unique index endpoints_by_voice on webhook.endpoints (holder_id, voice)
    where voice <> 'webhook' and state <> 'deleted';
alter table webhook.deliveries add column url text;
