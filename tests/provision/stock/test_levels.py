"""How long keys last: counted exactly while orders take them, forecast by demand, cheap in a vault of any size."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.provision.stock.world import put_keys

from heyi.infra.db import Database, col
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, millis
from heyi.kernel.ids import new_id, new_ids
from heyi.provision import stock
from heyi.provision.stock import levels
from heyi.provision.stock.model import Level

DAY = timedelta(days=1)
BIG = """
insert into stock.keys (id, batch_id, benefit_id, state, expires_at, tail, sealed)
select gen_random_uuid(), %(batch)s, %(benefit)s, 'available',
    case when n %% 2 = 0 then 'infinity' else %(now)s::timestamptz + n * interval '1 minute' end, '', ''
from generate_series(1, %(count)s) n
"""


def fresh(tools: Tools) -> UUID:
    return new_id(millis(tools.clock.now()))


async def take(tools: Tools, benefit: UUID, count: int) -> None:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        keys = (await stock.claim(tx, {benefit: count}, now=now))[benefit]
        assert len(keys) == count
        await stock.issue(tx, list(zip([key.id for key in keys], new_ids(millis(now), count), strict=True)), now=now)


async def counted(tools: Tools) -> int:
    async with tools.db.transaction() as tx:
        return await levels.count(tx)


async def level(tools: Tools, benefit: UUID, soon_days: int = 7) -> Level:
    async with tools.db.reading() as tx:
        return (await levels.of(tx, {benefit: soon_days}, now=tools.clock.now()))[benefit]


def forward(tools: Tools, by: timedelta) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.forward(by)


async def test_every_key_that_goes_is_counted_once(tools: Tools) -> None:
    """Orders take keys while two workers add up; some orders roll back. The count is what was really issued."""
    benefit = fresh(tools)
    await put_keys(tools, benefit, [f"once-{n}" for n in range(60)])

    async def rolls_back() -> None:
        now = tools.clock.now()
        async with tools.db.rehearsal() as tx:
            keys = (await stock.claim(tx, {benefit: 1}, now=now))[benefit]
            await stock.issue(tx, [(keys[0].id, fresh(tools))], now=now)

    await asyncio.gather(*(act for _ in range(12) for act in (take(tools, benefit, 3), counted(tools), rolls_back())))
    assert (await level(tools, benefit)).week_milli == 36_000  # before and after the last was added up
    await counted(tools)
    seen = await level(tools, benefit)
    assert (seen.week_milli, seen.month_milli, seen.ready, seen.days_left) == (36_000, 36_000, 24, 0)
    assert await counted(tools) == 0


async def test_the_forecast_follows_recent_demand(tools: Tools) -> None:
    """Ten a day for three weeks, then thirty a day for a week: the higher mean counts, over the data's age at most."""
    benefit, unsold = fresh(tools), fresh(tools)
    await put_keys(tools, benefit, [f"fore-{n}" for n in range(600)])
    await put_keys(tools, unsold, ["unsold"])
    await take(tools, benefit, 10)
    first = await level(tools, benefit)
    assert (first.week_milli, first.month_milli, first.days_left) == (10_000, 10_000, 59)  # a day at least
    for day in range(1, 28):
        forward(tools, DAY)
        await take(tools, benefit, 10 if day < 21 else 30)
        if day == 2:
            assert (await level(tools, benefit)).week_milli == 15_000  # thirty in two days
        if day % 5 == 0:
            await counted(tools)
    seen = await level(tools, benefit)
    assert seen.ready == 600 - 210 - 210
    assert seen.week_milli == 30_000
    assert 15_000 <= seen.month_milli <= 15_600
    assert (seen.demand_milli, seen.days_left, seen.bounded) == (30_000, 6, False)
    nobody = await level(tools, unsold)
    assert (nobody.ready, nobody.demand_milli, nobody.days_left, nobody.since) == (1, 0, None, None)
    forward(tools, 90 * DAY)
    assert (await level(tools, benefit)).days_left is None
    async with tools.db.transaction() as tx:
        await levels.forget(tx, now=tools.clock.now())
        rows = await tx.rows("select 1 from stock.demand where benefit_id = %(id)s", id=benefit)
    assert rows == []


