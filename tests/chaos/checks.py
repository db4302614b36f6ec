"""After the storm: let everything settle, then nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles
from typing import Any

from tests import alliance
from tests.chaos.storm import Told
from tests.chaos.suppliers import SUPPLIERS
from tests.stack import Stack, until

from heyi.infra.db import Database
from heyi.kernel.ids import to_text
from heyi.order import checkout
from heyi.watch.journal.rules import PUBLIC

SETTLE_S, STEP = 300.0, timedelta(hours=2)
HEAL_S = 150.0  # real time for what is unknown: graces are real; whatever takes longer is counted as not healed
SHIFT_MAX = timedelta(hours=60)  # below the three days after which the storm's later parts are due

# Whatever the worker will still do by itself: nothing else may be open at the end.
BUSY = """
    select state, count(*) as rows, min(due_at) as due from fulfilment.tasks
    where state in ('sending', 'asking') or (state = 'scheduled' and due_at < now() + interval '60 hours')
    group by state
    union all
    select 'to look at again', count(*), min(recheck_at) from fulfilment.attempts
    where recheck_at is not null and rechecks < 12
    having count(*) > 0
"""
UNTOLD = """
    select (select count(*) from infra.unrelayed) as facts,
           (select count(*) from procrastinate_jobs where queue_name = 'heyi' and status in ('todo', 'doing')) as jobs,
           (select count(*) from webhook.deliveries where state in ('waiting', 'sending')) as webhooks
"""
UNKNOWN = "select from fulfilment.attempts where state = 'unknown' limit 1"
# From the moment when nobody knew whether it was bought until it was known; null: not yet when the clock was moved.
HEALED = """
    select case when a.ended_at < %s then extract(epoch from a.ended_at - min(f.at)) end as s
    from infra.facts f join fulfilment.attempts a on a.outer_number = f.data->>'outer_number'
    where f.name = 'task.unknown' group by a.outer_number, a.ended_at
"""


@dataclass(frozen=True)
class Healing:
    """Seconds of real time from "unknown" to known, for what healed before the clock was moved; `open`: others."""

    count: int
    open: int
    median_s: float
    p99_s: float


def settle(stack: Stack) -> Healing:
    """Wait until nothing moves any more; the clock is moved when only due times are waited for."""
    calm = stepped = time.monotonic()
    deadline, shifted, moved_at = calm + SETTLE_S, timedelta(), None
    before: Any = None
    while busy := [(row.state, row.rows, row.due) for row in stack.rows(BUSY)]:
        now = time.monotonic()
        assert now < deadline, f"it does not settle: {busy}\n{stack.log('worker1')[-2000:]}"
        if busy != before:
            before, stepped = busy, now
        elif now - stepped > 1.0 and shifted < SHIFT_MAX and (now - calm > HEAL_S or not stack.rows(UNKNOWN)):
            moved_at = moved_at or _now(stack)
            stack.forward(STEP)
            shifted, before = shifted + STEP, None
        time.sleep(0.1)
    # What a killed worker was told to do is found by its silence, within half a minute of real time.
    until(lambda: _all_told(stack), SETTLE_S, "facts, jobs and webhooks to be done")
    every = [row.s for row in stack.rows(HEALED, [moved_at or _now(stack)])]
    seconds = sorted(float(one) for one in every if one is not None)
    if len(seconds) < 2:
        return Healing(len(seconds), len(every) - len(seconds), *(seconds or [0.0]) * 2)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return Healing(len(seconds), len(every) - len(seconds), cuts[49], cuts[98])


def _now(stack: Stack) -> Any:
    return stack.rows("select clock_timestamp() as at")[0].at


def _all_told(stack: Stack) -> bool:
    row = stack.rows(UNTOLD)[0]
    if row.webhooks and not row.facts and not row.jobs:
        stack.forward(timedelta(minutes=10))
    return not (row.facts or row.jobs or row.webhooks)


def check(stack: Stack, told: Told, orders: int, name: str = "c") -> Counter[str]:
    """Assert everything; answers how the items ended."""
    assert not told.errors, "\n".join(told.errors[:20])
    _every_order_once(stack, told, orders, name)
    ends = _every_item_ended_or_waits_for_a_reason(stack)
    ends["differences"] = _delivered_once(stack)
    _keys_belong_to_one(stack, told)
    stack.audit()
    assert asyncio_run(_repair(stack.database_url)) == [], "counters of orders had drifted from their items"
    _everybody_was_told(stack)
    _books_agree_with_suppliers(stack)
    return ends


def asyncio_run(work: Any) -> Any:
    """Run a coroutine in a thread of its own: pytest has an event loop here already."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, work).result()


