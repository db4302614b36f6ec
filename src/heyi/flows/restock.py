"""Keys have come: the items that wait for them get them, the oldest order first, before anybody new does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from heyi.flows.deliver import settle
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


async def _serve(tools: Tools, benefit: UUID) -> int:
    served, more = 0, True
    while more:
        now = tools.clock.now()
        async with tools.db.transaction() as tx:
            waiters = await waiting.lock_waiters(tx, benefit, most=BATCH_MAX)
            keys = (await stock.claim(tx, {benefit: len(waiters)}, now=now))[benefit]
            given = await waiting.serve(tx, waiters, keys, now=now)
            await stock.issue(tx, given.issued, now=now)
            await settle(tx, tools, given.outcomes, given.facts, now=now)
        served += len(given.issued)
        more = len(given.issued) == BATCH_MAX
    return served
