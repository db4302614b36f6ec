"""What the clock tidies up every minute, a chunk at a time."""

from __future__ import annotations

from datetime import timedelta

from heyi.infra import answers, outbox
from heyi.infra.tools import Tools
from heyi.offer import partner
from heyi.provision import usage
from heyi.provision.fulfilment import balances, breakers, calls, syncing
from heyi.settle import ledger
from heyi.watch import warning, webhook

BATCHES_MAX = 50  # of calls a minute
NONCES_KEPT = timedelta(minutes=10)  # longer than any accepted clock


async def run(tools: Tools) -> None:
    """Drop kept answers older than a day and webhook deliveries older than 90 days, what is known of balances,
    turnovers and syncs of two months ago, calls that were kept long enough, warnings and partners' reports of last
    year; end warnings that are over."""
    async with tools.db.transaction() as tx:
        await answers.clean(tx, now=tools.clock.wall())
    async with tools.db.transaction() as tx:
        await webhook.forget(tx, now=tools.clock.now())
    async with tools.db.transaction() as tx:
        await breakers.forget(tx, wall=tools.clock.wall())
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        await outbox.write(tx, await warning.sweep(tx, now=now), now=now)
        await warning.forget(tx, now=now)
    async with tools.db.transaction() as tx:
        await usage.reports.forget(tx, now=now)
    async with tools.db.transaction() as tx:
        await balances.forget(tx, now=now)
        await ledger.prepaid.forget(tx, before=now - balances.KEPT)
    await _forget_calls(tools)
    async with tools.db.transaction() as tx:
        await syncing.forget(tx, now=now)
    async with tools.db.transaction() as tx:
        await partner.supply.forget_nonces(tx, until=tools.clock.wall() - NONCES_KEPT)


async def _forget_calls(tools: Tools) -> None:
    """In small batches, each a transaction: nobody waits for it."""
    before = tools.clock.now() - timedelta(days=tools.settings.calls_kept_days)
    for _ in range(BATCHES_MAX):
        async with tools.db.transaction() as tx:
            if await calls.prune(tx, before=before) < calls.PRUNED_MAX:
                return
