"""Where purchases stand: breakers turn, and what is due at a supplier that cannot buy goes over to another."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.parts import Offer
from heyi.offer import catalog
from heyi.provision.fulfilment import board, breakers, pulse, rerouting, routing
from heyi.provision.fulfilment.breakers import Breaker
from heyi.provision.fulfilment.desk import TaskSeen
from heyi.provision.fulfilment.errand import Result
from heyi.provision.fulfilment.routing import Candidate, Routes
from heyi.watch import warning
from heyi.watch.warning import Trouble


async def after_no(tx: Tx, tools: Tools, results: Sequence[Result]) -> dict[UUID, Routes]:
    """Where the tasks that were turned away may go now."""
    refused = rerouting.turned_away(results)
    if not refused:
        return {}
    sourcing = await catalog.benefits.sourcing(tx, sorted({r.errand.benefit_id for r in refused}))
    return await rerouting.routes(tx, refused, sourcing, wall=tools.clock.wall())


async def turn(tools: Tools) -> int:
    """Turn breakers by what their suppliers' calls brought lately. Answers how many turned."""
    async with tools.db.transaction() as tx:
        turned = await breakers.turn(tx, wall=tools.clock.wall())
        await _warn(tx, tools, turned)
    return len(turned)


async def move(tools: Tools, supplier_id: UUID, state: str, *, why: str, by: str) -> Breaker:
    """A person opens or closes a breaker. Raises SupplierNotFound, SupplierState."""
    async with tools.db.transaction() as tx:
        moved = await breakers.move(tx, supplier_id, state, why=why, by=by, wall=tools.clock.wall())
        await _warn(tx, tools, [moved])
    return moved


async def leave(tools: Tools) -> int:
    """Move purchases away from suppliers that cannot buy now, and from offers that are held or withdrawn, where another
    offer can be used. Answers how many."""
    now, wall = tools.clock.now(), tools.clock.wall()
    async with tools.db.reading() as tx:
        standing = await rerouting.standing(tx, now=now)
        sourcing = await catalog.benefits.sourcing(tx, sorted({one.benefit_id for one in standing}))
    moved = 0
    for one in standing:
        places = sourcing.get(one.benefit_id)
        if places is not None and rerouting.leaving(one, places):
            async with tools.db.transaction() as tx:
                moved += len(await rerouting.leave(tx, one, places, now=now, wall=wall))
    return moved


async def unmapped(tx: Tx, tools: Tools, results: Sequence[Result]) -> None:
    """Warn of answers that a profile does not name: they are unknown, and nobody may take them for a no."""
    told = pulse.unmapped(results)
    troubles = [
        Trouble(warning.model.UNMAPPED_ANSWER, f"{to_text('sup', account.id)}/{value}",
                {"supplier": account.code, "value": value})
        for account, value in told
    ]  # fmt: skip
    if troubles:
        now = tools.clock.now()
        await outbox.write(tx, await warning.raise_(tx, troubles, now=now), now=now)


async def seen(tools: Tools, benefit_id: UUID) -> list[tuple[Candidate, str | None, bool]]:
    """A benefit's offers as routing sees them now, best first: each with what speaks against it, and whether the next
    purchase would stand there. Raises BenefitNotFound."""
    async with tools.db.reading() as tx:
        await catalog.benefits.read(tx, benefit_id)
        sourcing = (await catalog.benefits.sourcing(tx, [benefit_id])).get(benefit_id)
        if sourcing is None:
            return []
        known = await board.candidates(tx, sourcing.offers, wall=tools.clock.wall())
    return routing.seen(known.values(), sourcing.policy)


async def for_person(tx: Tx, tools: Tools, task: TaskSeen, offer_id: UUID | None) -> Offer | None:
    """The offer that a person's new attempt is made at: the one named, or what routing prefers (None: where it stands).

    Raises OfferUnusable when the named one is not an active offer of this benefit.
    """
    sourcing = (await catalog.benefits.sourcing(tx, [task.benefit_id])).get(task.benefit_id)
    return await rerouting.by_person(tx, task, sourcing, offer_id, wall=tools.clock.wall())


async def _warn(tx: Tx, tools: Tools, turned: Sequence[Breaker]) -> None:
    now = tools.clock.now()
    opened = [
        Trouble(warning.model.BREAKER_OPEN, to_text("sup", one.supplier_id),
                {"supplier": one.supplier, "why": one.why, "until": one.until and one.until.isoformat(),
                 "by": one.by})
        for one in turned if one.state == "open"
    ]  # fmt: skip
    closed = [(warning.model.BREAKER_OPEN, to_text("sup", one.supplier_id)) for one in turned if one.state == "closed"]
    told = await warning.raise_(tx, opened, now=now) + await warning.clear(tx, closed, now=now)
    await outbox.write(tx, told, now=now)
