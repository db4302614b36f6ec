-- name: claim_due
-- Accounts whose balance is to be asked for, each taken by one worker. A paused account and one whose breaker is open
-- are left alone. (A due time far ahead comes from a clock that was moved back.)
with due as (
    select id from fulfilment.suppliers
    where state = 'active' and pays = 'prepaid' and breaker <> 'open'
        and (balance_due_at is null or balance_due_at <= %(now)s or balance_due_at > %(far)s)
    order by balance_due_at nulls first limit %(most)s for update skip locked
)
update fulfilment.suppliers s
set balance_due_at = %(now)s::timestamptz + make_interval(secs => %(gap_s)s * (0.8 + 0.4 * random()))
from due where s.id = due.id
returning s.id;

-- name: left_alone
-- Accounts that nobody looks at: paused, or owed for.
select id from fulfilment.suppliers where state <> 'active' or pays <> 'prepaid';

-- name: terms
-- How an account pays.
select pays from fulfilment.suppliers where id = %(supplier)s;

-- name: set_terms
-- From now on.
update fulfilment.suppliers set pays = %(pays)s where id = %(supplier)s;

-- name: in_flight
-- What may have been bought and is not known to be delivered or refused: the last number of every task that is being sent
-- or asked about or waits for a person, and numbers that were overtaken and are still looked at. Bounded by what is open.
with maybe as (
    select a.lane, a.id from fulfilment.tasks t
    join fulfilment.attempts a on a.lane = t.lane and a.order_id = t.order_id and a.task_id = t.id
        and a.number = t.attempts and a.state in ('sending', 'unknown', 'accepted')
    where t.supplier_id = %(supplier)s and t.state = 'sending' and t.lease is not null
    union
    select a.lane, a.id from fulfilment.tasks t
    join fulfilment.attempts a on a.lane = t.lane and a.order_id = t.order_id and a.task_id = t.id
        and a.number = t.attempts and a.state in ('sending', 'unknown', 'accepted')
    where t.supplier_id = %(supplier)s and t.state = 'asking'
    union
    select a.lane, a.id from fulfilment.tasks t
    join fulfilment.attempts a on a.lane = t.lane and a.order_id = t.order_id and a.task_id = t.id
        and a.number = t.attempts and a.state in ('sending', 'unknown', 'accepted')
    where t.state = 'waiting_for_person' and t.supplier_id = %(supplier)s
    union
    select a.lane, a.id from fulfilment.attempts a
    where a.supplier_id = %(supplier)s and a.recheck_at is not null and a.state in ('sending', 'unknown', 'accepted')
)
select count(*)::integer as numbers,
    coalesce(sum(coalesce(a.cost_minor, a.expected_minor, (t.request ->> 'cost_minor')::bigint, 0)), 0)::bigint as minor
from maybe m
join fulfilment.attempts a on a.lane = m.lane and a.id = m.id
join fulfilment.tasks t on t.lane = a.lane and t.id = a.task_id;

-- name: keep
-- One more look at our balance there; what the supplier said serves routing as well (real time).
with kept as (
    insert into fulfilment.balances (id, supplier_id, at, currency, reported_minor, booked_minor, in_flight_minor,
        difference_minor, problem, duration_ms)
    values (%(id)s, %(supplier)s, %(now)s, %(currency)s, %(reported)s, %(booked)s, %(in_flight)s, %(difference)s,
        %(problem)s, %(duration_ms)s)
)
update fulfilment.suppliers set balance_minor = %(reported)s, balance_at = %(wall)s
where id = %(supplier)s and %(reported)s::bigint is not null;

-- name: page
-- The looks at an account, newest first.
select * from fulfilment.balances
where supplier_id = %(supplier)s and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(most)s;

-- name: forget
-- Old looks, a chunk at a time. Ids begin with their time.
delete from fulfilment.balances where id in (
    select id from fulfilment.balances where id < %(floor)s order by id limit %(most)s);
