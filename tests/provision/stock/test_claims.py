"""Claiming, issuing and revealing: no oversell under any concurrency, earliest expiry first, sealed at rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.provision.stock.world import COST, put_keys, states

from heyi.infra.db import Tx
from heyi.infra.sealing import SealBroken, Sealing
from heyi.infra.tools import Tools
from heyi.kernel.money import Money
from heyi.provision import stock
from heyi.provision.stock import cards, store

DAY = timedelta(days=1)


class Counted(Tx):
    """A transaction that counts its statements."""

    sent = 0

    async def _send(self, sql, values):  # type: ignore[no-untyped-def]
        self.sent += 1
        return await super()._send(sql, values)


async def test_the_earliest_expiry_is_claimed_first_and_the_expired_never(tools: Tools) -> None:
    now, benefit = tools.clock.now(), uuid4()
    await put_keys(tools, benefit, ["late"], expires=now + 9 * DAY)
    await put_keys(tools, benefit, ["never"], expires=None)
    await put_keys(tools, benefit, ["soon"], expires=now + DAY)
    await put_keys(tools, benefit, ["gone", "gone too"], expires=now)  # expires_at <= now: too late
    async with tools.db.transaction() as tx:
        found = await stock.claim(tx, {benefit: 5}, now=now)
    assert [key.expires_at for key in found[benefit]] == [now + DAY, now + 9 * DAY, None]
    assert {key.cost for key in found[benefit]} == {COST}


async def test_statements_do_not_grow_with_the_batch(tools: Tools) -> None:
    now = tools.clock.now()

    async def serve(benefits: int) -> int:
        needs = {uuid4(): 2 for _ in range(benefits)}
        for benefit in needs:
            await put_keys(tools, benefit, [f"{benefit}-{n}" for n in range(3)])
        async with tools.db.transaction() as tx:
            counted = Counted(tx.connection)
            found = await stock.claim(counted, needs, now=now)
            assert {benefit: len(keys) for benefit, keys in found.items()} == needs
            items = [(key.id, uuid4()) for keys in found.values() for key in keys]
            await stock.issue(counted, items, now=now)
            await stock.reveal(counted, tools.sealing, [item for _, item in items], by="u", now=now)
            bought = [stock.BoughtCard(b, uuid4(), f"bought {b}", None, COST) for b in needs]
            await stock.take_in(counted, tools.sealing, bought, now=now)
        return counted.sent

    assert await serve(1) == await serve(30) <= 10


async def test_two_hundred_buyers_for_fifty_keys(tools: Tools) -> None:
    now, benefit, other = tools.clock.now(), uuid4(), uuid4()
    await put_keys(tools, benefit, [f"k{n}" for n in range(50)])
    await put_keys(tools, other, [f"o{n}" for n in range(400)])

    async def buy(n: int) -> list[UUID]:
        # Each buyer wants the scarce benefit and a plentiful one; every seventh gives up after claiming.
        async with tools.db.transaction() as tx:
            found = await stock.claim(tx, {other: 2, benefit: 1}, now=now)
            if not found[benefit]:
                return []
            assert len(found[other]) == 2
            if n % 7 == 0:
                raise psycopg.Rollback
            pairs = [(key.id, uuid4()) for keys in found.values() for key in keys]
            async with tx.pipeline():
                await stock.issue(tx, pairs, now=now)
            return [found[benefit][0].id]
        return []

    got = await asyncio.wait_for(asyncio.gather(*(buy(n) for n in range(200))), timeout=60)
    sold = [key for keys in got for key in keys]
    assert len(sold) == len(set(sold)) == 50
    assert await states(tools, benefit) == Counter(issued=50)
    assert await states(tools, other) == Counter(issued=100, available=300)


async def test_nobody_hears_sold_out_while_another_may_let_go(tools: Tools) -> None:
    now, (benefit, plenty) = tools.clock.now(), sorted((uuid4(), uuid4()))  # locked in this order
    await put_keys(tools, benefit, ["last"])
    await put_keys(tools, plenty, ["a", "b", "c"])
    holding, may_let_go = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        async with tools.db.transaction() as tx:
            assert len((await stock.claim(tx, {benefit: 1}, now=now))[benefit]) == 1
            holding.set()
            await may_let_go.wait()
            raise psycopg.Rollback

    async def second() -> list[stock.ClaimedKey]:
        await holding.wait()
        async with tools.db.transaction() as tx:
            return (await stock.claim(tx, {benefit: 1, plenty: 2}, now=now))[benefit]

    tasks = [asyncio.create_task(holder()), asyncio.create_task(second())]
    await holding.wait()
    await until_somebody_waits(tools)
    # What its first pass had locked is free again while it waits.
    async with tools.db.transaction() as tx:
        assert len((await stock.claim(tx, {plenty: 3}, now=now))[plenty]) == 3
    may_let_go.set()
    assert len((await asyncio.gather(*tasks))[1]) == 1


async def until_somebody_waits(tools: Tools) -> None:
    """Poll the lock table, with a deadline."""
    async with asyncio.timeout(20), tools.db.reading() as tx:
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while await tx.row(waiting) is None:
            pass


async def test_scarce_claims_in_opposite_order_do_not_deadlock(tools: Tools) -> None:
    now, a, b = tools.clock.now(), uuid4(), uuid4()
    await put_keys(tools, a, [f"a{n}" for n in range(30)])
    await put_keys(tools, b, [f"b{n}" for n in range(30)])

    async def buy(n: int) -> int:
        needs = {a: 3, b: 3} if n % 2 else {b: 3, a: 3}
        async with tools.db.transaction() as tx:
            found = await stock.claim(tx, needs, now=now)
            if any(len(keys) < 3 for keys in found.values()):
                raise psycopg.Rollback
            await stock.issue(tx, [(k.id, uuid4()) for keys in found.values() for k in keys], now=now)
            return 1
        return 0

    assert sum(await asyncio.wait_for(asyncio.gather(*(buy(n) for n in range(60))), timeout=60)) == 10
    assert await states(tools, a) == await states(tools, b) == Counter(issued=30)


async def test_a_claim_does_not_walk_what_is_sold(tools: Tools) -> None:
    now, benefit = tools.clock.now(), uuid4()
    await put_keys(tools, benefit, [f"k{n}" for n in range(24_000)])
    async with tools.db.transaction() as tx:
        await tx.run(
            "update stock.keys set state = 'issued', item_id = gen_random_uuid() where id in "
            "(select id from stock.keys where benefit_id = %(benefit)s order by place limit 23500)",
            benefit=benefit,
        )
    async with tools.db.reading() as tx:
        await tx.run("vacuum analyze stock.keys")
    async with tools.db.transaction() as tx:
        plan = await tx.rows(
            "explain (analyze, buffers, format json) " + store.SQL["claim_ready"],
            benefits=f"{{{benefit}}}", most="{40}", now=now,
        )  # fmt: skip
    text = str(plan[0])
    assert "keys_ready" in text
    assert plan[0][0][0]["Plan"]["Shared Hit Blocks"] < 200, text


async def test_a_key_is_never_issued_twice_not_even_by_mistake(tools: Tools) -> None:
    now, benefit = tools.clock.now(), uuid4()
    (key,) = await put_keys(tools, benefit, ["one"])
    with pytest.raises(psycopg.errors.IntegrityError, match="were not in the state"):
        async with tools.db.transaction() as tx, tx.pipeline():
            await stock.issue(tx, [(key, uuid4()), (key, uuid4())], now=now)
    assert await states(tools, benefit) == Counter(available=1)
    async with tools.db.transaction() as tx:
        await stock.issue(tx, [(key, uuid4())], now=now)
    with pytest.raises(psycopg.errors.IntegrityError):
        async with tools.db.transaction() as tx:
            await stock.issue(tx, [(key, uuid4())], now=now)


async def test_reveal_opens_and_records_every_reading(tools: Tools) -> None:
    now, benefit, item = tools.clock.now(), uuid4(), uuid4()
    (key,) = await put_keys(tools, benefit, ["SECRET-0001-ABCD"])
    async with tools.db.transaction() as tx:
        assert await stock.reveal(tx, tools.sealing, [item], by="u-1", now=now) == {}
        await stock.issue(tx, [(key, item)], now=now)
    for first in (True, False):
        async with tools.db.transaction() as tx:
            shown = (await stock.reveal(tx, tools.sealing, [item], by="u-1", now=now))[item]
        assert (shown.code, shown.secret, shown.first, shown.tail) == ("SECRET-0001-ABCD", None, first, "****ABCD")
        assert "SECRET" not in repr(shown)
    assert await states(tools, benefit) == Counter(revealed=1)
    async with tools.db.reading() as tx:
        kept = await tx.rows("select by from stock.reveals where key_id = %(key)s", key=key)
    assert [row.by for row in kept] == ["u-1", "u-1"]


async def test_sealed_bytes_hold_nothing_readable_and_open_only_at_home(tools: Tools) -> None:
    benefit = uuid4()
    one, two = await put_keys(tools, benefit, ["PLAINTEXT-ONE", "PLAINTEXT-TWO"])
    async with tools.db.reading() as tx:
        row = await tx.row("select batch_id, sealed from stock.keys where id = %(key)s", key=one)
        batch = await tx.row("select data_key from stock.batches where id = %(id)s", id=row.batch_id)
        everything = await tx.rows("select k::text as line from stock.keys k where benefit_id = %(b)s", b=benefit)
    assert b"PLAINTEXT" not in row.sealed
    assert not any("PLAINTEXT" in each.line for each in everything)
    data_key = cards.data_key(tools.sealing, batch.data_key)
    assert cards.opened(data_key, one.bytes, row.sealed) == ("PLAINTEXT-ONE", None)
    with pytest.raises(SealBroken):
        cards.opened(data_key, two.bytes, row.sealed)
    with pytest.raises(SealBroken):
        cards.data_key(Sealing(b"another master key of 32 bytes.."), batch.data_key)


async def test_bought_cards_belong_to_their_item_and_are_stored_once(tools: Tools) -> None:
    now, benefit, item, stranger = tools.clock.now(), uuid4(), uuid4(), uuid4()
    card = stock.BoughtCard(benefit, item, "NO-1", "pass-1", Money(300, "CNY"), now + DAY)
    for _ in range(2):  # a supplier asked again answers the same card again
        async with tools.db.transaction() as tx:
            assert await stock.take_in(tx, tools.sealing, [card, card], now=now) == []
    assert await states(tools, benefit) == Counter(issued=1)
    again = stock.BoughtCard(benefit, stranger, "NO-1", "pass-1", Money(300, "CNY"))
    second = stock.BoughtCard(benefit, item, "NO-2", None, Money(301, "CNY"))
    async with tools.db.transaction() as tx:
        (repeated,) = await stock.take_in(tx, tools.sealing, [again, second], now=now)
        assert (repeated.item_id, repeated.holder_item_id) == (stranger, item)
        shown = await stock.reveal(tx, tools.sealing, [item, stranger], by="u", now=now)
    assert set(shown) == {item}
    assert (shown[item].code, shown[item].secret, [o.code for o in shown[item].others]) == ("NO-1", "pass-1", ["NO-2"])
    async with tools.db.transaction() as tx:
        assert (await stock.claim(tx, {benefit: 1}, now=now))[benefit] == []
