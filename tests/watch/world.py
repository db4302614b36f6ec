"""Holders, facts and endpoints for the tests of telling others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_id, new_ids
from heyi.watch.webhook import Endpoint, endpoints

DEADLINE_S = 15.0


def clock_of(tools: Tools) -> FixedClock:
    assert isinstance(tools.clock, FixedClock)
    return tools.clock


def forward(tools: Tools, **by: float) -> None:
    clock_of(tools).forward(timedelta(**by))


def fresh(tools: Tools) -> UUID:
    return new_id(millis(tools.clock.now()))


async def state(tools: Tools, facts: Sequence[Fact]) -> list[Fact]:
    """Write facts as a transaction of some flow would; answers them with their ids and times."""
    now = tools.clock.now()
    known = [replace(fact, id=id, at=now) for fact, id in zip(facts, new_ids(millis(now), len(facts)), strict=True)]
    async with tools.db.transaction() as tx:
        await outbox.write(tx, known, now=now)
    return known


def paid(channel: UUID, *, buyer: str = "u-1", order: UUID | None = None) -> Fact:
    return Fact("order.paid", {"bundle": "b", "tail": "1234"}, channel_id=channel, buyer=buyer, order_id=order)


async def listen(
    tools: Tools, holder: UUID, url: str, *, kind: str = "channel", events: Sequence[str] = ("*",)
) -> tuple[Endpoint, str]:
    """An endpoint and its secret."""
    async with tools.db.transaction() as tx:
        return await endpoints.make(
            tx, tools.sealing, holder_kind=kind, holder_id=holder, url=url, events=events, description="",
            now=tools.clock.now(),
        )  # fmt: skip


async def until(done: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that happens elsewhere; fails after a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = done()
            if found is True or (not isinstance(found, bool) and await found):
                return
            await asyncio.sleep(0.01)


async def send_due(tools: Tools, http: Http) -> int:
    """Claim what is due, send it, record it; answers how many tries were made."""
    from heyi.flows.send import Sender

    sender = Sender(tools, http)
    claimed = await sender.claim(100)
    await asyncio.gather(*(sender.send(one) for one in claimed))
    return len(claimed)
