-- name: on_sale
-- One row per wished (bundle, version, channel) that exists: where its sale stands now, the channel's price, and the
-- active offers of its benefits, best first, as text (equal text: nothing has changed since the last time). A bundle
-- is wished by id or by code; each half of the union walks its own index.
select w.n, b.id, b.code, b.title, b.state, b.sale_from, b.sale_to, b.current_version, v.version,
       v.state as version_state, v.published_at, p.price_minor,
       (select jsonb_agg(jsonb_build_array(o.benefit_id, o.id, o.source, o.supplier_id, o.product_no, o.cost_minor,
                                           o.currency, o.priority, o.weight, f.properties ->> 'routing')
                         order by o.priority, o.id)::text
          from catalog.offers o
          join catalog.benefits f on f.id = o.benefit_id and f.state = 'active'
         where o.benefit_id = any (v.benefit_ids) and o.state = 'active') as offers
  from unnest(%(ids)s::uuid[], %(codes)s::text[], %(versions)s::integer[], %(channels)s::uuid[])
       with ordinality as w(id, code, version, channel_id, n)
 cross join lateral (select * from catalog.bundles where bundles.id = w.id
                     union all
                     select * from catalog.bundles where bundles.code = w.code) b
  left join catalog.versions v
    on v.bundle_id = b.id and v.version = coalesce(w.version, b.current_version) and v.state <> 'draft'
  left join catalog.channel_prices p on p.bundle_id = b.id and p.channel_id = w.channel_id;

-- name: read_documents
-- The documents of versions that this process has not compiled yet: once in the life of a process and a version.
select v.bundle_id, v.version, v.document
  from unnest(%(bundles)s::uuid[], %(versions)s::integer[]) as w(bundle_id, version)
  join catalog.versions v on v.bundle_id = w.bundle_id and v.version = w.version;

-- name: list_selling
-- What a channel may show, newest first: on sale now or announced for later, with a current version not withdrawn.
select b.id
  from catalog.bundles b
  join catalog.versions v on v.bundle_id = b.id and v.version = b.current_version and v.state = 'published'
 where b.state = 'on_sale'
   and (b.sale_to is null or b.sale_to > %(now)s)
   and (%(before)s::uuid is null or b.id < %(before)s)
 order by b.id desc
 limit %(most)s;

-- name: insert_benefit
-- A taken code inserts nothing, and the caller sees it by the count.
insert into catalog.benefits (id, code, partner_id, kind, title, market_price_minor, currency, properties, created_at,
                              updated_at)
values (%(id)s, %(code)s, %(partner_id)s, %(kind)s, %(title)s, %(price_minor)s, %(currency)s, %(properties)s, %(now)s,
        %(now)s)
on conflict (code) do nothing;

-- name: list_benefits
-- Newest first, below the cursor; the search looks anywhere in code and title.
select * from catalog.benefits
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(partner_id)s::uuid is null or partner_id = %(partner_id)s)
   and (%(kind)s::text is null or kind = %(kind)s)
   and (%(search)s::text is null or position(lower(%(search)s) in lower(code || ' ' || title)) > 0)
 order by id desc
 limit %(most)s;

-- name: read_benefit
-- One benefit.
select * from catalog.benefits where id = %(id)s;

-- name: lock_benefit
-- Two operators may change the same benefit; the second one sees what the first one made of it.
select * from catalog.benefits where id = %(id)s for update;

-- name: lock_benefits_named
-- The benefits that a version names, as they are at this moment; locked (in the order of ids), so that none is
-- withdrawn while the version that sells it is published.
select * from catalog.benefits where code = any (%(codes)s::text[]) order by id for share;

-- name: update_benefit
-- Published versions keep the benefit as it was then; this is for those to come.
update catalog.benefits
   set title = %(title)s, market_price_minor = %(price_minor)s, currency = %(currency)s, properties = %(properties)s,
       updated_at = %(now)s
 where id = %(id)s and state = 'active';

-- name: move_benefit
-- Compare and set.
update catalog.benefits set state = %(state)s, updated_at = %(now)s
 where id = %(id)s and state = any (%(sources)s::text[]);

-- name: insert_offer
-- Another place where a benefit comes from.
insert into catalog.offers (id, benefit_id, source, supplier_id, product_no, cost_minor, currency, priority, weight,
                            created_at)
values (%(id)s, %(benefit_id)s, %(source)s, %(supplier_id)s, %(product_no)s, %(cost_minor)s, %(currency)s,
        %(priority)s, %(weight)s, %(now)s);

-- name: list_offers
-- A benefit's offers, best first. Withdrawn ones come last.
select * from catalog.offers where benefit_id = %(benefit_id)s order by state = 'withdrawn', priority, id;

-- name: offers_now
-- Offers as they are now, whatever their state: purchases that were planned long ago look before they go out.
select id, state, cost_minor, currency from catalog.offers where id = any (%(ids)s::uuid[]);

-- name: lock_offer
-- One offer, before it is changed.
select * from catalog.offers where id = %(id)s for update;

