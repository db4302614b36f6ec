"""Keys have come: the items that wait for them get them, the oldest order first, before anybody new does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from heyi.flows.carry import settle
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.provision import stock
from heyi.provision.fulfilment import waiting

BATCH_MAX = 200


async def serve(tools: Tools, benefit_ids: Collection[UUID]) -> int:
    """Fill waiting items of these benefits as far as the keys go; answers how many. One transaction a batch."""
    return sum([await _serve(tools, benefit) for benefit in sorted(set(benefit_ids))])


async def arrived(tools: Tools, facts: Sequence[Fact]) -> int:
    """Serve the benefits that these stock.arrived facts are about."""
    return await serve(tools, {UUID(str(fact.data["benefit_id"])) for fact in facts})


async def run(tools: Tools) -> int:
    """Serve everything that waits: keys may have come by a way that nobody told us of."""
    async with tools.db.reading() as tx:
        benefits = await waiting.benefits_with_waiters(tx)
    return await serve(tools, benefits)


async def serve_within(tx: Tx, tools: Tools, benefit: UUID, *, most: int, now: datetime) -> int:
    """Serve at most so many inside a transaction that brings keys: when it commits, only the rest is for sale."""
    waiters = await waiting.lock_waiters(tx, benefit, most=most)
    if not waiters:
        return 0
    keys = (await stock.claim(tx, {benefit: len(waiters)}, now=now))[benefit]
    given = await waiting.serve(tx, waiters, keys, now=now)
    await stock.issue(tx, given.issued, now=now)
    await settle(tx, tools, given.outcomes, given.facts, now=now)
    return len(given.issued)


async def _serve(tools: Tools, benefit: UUID) -> int:
    served, more = 0, True
    while more:
        async with tools.db.transaction() as tx:
            count = await serve_within(tx, tools, benefit, most=BATCH_MAX, now=tools.clock.now())
        served += count
        more = count == BATCH_MAX
    return served
