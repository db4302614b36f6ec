"""What waits is brought on: by what happened to another item, or because its time has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from heyi.flows import choose, scene
from heyi.flows.carry import settle
from heyi.flows.halves import in_halves
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.provision.fulfilment import waiting, walking
from heyi.provision.fulfilment.model import Woken

OVERDUE_MAX = 200
STUCK_AGAIN = timedelta(minutes=10)
log = structlog.get_logger("heyi.release")


async def release_waiting(tools: Tools, facts: Sequence[Fact]) -> None:
    """Another item was activated, redeemed, or is over: what waited for that goes on, if it is all that it waited for.

    Doing it twice moves nothing.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        woken = await waiting.concerned(tx, facts)
        await _bring_on(tx, tools, woken, now=now)


async def end_waiting(tools: Tools) -> int:
    """What waited long enough goes on: its time has come, or what it waited for has not come in time.

    Answers how many tasks that were; another worker's are its own. One that cannot go on keeps no other back.
    """
    now = tools.clock.now()
    async with tools.db.reading() as tx:
        tasks = await waiting.overdue(tx, most=OVERDUE_MAX, now=now)
    ended: list[Woken] = []

    async def end(tasks: Sequence[tuple[int, UUID]]) -> None:
        async with tools.db.transaction() as tx:
            woken = await waiting.take_overdue(tx, tasks, now=now)
            await _bring_on(tx, tools, woken, now=now)
        ended.extend(woken)

    if tasks:
        await in_halves(tasks, end, partial(_stuck, tools, now=now))
    return len(ended)


async def _stuck(tools: Tools, task: tuple[int, UUID], error: Exception, *, now: datetime) -> None:
    log.error("a flow cannot go on; tried again later", task=str(task[1]), exc_info=error)
    async with tools.db.transaction() as tx:
        await walking.stuck(tx, task, until=now + STUCK_AGAIN)


async def _bring_on(tx: Tx, tools: Tools, woken: Sequence[Woken], *, now: datetime) -> None:
    await scene.lock_orders(tx, woken)
    found = choose.split(woken, tools)
    outcomes, told = await scene.go_on(tx, tools, found[False], now=now)
    await settle(tx, tools, outcomes, told, now=now)
    await choose.by_default(tx, tools, found[True], now=now)
