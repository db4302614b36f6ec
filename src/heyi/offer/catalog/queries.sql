-- name: on_sale
-- One row per wished (bundle, version, channel) that exists: where its sale stands now, the channel's price, and the
-- active offers of its benefits, best first, as text (equal text: nothing has changed since the last time). A bundle
-- is wished by id or by code; each half of the union walks its own index.
select w.n, b.id, b.code, b.state, b.sale_from, b.sale_to, b.current_version, v.version, v.state as version_state,
       v.published_at, p.price_minor,
       (select jsonb_agg(jsonb_build_array(o.benefit_id, o.id, o.source, o.supplier_id, o.product_no, o.cost_minor,
                                           o.currency) order by o.priority, o.id)::text
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