async def _repair(url: str) -> list[Any]:
    database = Database(url, connections_max=1, name="chaos")
    await database.open()
    try:
        async with database.transaction() as tx:
            return await checkout.repair(tx)
    finally:
        await database.close()


def _every_order_once(stack: Stack, told: Told, orders: int, name: str) -> None:
    assert len(told.accepted) == orders
    rows = stack.rows("select number, id from checkout.orders where number like %s", [f"{name}-%"])
    assert Counter(row.number for row in rows) == Counter(told.accepted.keys())
    ids = {row.number: to_text("ord", row.id) for row in rows}
    assert ids == {number: order["id"] for number, order in told.accepted.items()}
    charged = stack.rows(
        "select order_id from ledger.entries where kind = 'order.paid' group by 1 having count(*) <> 1"
    )
    assert not charged


def _every_item_ended_or_waits_for_a_reason(stack: Stack) -> Counter[str]:
    """Delivered, scheduled, or waiting with a reason: a state and words that a person can act on."""
    rows = stack.rows(
        "select i.id, i.state, i.problem, i.kind, i.component, t.state as task, t.problem as why, e.state as right,"
        " i.terms, i.due_at from checkout.items i join checkout.orders o on (o.lane, o.id) = (i.lane, i.order_id)"
        " left join fulfilment.tasks t on t.item_id = i.id"
        " join entitlement.entitlements e on e.item_id = i.id where o.payment = 'paid'"
    )
    assert rows
    wrong = []
    for row in rows:
        match row.state:
            case "delivered":
                fine = row.task in (None, "delivered") and row.right in ("pending_activation", "active", "ended")
            case "scheduled":
                fine = row.task in ("scheduled", "waiting_for_event")
            case "waiting_for_buyer":
                fine = row.task == "waiting_for_buyer" and row.right == "pending_delivery"
            case "waiting_for_stock":
                fine = row.task == "waiting_for_stock"
            case "delivering":
                fine = row.task == "waiting_for_person" and bool(row.problem) and bool(row.why)
            case _:
                fine = False
        if not fine:
            wrong.append(row)
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(map(str, wrong[:20]))
    return Counter(f"{row.state}{': ' + row.problem.split()[0] if row.problem else ''}" for row in rows)


def _delivered_once(stack: Stack) -> int:
    """By the suppliers' own count, over all outer numbers of an item: one, or one more for each listed difference; and
    each difference has a supplier's false "failed" for the same item behind it. Answers how many there were."""
    counted: Counter[str] = Counter()
    lies: Counter[str] = Counter()
    for supplier in SUPPLIERS:
        for item, times in stack.world.get(f"suppliers/{supplier}/deliveries", group_by_item=1)["by_outer"].items():
            counted[item] += times
        lied = [one["outer"] for one in _orders(stack, supplier) if one["plan"].get("lies_ms") is not None]
        lies.update(outer.rpartition("-")[0] for outer in lied)
    listed = [one["outer_number"] for one in stack.operator.every("/task_differences")]
    assert len(set(listed)) == len(listed)
    differences = Counter(outer.rpartition("-")[0] for outer in listed)
    assert differences <= lies, f"differences that no lie explains: {differences - lies}"
    # Cards that somebody else has already: handed over and paid for, and worth nothing. A person looks at them.
    bad = stack.rows("select outer_number from fulfilment.attempts where why like 'repeated_card%'")
    spoiled = Counter(row.outer_number.rpartition("-")[0] for row in bad)
    rows = stack.rows(
        "select i.id, i.state = 'delivered' as delivered from checkout.items i"
        " join fulfilment.tasks t on t.item_id = i.id where t.supplier_id is not null"
    )
    assert rows
    items = {to_text("", row.id)[1:]: int(row.delivered) for row in rows}
    wrong = {
        item: (counted[item], items.get(item), differences[item])
        for item in items.keys() | counted.keys()
        if counted[item] != items.get(item, 0) + differences[item] + spoiled[item]
    }
    tried = [_tried(stack, item) for item in list(wrong)[:3]]
    assert not wrong, f"deliveries that do not add up (really made, the item's, differences): {wrong}\n{tried}"
    return len(listed)


