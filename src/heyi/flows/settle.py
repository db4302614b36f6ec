"""A person settles a drift: follows the partner, keeps our side, or says which right an unknown number means."""

from __future__ import annotations

from uuid import UUID

from heyi.flows import compare, report
from heyi.flows.compare import Hearing
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.provision import entitlement, usage
from heyi.provision.usage import Told, facts
from heyi.provision.usage.errors import CannotFollow, RightNeeded, RightNotFound
from heyi.provision.usage.model import Drift
from heyi.provision.usage.rules import reference_of


async def settle(
    tools: Tools, id: UUID, decision: str, *, note: str, entitlement_id: UUID | None, by: str
) -> Drift:  # fmt: skip
    """`decision` is follow, keep or note. Raises DriftNotFound, DriftSettled, CannotFollow, RightNeeded."""
    async with tools.db.transaction() as tx:
        if decision == "note":
            return await usage.drifts.remark(tx, id, note)
        if decision == "keep":
            await usage.drifts.lock_open(tx, id)
            return await _settled(tx, tools, id, "accepted", "kept", note=note, by=by)
        drift = await usage.drifts.must_be_open(tx, id)
        if drift.entitlement_id is None:
            return await _link(tx, tools, drift, entitlement_id, note=note, by=by)
        await _follow(tx, tools, drift, drift.entitlement_id, by)  # which has closed it, and told so
        now = tools.clock.now()
        return await usage.drifts.settle(tx, id, "repaired", "followed", by=by, note=note, now=now)


async def _follow(tx: Tx, tools: Tools, drift: Drift, right: UUID, by: str) -> None:
    """As if the rules allowed everything; what cannot be followed even so is refused, and nothing has changed."""
    now = tools.clock.now()
    # Who does not know our right does not honour it: to follow is to take it as cancelled.
    told = [Told("cancelled", now, now)] if drift.kind == "ours_unknown_to_them" else []
    found = await compare.compare(
        tx, {right: told}, {right: drift.partner_id}, Hearing("pushed", now, by=by, forced=True)
    )
    if right not in found or drift.kind in found[right].ruling.drifts:
        raise CannotFollow(ours=drift.ours, theirs=drift.theirs)


async def _link(tx: Tx, tools: Tools, drift: Drift, right: UUID | None, *, note: str, by: str) -> Drift:
    """The number means this right: what was reported under it is taken in now."""
    if right is None:
        raise RightNeeded("/entitlement")
    now = tools.clock.now()
    known = (await entitlement.provider.look(tx, [right])).get(right)
    if known is None or known.partner_id != drift.partner_id:
        raise RightNotFound("/entitlement")
    reference = reference_of(drift.reference)
    await usage.link(tx, drift.partner_id, drift.reference, right)
    events = await usage.refused_under(tx, drift.partner_id, reference, now=now)
    await report.take_in(tx, drift.partner_id, events, origin="pushed", now=now)
    await usage.sources.read_again(tx, drift.partner_id, now=now)
    return await _settled(tx, tools, drift.id, "repaired", "linked", note=note, by=by, right=right)


async def _settled(
    tx: Tx, tools: Tools, id: UUID, state: str, how: str, *, note: str, by: str, right: UUID | None = None
) -> Drift:
    now = tools.clock.now()
    drift = await usage.drifts.settle(tx, id, state, how, by=by, note=note, entitlement_id=right, now=now)
    rights = await entitlement.provider.look(tx, [drift.entitlement_id] if drift.entitlement_id else [])
    await outbox.write(tx, [facts.settled(drift, rights.get(drift.entitlement_id or id))], now=now)
    return drift