async def test_what_expires_and_what_will_be_left_of_it(tools: Tools) -> None:
    benefit, now = fresh(tools), tools.clock.now()
    await put_keys(tools, benefit, [f"w-{n}" for n in range(30)], expires=now + 5 * DAY, batch="week")
    await put_keys(tools, benefit, [f"m-{n}" for n in range(40)], expires=now + 20 * DAY, batch="month")
    await put_keys(tools, benefit, [f"e-{n}" for n in range(50)])
    await put_keys(tools, benefit, ["gone"], expires=now, batch="gone")
    await take(tools, benefit, 2)
    seen = await level(tools, benefit, 20)
    assert (seen.ready, seen.expiring_7, seen.expiring_30, seen.expiring) == (118, 28, 68, 68)
    assert seen.first_expires_at == now + 5 * DAY
    # At two a day: 10 of the 28 go in five days; until the twentieth 40 of all 68, so 28 of the other 90 are lost.
    assert (seen.unsold_7, seen.unsold_30, seen.unsold, seen.unsold_ever) == (18, 28, 28, 28)
    assert seen.days_left == 45
    async with tools.db.reading() as tx:
        found = await levels.expiring(tx, benefit, days=30, now=now)
    assert [(one.code, one.keys) for one in found] == [("week", 28), ("month", 40)]


async def test_keys_that_expire_tomorrow_are_not_sold_next_week(tools: Tools) -> None:
    """A month's demand is in the vault, and almost all of it is dead tomorrow: what is lost then no later sale brings
    back, however few expire after it, and what is left does not last."""
    benefit, now = fresh(tools), tools.clock.now()
    await put_keys(tools, benefit, [f"t-{n}" for n in range(290)], expires=now + DAY, batch="tomorrow")
    await put_keys(tools, benefit, [f"l-{n}" for n in range(20)], expires=now + 29 * DAY, batch="later")
    await take(tools, benefit, 10)
    seen = await level(tools, benefit)
    assert (seen.ready, seen.demand_milli) == (300, 10_000)
    assert (seen.expiring_7, seen.unsold_7) == (280, 270)
    assert (seen.expiring_30, seen.unsold_30) == (300, 270)
    assert seen.days_left == 3


async def test_a_great_vault_costs_no_more_than_it_sells(tools: Tools) -> None:
    """A hundred thousand keys: the count stops at what forecasts need, along one index, without touching the keys."""
    benefit, now = fresh(tools), tools.clock.now()
    (first, *_) = await put_keys(tools, benefit, ["first", "second"])
    async with tools.db.transaction() as tx:
        row = await tx.row("select batch_id from stock.keys where id = %(id)s", id=first)
        assert row is not None
        await tx.run(BIG, batch=row.batch_id, benefit=benefit, count=100_000, now=now)
    await _vacuum(tools.db)
    seen = await level(tools, benefit)
    assert (seen.ready, seen.bounded) == (levels.COUNTED_LEAST, True)
    async with tools.db.reading() as tx:
        told = await tx.row(
            "explain (analyze, format json) " + levels.SQL["levels"],  # type: ignore[arg-type]
            benefits=col([benefit]), soon_days=col([7]), now=now, least=levels.COUNTED_LEAST,
        )  # fmt: skip
    assert told is not None
    plans = _nodes(told[0][0]["Plan"])
    keys = [plan for plan in plans if plan.get("Relation Name") == "keys"]
    assert [(plan["Node Type"], plan["Index Name"]) for plan in keys] == [("Index Only Scan", "keys_ready")], keys
    assert keys[0]["Actual Rows"] <= levels.COUNTED_LEAST
    assert keys[0]["Heap Fetches"] < 1000


async def _vacuum(db: Database) -> None:
    async with db.reading() as tx:
        await tx.connection.execute("checkpoint")  # a commit that is not on disk yet is not called visible to all
        await tx.connection.execute("vacuum analyze stock.keys")


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in _nodes(inner))]


def test_a_level_counts_with_the_higher_mean() -> None:
    one = Level(UUID(int=1), 100, False, 2_000, 5_000, None, 7, 0, 0, 0, 0, 0, 0, 0, None)
    assert (one.demand_milli, one.days_left) == (5_000, 20)
    assert replace(one, week_milli=200_000).days_left == 0
    assert replace(one, unsold_ever=40).days_left == 12
