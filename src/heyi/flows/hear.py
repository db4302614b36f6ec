"""A supplier calls back: kept as it came, and a reason to ask that supplier soon."""

from __future__ import annotations

from collections.abc import Sequence

from heyi.infra import telemetry
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import hearing
from heyi.provision.fulfilment.hearing import Ack, Arrived


async def hear(tools: Tools, arrived: Sequence[Arrived]) -> list[Ack | None]:
    """A batch of callbacks, in one transaction: how each is answered, None where the address is nobody's."""
    async with tools.db.transaction() as tx:
        acks = await hearing.hear(tx, tools.sealing, arrived, now=tools.clock.now(), wall=tools.clock.wall())
    for ack in acks:
        if ack is not None:
            telemetry.callbacks_heard.labels(ack.supplier, ack.verdict).inc()
    return acks
