"""What ends by itself: prepared redemptions whose till said nothing more, holds that had an end, rights past their last
moment.

Run it every few seconds: everything is idempotent, and several workers may run it at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from heyi.flows import hold
from heyi.infra import outbox
from heyi.infra.tools import Tools
from heyi.provision import entitlement, redemption
from heyi.settle import ledger

BATCH_MAX = 500  # rows a transaction
BATCHES_MAX = 200  # batches a run; the rest waits for the next one


async def run(tools: Tools) -> int:
    """End whatever is due, redemptions and holds first because rights wait for them; answers how many ended."""
    ended = await _until_none(tools, redemptions, BATCH_MAX) + await _until_none(tools, hold.run_out, hold.RUN_OUT_MAX)
    return ended + await _until_none(tools, rights, BATCH_MAX)


async def _until_none(tools: Tools, batch: Callable[[Tools], Awaitable[int]], most: int) -> int:
    ended = 0
    for _ in range(BATCHES_MAX):
        found = await batch(tools)
        ended += found
        if found < most:
            break
    return ended


async def redemptions(tools: Tools) -> int:
    """One batch of prepared redemptions past their time: their units come back."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        units, facts = await redemption.expire(tx, most=BATCH_MAX, now=now)
        await entitlement.move_units(tx, "release", units, now=now)
        await outbox.write(tx, facts, now=now)
    return len(facts)


async def rights(tools: Tools) -> int:
    """One batch of rights past their last moment: what was not used by then is earned all the same (breakage)."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        ended, facts = await entitlement.expire(tx, most=BATCH_MAX, now=now)
        rest = await redemption.rest(tx, {right.id: right.earned_by_use for right in ended})
        earnings = [ledger.Earning(r.order_id, r.item_id, rest[r.id], f"unused:{r.id}") for r in ended]
        await ledger.earn(tx, earnings, now=now)
        await outbox.write(tx, facts, now=now)
    return len(ended)
