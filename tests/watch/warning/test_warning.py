"""Warnings: raised once per kind and subject until they are over, told once, quiet when somebody said so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.watch.world import clock_of

from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.watch import warning
from heyi.watch.warning import Trouble, Warned, model

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def raised(tools: Tools, *troubles: Trouble) -> list[Fact]:
    async with tools.db.transaction() as tx:
        return await warning.raise_(tx, troubles, now=tools.clock.now())


async def cleared(tools: Tools, *gone: tuple[str, str]) -> list[Fact]:
    async with tools.db.transaction() as tx:
        return await warning.clear(tx, gone, now=tools.clock.now())


async def swept(tools: Tools) -> list[Fact]:
    async with tools.db.transaction() as tx:
        return await warning.sweep(tx, now=tools.clock.now())


async def listed(tools: Tools, subject: str, state: str = "open") -> list[Warned]:
    async with tools.db.reading() as tx:
        return await warning.search(
            tx, state=state, kind=None, level=None, about=subject, text=None, now=tools.clock.now(), before=None,
            limit=50,
        )  # fmt: skip


def names(facts: Sequence[Fact]) -> list[tuple[str, object]]:
    return [(fact.name, fact.data.get("why")) for fact in facts]


async def test_a_warning_is_raised_once_until_it_is_cleared(tools: Tools) -> None:
    """Seeing the same trouble for an hour tells nobody twice; after it was cleared it is news again."""
    trouble = Trouble("offer_held", "ofr_1", {"benefit": "video", "supplier": "fulu", "why": "costs more than allowed"})
    (first,) = await raised(tools, trouble, trouble)
    assert first.name == "warning.raised"
    assert first.data["en"] == "the offer of video at fulu is held: costs more than allowed"
    assert first.data["zh"] == "video 的货源（供货商 fulu）已停用：costs more than allowed"
    for _ in range(3):
        clock_of(tools).forward(20 * MINUTE)
        assert await raised(tools, trouble) == []
    (one,) = await listed(tools, "ofr_1")
    assert one.last_seen - one.since == HOUR
    assert names(await cleared(tools, (trouble.kind, trouble.subject), ("drift", "nobody"))) == [
        ("warning.cleared", None)
    ]
    assert await cleared(tools, (trouble.kind, trouble.subject)) == []
    assert await listed(tools, "ofr_1") == []
    assert names(await raised(tools, trouble)) == [("warning.raised", "new")]
    assert [one.cleared_at is None for one in await listed(tools, "ofr_1", "all")] == [True, False]


async def test_what_comes_and_goes_is_one_warning(tools: Tools) -> None:
    """A breaker that opens and closes every minute is raised once, and over only when it stayed closed."""
    key = (model.BREAKER_OPEN, "sup_flapping")
    trouble = Trouble(*key, {"supplier": "s", "why": "5 of 5 failed"})
    assert len(await raised(tools, trouble)) == 1
    for _ in range(4):
        clock_of(tools).forward(MINUTE)
        assert await cleared(tools, key) == []
        clock_of(tools).forward(MINUTE)
        assert await raised(tools, trouble) == []
        assert await swept(tools) == []
    await cleared(tools, key)
    clock_of(tools).forward(5 * MINUTE)
    assert names(await swept(tools)) == [("warning.cleared", None)]
    assert await listed(tools, "sup_flapping") == []


async def test_a_trouble_that_nobody_can_see_end_fades(tools: Tools) -> None:
    trouble = Trouble(model.UNMAPPED_ANSWER, "sup_u/status 77", {"supplier": "u", "value": "status 77"})
    await raised(tools, trouble)
    clock_of(tools).forward(23 * HOUR)
    await raised(tools, trouble)
    clock_of(tools).forward(23 * HOUR)
    assert await swept(tools) == []
    assert [one.subject for one in await listed(tools, "sup_u")] == ["sup_u/status 77"]
    clock_of(tools).forward(HOUR)
    assert names(await swept(tools)) == [("warning.cleared", None)]


async def test_what_gets_worse_is_told_again(tools: Tools) -> None:
    mild = Trouble("unheard_of", "sup_w", zh="不妙", en="not good")
    bad = Trouble("unheard_of", "sup_w", level=model.CRITICAL, zh="糟糕", en="bad")
    await raised(tools, mild)
    (worse,) = await raised(tools, bad)
    assert (worse.data["why"], worse.data["level"], worse.data["zh"]) == ("worse", "critical", "糟糕")
    assert await raised(tools, bad) == []
    assert await raised(tools, mild) == []


async def test_a_snoozed_trouble_wakes_nobody_until_then(tools: Tools) -> None:
    """Also when it goes and comes back; when the time is over and it is still there, it is told again."""
    trouble = Trouble("drift", "prt_1", {"partner": "p", "count": 3})
    await raised(tools, trouble)
    (one,) = await listed(tools, "prt_1")
    until = tools.clock.now() + 3 * HOUR
    async with tools.db.transaction() as tx:
        await warning.snooze(tx, one.id, until=until, by="operator:x", now=tools.clock.now())
    assert await listed(tools, "prt_1") == []
    assert len(await listed(tools, "prt_1", "snoozed")) == 1
    await cleared(tools, ("drift", "prt_1"))
    clock_of(tools).forward(HOUR)
    assert await raised(tools, trouble) == []
    clock_of(tools).forward(2 * HOUR)
    assert names(await swept(tools)) == [("warning.raised", "snooze_over")]
    assert len(await listed(tools, "prt_1")) == 1
    assert await swept(tools) == []


async def test_who_looks_after_it_is_known(tools: Tools) -> None:
    await raised(tools, Trouble("drift", "prt_2"))
    (one,) = await listed(tools, "prt_2")
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        await warning.acknowledge(tx, one.id, by="operator:a", now=now)
        assert (await warning.acknowledge(tx, one.id, by="operator:b", now=now)).acknowledged_by == "operator:a"
    await cleared(tools, ("drift", "prt_2"))
    for act, code in (
        (lambda tx: warning.acknowledge(tx, one.id, by="c", now=now), "warning.over"),
        (lambda tx: warning.snooze(tx, one.id, until=now, by="c", now=now), "warning.snooze_past"),
        (lambda tx: warning.find(tx, model.UUID(int=5)), "warning.unknown"),
    ):
        with pytest.raises(Refused) as refused:
            async with tools.db.transaction() as tx:
                await act(tx)
        assert refused.value.code == code


async def test_what_was_over_a_year_ago_is_forgotten(tools: Tools) -> None:
    """Open ones are never forgotten, nor is a snooze that still holds."""
    over, still, quiet = (Trouble("drift", name) for name in ("prt_over", "prt_still", "prt_quiet"))
    await raised(tools, over, still, quiet)
    (one,) = await listed(tools, "prt_quiet")
    until = tools.clock.now() + timedelta(days=500)
    async with tools.db.transaction() as tx:
        await warning.snooze(tx, one.id, until=until, by="operator:a", now=tools.clock.now())
    await cleared(tools, ("drift", "prt_over"), ("drift", "prt_quiet"))
    for days, left in ((360, 1), (10, 0)):
        clock_of(tools).forward(timedelta(days=days))
        async with tools.db.transaction() as tx:
            await warning.forget(tx, now=tools.clock.now())
        assert len(await listed(tools, "prt_over", "all")) == left
    assert await listed(tools, "prt_still")
    assert await listed(tools, "prt_quiet", "all")


async def test_two_workers_raise_the_same_trouble_once(tools: Tools) -> None:
    facts = await asyncio.gather(*(raised(tools, Trouble("drift", "prt_race"), Trouble("drift", "prt_race2"))
                                   for _ in range(8)))  # fmt: skip
    assert len([fact for some in facts for fact in some]) == 2
    facts = await asyncio.gather(*(cleared(tools, ("drift", "prt_race"), ("drift", "prt_race2")) for _ in range(8)))
    assert len([fact for some in facts for fact in some]) == 2
