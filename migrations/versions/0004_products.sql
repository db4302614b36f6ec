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
