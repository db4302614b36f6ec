"""Nothing that is noted is ever missed by a reader, and nobody reads what does not concern them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.watch.world import forward, fresh, paid

from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.watch import journal
from heyi.watch.journal import Holder, Noted

CHANNEL, PARTNER = UUID(int=1), UUID(int=2)


async def note(tools: Tools, lines: list[Noted]) -> None:
    async with tools.db.transaction() as tx:
        await journal.note(tx, lines, now=tools.clock.now())


async def read_all(tools: Tools, holder: UUID, *, after: int = 0, most: int = 3) -> list[UUID]:
    found: list[UUID] = []
    more = True
    while more:
        async with tools.db.reading() as tx:
            page = await journal.read(tx, holder, after=after, most=most)
        found += page.fact_ids
        after, more = page.position, page.more
    return found


async def test_pages_read_forward_and_the_last_cursor_stays_good(tools: Tools) -> None:
    holder, ids = fresh(tools), [fresh(tools) for _ in range(8)]
    await note(tools, [Noted(holder, id, "order.paid") for id in ids[:7]])
    assert await read_all(tools, holder) == ids[:7]
    async with tools.db.reading() as tx:
        end = await journal.read(tx, holder, most=100)
        assert not end.more
    await note(tools, [Noted(holder, ids[7], "order.paid")])
    assert await read_all(tools, holder, after=end.position) == ids[7:]


async def test_noting_twice_changes_nothing(tools: Tools) -> None:
    holder, ids = fresh(tools), [fresh(tools) for _ in range(3)]
    for _ in range(3):
        await note(tools, [Noted(holder, id, "order.paid") for id in ids])
    assert await read_all(tools, holder) == ids


async def test_a_late_commit_is_not_missed(tools: Tools) -> None:
    """A transaction that began first and commits last: its lines stand behind what a reader may have seen by then."""
    holder, first, second = fresh(tools), fresh(tools), fresh(tools)
    await note(tools, [Noted(holder, fresh(tools), "order.paid")])
    async with tools.db.transaction() as slow:
        await journal.note(slow, [Noted(holder, first, "order.paid")], now=tools.clock.now())
        other = asyncio.create_task(note(tools, [Noted(holder, second, "order.paid")]))
        async with tools.db.reading() as tx:
            seen = await journal.read(tx, holder, most=10)
        assert len(seen.fact_ids) == 1
        assert not other.done()
    await other
    assert await read_all(tools, holder, after=seen.position) == [first, second]


async def test_since_a_time_finds_all_that_was_noted_from_then_on(tools: Tools) -> None:
    holder, before, after = fresh(tools), fresh(tools), fresh(tools)
    await note(tools, [Noted(holder, before, "order.paid")])
    forward(tools, hours=1)
    since = tools.clock.now()
    await note(tools, [Noted(holder, after, "item.failed")])
    async with tools.db.reading() as tx:
        assert (await journal.read(tx, holder, since=since, most=10)).fact_ids == [after]
        assert (await journal.read(tx, holder, until=since - timedelta(minutes=1), most=10)).fact_ids == [before]
        assert (await journal.read(tx, holder, names=["item.failed"], most=10)).fact_ids == [after]


async def test_nobody_finds_nothing(tools: Tools) -> None:
    assert await read_all(tools, fresh(tools)) == []


def about_item(name: str) -> Fact:
    return Fact(
        name, {"benefit": "tea", "share": {"amount_minor": 5}, "tail": "1234", "units": 1}, order_id=UUID(int=3),
        item_id=UUID(int=4), channel_id=CHANNEL, partner_id=PARTNER, buyer="u-1", id=UUID(int=8),
        at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("item.delivered", ["channel", "partner"]), ("order.paid", ["channel"]), ("task.sent", []), ("stock.arrived", [])],
)
def test_whom_a_fact_concerns(name: str, kinds: list[str]) -> None:
    assert [holder.kind for holder in journal.concerned(about_item(name))] == kinds


def test_a_partner_is_not_told_who_bought_and_for_how_much() -> None:
    fact = about_item("item.delivered")
    to_channel = json.loads(journal.body(fact, "channel", "https://heyi.example"))
    to_partner = json.loads(journal.body(fact, "partner", "https://heyi.example"))
    assert to_channel["data"]["buyer"] == "u-1"
    assert "tail" not in to_channel["data"]
    assert set(to_partner["data"]) == {"order", "item", "benefit", "units"}
    assert to_channel["subject"] == to_channel["data"]["item"]
    assert {"specversion", "id", "source", "type", "time", "subject", "data"} <= set(to_channel)
    assert to_channel["id"].startswith("fct_")


def test_a_redemption_is_the_subject_of_its_facts() -> None:
    fact = Fact("redemption.redeemed", {"redemption": "rdm_x"}, partner_id=PARTNER, id=UUID(int=8),
                at=datetime(2026, 11, 22, tzinfo=UTC))  # fmt: skip
    assert json.loads(journal.body(fact, "partner", "s"))["subject"] == "rdm_x"


def test_every_public_event_has_words() -> None:
    assert set(journal.PUBLIC) <= set(journal.WORDS)
    fact = paid(CHANNEL)
    zh, en = journal.say(fact.name, {"bundle": "joint", "amount": {"amount_minor": 9900, "currency": "CNY"}})
    assert (zh, en) == ("已支付 99.00 CNY，商品 joint", "paid 99.00 CNY for joint")
    assert journal.say("item.failed", {"benefit": "茶"}) == ("茶 交付失败", "茶 could not be delivered")


def test_holders_are_told_apart() -> None:
    assert Holder("channel", CHANNEL) != Holder("partner", CHANNEL)
