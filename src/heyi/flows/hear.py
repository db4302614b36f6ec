"""A supplier calls back: kept as it came, then judged; trusted, it is a reason to ask that supplier soon."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from heyi.infra import telemetry
from heyi.infra.db import out_of_reach
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import hearing, judging
from heyi.provision.fulfilment.hearing import Ack, Arrived, Kept
from heyi.provision.fulfilment.suppliers import Ack as Word

SWEPT_MAX = 64
log = structlog.get_logger("heyi.hear")


async def hear(tools: Tools, arrived: Sequence[Arrived]) -> list[Ack | None]:
    """A batch of callbacks, kept in one transaction and judged in another: how each is answered, None where the address
    is nobody's."""
    async with tools.db.transaction() as tx:
        kept = await hearing.keep(tx, tools.sealing, arrived, now=tools.clock.now(), wall=tools.clock.wall())
    acks = await _judge(tools, [one for one in kept if one is not None])
    return [None if one is None else acks.get(one.id, _unjudged(one)) for one in kept]


async def sweep(tools: Tools) -> int:
    """Judge what was kept and not judged. Answers how many."""
    async with tools.db.reading() as tx:
        left = await hearing.left(
            tx, tools.sealing, most=SWEPT_MAX, now=tools.clock.now(), wall=tools.clock.wall()
        )  # fmt: skip
    return sum(ack.verdict != "kept" for ack in (await _judge(tools, left)).values())


async def _judge(tools: Tools, kept: Sequence[Kept]) -> dict[UUID, Ack]:
    """One that cannot be judged now does not keep the others from it: it stays for the sweep."""
    if not kept:
        return {}
    try:
        async with tools.db.transaction() as tx:
            acks = await judging.judge(
                tx, tools.sealing, kept, public_url=tools.settings.public_url, now=tools.clock.now(),
                wall=tools.clock.wall(),
            )  # fmt: skip
    except Exception as error:
        if len(kept) == 1 or out_of_reach(error):
            log.warning("callbacks are kept and not judged yet", count=len(kept), error=type(error).__name__)
            return {one.id: _unjudged(one) for one in kept}
        middle = len(kept) // 2
        return await _judge(tools, kept[:middle]) | await _judge(tools, kept[middle:])
    for ack in acks.values():
        telemetry.callbacks_heard.labels(ack.supplier, ack.verdict).inc()
    return acks


def _unjudged(one: Kept) -> Ack:
    return Ack(Word(""), trusted=False, supplier=one.supplier.code)
