-- name: naming
-- The offers that name products of a supplier (all of its products, or these), and their benefits' codes. Withdrawn ones are
-- nobody's any more.
select o.*, f.code as benefit, f.state as benefit_state
  from catalog.offers o join catalog.benefits f on f.id = o.benefit_id
 where o.supplier_id = %(supplier)s and o.state <> 'withdrawn'
   and (%(products)s::text[] is null or o.product_no = any (%(products)s::text[]))
 order by o.id;

-- name: selling
-- All versions on sale that sell these benefits, each with the lowest price that some channel pays. An older version is
-- sold to whoever pins it until it is withdrawn.
select b.id, b.code, v.version,
       (select min(p.price_minor) from catalog.channel_prices p where p.bundle_id = b.id) as lowest
  from catalog.bundles b
  join catalog.versions v on v.bundle_id = b.id and v.state = 'published'
 where b.state = 'on_sale' and (b.sale_to is null or b.sale_to > %(now)s)
   and v.benefit_ids && %(ids)s::uuid[]
 order by b.id, v.version desc;

-- name: reprice
-- Accepted prices become the costs of the offers that name these products; locked in the order of ids.
with wanted as (
    select o.id, n.price_minor
      from unnest(%(suppliers)s::uuid[], %(products)s::text[], %(prices)s::bigint[], %(currencies)s::text[])
           as n (supplier_id, product_no, price_minor, currency)
      join catalog.offers o on o.supplier_id = n.supplier_id and o.product_no = n.product_no
       and o.currency = n.currency and o.state <> 'withdrawn'
     order by o.id for update of o
)
update catalog.offers o set cost_minor = w.price_minor from wanted w where o.id = w.id
returning o.id, o.supplier_id, o.product_no;

-- name: active_count
-- How many places each of these benefits can be had from.
select benefit_id, count(*)::integer as offers from catalog.offers
 where benefit_id = any (%(ids)s::uuid[]) and state = 'active'
 group by benefit_id;