-- name: update_offer
-- The state is compared and set with the rest.
update catalog.offers
   set product_no = %(product_no)s, cost_minor = %(cost_minor)s, currency = %(currency)s, priority = %(priority)s,
       weight = %(weight)s, state = %(state)s, held_why = %(held_why)s, named_at = %(named_at)s
 where id = %(id)s and state = %(was)s;

-- name: sourcing
-- Where these benefits may be bought now, and how to choose; best first.
select o.*, f.properties ->> 'routing' as routing
  from catalog.offers o join catalog.benefits f on f.id = o.benefit_id
 where o.benefit_id = any (%(ids)s::uuid[]) and o.state = 'active' and o.source = 'supplier'
 order by o.benefit_id, o.priority, o.id;

-- name: only_from_suppliers
-- What bundles on sale need and only suppliers give; an offer that is held is still one.
select f.id, f.code from catalog.benefits f
where f.state = 'active'
    and f.id in (
        select unnest(v.benefit_ids) from catalog.bundles b
        join catalog.versions v on v.bundle_id = b.id and v.version = b.current_version
        where b.state = 'on_sale' and v.state = 'published'
            and (b.sale_from is null or b.sale_from <= %(now)s) and (b.sale_to is null or b.sale_to > %(now)s))
    and exists (select from catalog.offers o where o.benefit_id = f.id and o.source = 'supplier' and o.state <> 'withdrawn')
    and not exists (select from catalog.offers o
                    where o.benefit_id = f.id and o.source <> 'supplier' and o.state = 'active')
order by f.id;

-- name: active_sources
-- Where each of these benefits comes from now (with offers that are held, if wanted).
select benefit_id, array_agg(distinct source) as sources
  from catalog.offers
 where benefit_id = any (%(ids)s::uuid[]) and (state = 'active' or (%(held)s and state = 'held'))
 group by benefit_id;

-- name: insert_bundle
-- A taken code inserts nothing, and the caller sees it by the count.
insert into catalog.bundles (id, code, title, created_at)
values (%(id)s, %(code)s, %(title)s, %(now)s)
on conflict (code) do nothing;

-- name: list_bundles
-- Newest first, below the cursor; the search looks anywhere in code and title.
select * from catalog.bundles
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(state)s::text is null or state = %(state)s)
   and (%(search)s::text is null or position(lower(%(search)s) in lower(code || ' ' || title)) > 0)
 order by id desc
 limit %(most)s;

-- name: read_bundle
-- One bundle.
select * from catalog.bundles where id = %(id)s;

-- name: lock_bundle
-- Versions get their numbers and become current one after the other.
select * from catalog.bundles where id = %(id)s for update;

-- name: update_bundle
-- Title and sale window, under the bundle's lock.
update catalog.bundles set title = %(title)s, sale_from = %(sale_from)s, sale_to = %(sale_to)s where id = %(id)s;

-- name: move_bundle
-- Compare and set.
update catalog.bundles set state = %(state)s where id = %(id)s and state = any (%(sources)s::text[]);

-- name: make_current
-- What is sold from now on, and the state in which the bundle is with it.
update catalog.bundles set current_version = %(version)s, state = %(state)s
 where id = %(id)s and state = any (%(sources)s::text[]);

-- name: insert_version
-- The next number; the bundle is locked.
insert into catalog.versions (bundle_id, version, document, created_at)
select %(bundle_id)s, coalesce(max(version), 0) + 1, %(document)s, %(now)s
  from catalog.versions where bundle_id = %(bundle_id)s
returning version;

-- name: list_versions
-- A bundle's versions, newest first.
select * from catalog.versions
 where bundle_id = %(bundle_id)s and (%(before)s::integer is null or version < %(before)s)
 order by version desc
 limit %(most)s;

-- name: read_version
-- One version.
select * from catalog.versions where bundle_id = %(bundle_id)s and version = %(version)s;

-- name: publish_version
-- From here on the document never changes.
update catalog.versions
   set state = 'published', document = %(document)s, benefit_ids = %(benefit_ids)s::uuid[], published_at = %(now)s
 where bundle_id = %(bundle_id)s and version = %(version)s and state = 'draft';

-- name: move_version
-- Compare and set.
update catalog.versions set state = %(state)s
 where bundle_id = %(bundle_id)s and version = %(version)s and state = any (%(sources)s::text[]);

-- name: set_channel_price
-- What one channel pays, instead of the version's price.
insert into catalog.channel_prices (bundle_id, channel_id, price_minor)
values (%(bundle_id)s, %(channel_id)s, %(price_minor)s)
on conflict (bundle_id, channel_id) do update set price_minor = excluded.price_minor;

-- name: drop_channel_price
-- Back to the version's price.
delete from catalog.channel_prices where bundle_id = %(bundle_id)s and channel_id = %(channel_id)s;

-- name: list_channel_prices
-- Who pays another price.
select channel_id, price_minor from catalog.channel_prices where bundle_id = %(bundle_id)s order by channel_id;