def _tried(stack: Stack, item: str) -> list[str]:
    """What heyi and the suppliers know of an item's numbers, for the message of a failed check."""
    rows = stack.rows(
        "select a.outer_number, a.state, a.why, a.submits, a.rechecks, a.difference, a.started_at, a.ended_at,"
        " s.code as supplier from fulfilment.attempts a join fulfilment.suppliers s on s.id = a.supplier_id"
        " where a.outer_number like %s order by a.number",
        [f"{item}-%"],
    )
    return [
        f"{row} / {stack.world.get(f'suppliers/{row.supplier}/orders', outer=row.outer_number)['data']}" for row in rows
    ]


def _orders(stack: Stack, supplier: str) -> Iterator[dict[str, Any]]:
    after = ""
    while after is not None:
        page = stack.world.get(f"suppliers/{supplier}/orders", limit=1000, after=after)
        yield from page["data"]
        after = page["next_after"]


def _keys_belong_to_one(stack: Stack, told: Told) -> None:
    assert not stack.rows("select item_id from stock.keys where item_id is not null group by 1 having count(*) > 1")
    assert not stack.rows(
        "select k.id from stock.keys k left join checkout.items i on i.id = k.item_id and i.state = 'delivered'"
        " where k.state in ('issued', 'revealed') and i.id is null"
    )
    assert not stack.rows(
        "select i.id from checkout.items i left join stock.keys k on k.item_id = i.id"
        " where i.kind = 'card_key' and i.state = 'delivered' and k.id is null"
    )
    for order in told.accepted.values():
        for item in stack.now(order)["items"]:
            if item["kind"] == "card_key" and item["state"] == "delivered":
                shown = stack.channel.post(f"/entitlements/{item['entitlement']}/reveal")
                assert item["component"] == "takeaway3" or shown["secret"] == alliance.secret_of(shown["code"])
                told.revealed.setdefault(item["entitlement"], set()).add(shown["code"])
    assert all(len(codes) == 1 for codes in told.revealed.values()), "a right showed two different keys"
    codes = [code for codes in told.revealed.values() for code in codes]
    assert len(set(codes)) == len(codes), "one key was shown to two buyers"
    stored = stack.rows("select count(*) as keys, count(distinct fingerprint) as prints from stock.fingerprints")[0]
    assert stored.keys == stored.prints


def _books_agree_with_suppliers(stack: Stack) -> None:
    """To the fen, by the suppliers' own balances: what was delivered was booked with what was charged, once."""
    for supplier in stack.operator.every("/suppliers"):
        look = stack.operator.post(f"/suppliers/{supplier['id']}/balance/looks")
        assert look["difference"] == {"amount_minor": 0, "currency": "CNY"}, (supplier["code"], look)


def _everybody_was_told(stack: Stack) -> None:
    """Every public fact of the channel is in its list of events and at its receiver, under one webhook-id each."""
    public = "','".join(PUBLIC)
    rows = stack.rows(
        f"select f.id from infra.facts f join partner.channels c on c.id = f.channel_id"  # noqa: S608 - our own words
        f" where c.code = 'shop' and f.name in ('{public}')"
    )
    facts = {to_text("fct", row.id) for row in rows}
    events, cursor, more = [], None, True
    while more:
        page = stack.channel.get("/events", limit=200, cursor=cursor)
        events += [event["id"] for event in page["data"]]
        cursor, more = page["next_cursor"], page["has_more"]
    assert Counter(events) == Counter(facts)
    heard = stack.world.get("receivers/chaos", limit=10_000)
    assert heard["verified"] == heard["total"]
    assert heard["attempts"].keys() == facts, "a webhook was lost, or came under an id of its own"
    assert heard["accepted"] == len(facts)
