"""Card keys arrive: a file is read while it is uploaded, written chunk by chunk, and whoever waits is served at once.

Each chunk is one transaction with the position that the file has reached, so an import that breaks off anywhere goes
on when the same file is sent again, and nothing is taken twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from uuid import UUID

from heyi.flows import restock
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import from_text
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY
from heyi.offer import catalog
from heyi.offer.catalog.errors import BenefitNotFound
from heyi.provision import stock
from heyi.provision.stock.errors import NotACard
from heyi.provision.stock.model import Batch, Import, Layout

ALIKE_MAX = 1000


async def begin(tools: Tools, *, benefit: str, batch: str, cost: Money, layout: Layout, dry_run: bool) -> Import:
    """A new import for a benefit that is given by its code or id, waiting for its file."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        benefit_id = await card_benefit(tx, benefit)
        return await stock.imports.create(
            tx, tools.sealing, benefit_id=benefit_id, batch=batch, cost=cost, layout=layout, dry_run=dry_run, now=now
        )


async def make_batch(tools: Tools, *, benefit: str, code: str, cost: Money) -> Batch:
    """The batch of this code, made if there is none; refused when it is another benefit's or costs otherwise."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        row = await stock.batches.ensure(tx, tools.sealing, code, await card_benefit(tx, benefit), cost, now=now)
        return await stock.batches.read(tx, row.id, now=now)


async def card_benefit(tx: Tx, named: str) -> UUID:
    """The id of the card-key benefit with this code or id. Raises BenefitNotFound or NotACard."""
    given = from_text("ben", named)
    if given is not None:
        found = [await catalog.benefits.read(tx, given)]
    else:
        alike = await catalog.benefits.search(tx, search=named, most=ALIKE_MAX)
        found = [benefit for benefit in alike if benefit.code == named]
    if not found:
        raise BenefitNotFound("/benefit")
    if found[0].kind != CARD_KEY:
        raise NotACard("/benefit")
    return found[0].id


async def import_keys(tools: Tools, import_id: UUID, pieces: AsyncIterator[bytes]) -> Import:
    """Take in the import's file, from its first byte; answers how it ended.

    Lines that an earlier upload got done are only compared. Raises what the file's form is refused for; rows that are
    bad by themselves are in the import's faults.
    """
    async with tools.db.transaction() as tx:
        reader = await stock.imports.begin(
            tx, tools.sealing, import_id, zone=tools.settings.zone, now=tools.clock.now()
        )
    work = reader.work
    async with aclosing(stock.imports.chunks(reader, pieces, tools.clock)) as chunks:
        async for chunk in chunks:
            now = tools.clock.now()
            async with tools.db.transaction() as tx:
                work, available = await stock.imports.add(tx, work, chunk, now=now)
                arrived = stock.facts.stock_arrived(benefit_id=work.benefit_id, count=available)
                await outbox.write(tx, arrived, now=now)
                await restock.serve_within(tx, tools, work.benefit_id, most=available, now=now)
    async with tools.db.transaction() as tx:
        return await stock.imports.finish(tx, work, now=tools.clock.now())


async def move_batch(tools: Tools, batch_id: UUID, move: str, *, reason: str, by: str) -> Batch:
    """Quarantine, release or void a batch; what is released serves those who wait."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        benefit_id, count = await stock.batches.move(tx, batch_id, move)
        facts = stock.facts.moved(
            move=move, benefit_id=benefit_id, batch_id=batch_id, count=count, reason=reason, by=by
        )
        await outbox.write(tx, facts, now=now)
        batch = await stock.batches.read(tx, batch_id, now=now)
    await _serve_released(tools, move, [benefit_id])
    return batch


async def move_keys(tools: Tools, key_ids: Sequence[UUID], move: str, *, reason: str, by: str) -> int:
    """Quarantine, release or void single keys, all or none; answers how many."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        counts = await stock.batches.move_keys(tx, key_ids, move, reason=reason, by=by, now=now)
        facts = [
            fact
            for benefit_id, count in counts.items()
            for fact in stock.facts.moved(
                move=move, benefit_id=benefit_id, batch_id=None, count=count, reason=reason, by=by
            )
        ]
        await outbox.write(tx, facts, now=now)
    await _serve_released(tools, move, list(counts))
    return len(key_ids)


async def _serve_released(tools: Tools, move: str, benefit_ids: Sequence[UUID]) -> None:
    if move == "release":
        await restock.serve(tools, benefit_ids)
