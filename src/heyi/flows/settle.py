"""A person settles a drift: follows the partner, keeps our side, or says which right an unknown number means."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.flows import compare, report
from heyi.flows.compare import Hearing
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.provision import entitlement, usage
from heyi.provision.usage import Told, facts
from heyi.provision.usage.drifts import Wanted
from heyi.provision.usage.errors import CannotFollow, DriftSettled, RightNeeded, RightNotFound
from heyi.provision.usage.model import Drift
from heyi.provision.usage.rules import reference_of

AT_ONCE = 200  # settled in one go


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word about one drift."""

    id: UUID
    note: str
    by: str
    now: datetime


async def settle(
    tools: Tools, id: UUID, decision: str, *, note: str, entitlement_id: UUID | None, by: str
) -> Drift:  # fmt: skip
    """`decision` is follow, keep or note. Raises DriftNotFound, DriftSettled, CannotFollow, RightNeeded."""
    word = Word(id, note, by, tools.clock.now())
    async with tools.db.transaction() as tx:
        if decision == "note":
            return await usage.drifts.remark(tx, id, note)
        if decision == "keep":
            await usage.drifts.lock_open(tx, id)
            return await _settled(tx, word, "accepted", "kept")
        drift = await usage.drifts.must_be_open(tx, id)
        if drift.entitlement_id is None:
            return await _link(tx, drift, entitlement_id, word)
        return await _follow(tx, drift, drift.entitlement_id, word)


async def settle_all(
    tools: Tools, about: Wanted, decision: str, *, note: str, dry_run: bool, by: str
) -> tuple[int, int, UUID | None]:  # fmt: skip
    """Follow, or keep, what is found up to the newest that was seen, each by itself: (how many were open, how many are
    settled, the newest). What cannot be followed stays open. Raises DriftsUnseen.
    """
    async with tools.db.reading() as tx:
        there, newest = await usage.drifts.count_open(tx, about)
        ids = [] if dry_run else await usage.drifts.open_ids(tx, about, most=AT_ONCE)
    settled = 0
    for id in ids:
        with contextlib.suppress(CannotFollow, DriftSettled, RightNeeded):
            await settle(tools, id, decision, note=note, entitlement_id=None, by=by)
            settled += 1
    return there, settled, newest


async def _follow(tx: Tx, drift: Drift, right: UUID, word: Word) -> Drift:
    """As if the rules allowed everything; what cannot be followed even so is refused, and nothing has changed."""
    # Who does not know our right does not honour it: to follow is to take it as cancelled.
    told = [Told("cancelled", word.now, word.now)] if drift.kind == "ours_unknown_to_them" else []
    found = await compare.compare(
        tx, {right: told}, {right: drift.partner_id}, Hearing("pushed", word.now, by=word.by, forced=True)
    )
    if right not in found or drift.kind in found[right].ruling.drifts:
        raise CannotFollow(ours=drift.ours, theirs=drift.theirs)
    # The comparison has closed it, and told so; the person's note is what is left.
    return await usage.drifts.settle(tx, word.id, "repaired", "followed", by=word.by, note=word.note, now=word.now)


async def _link(tx: Tx, drift: Drift, right: UUID | None, word: Word) -> Drift:
    """The number means this right: what was reported under it is taken in now."""
    if right is None:
        raise RightNeeded("/entitlement")
    known = (await entitlement.provider.look(tx, [right])).get(right)
    if known is None or known.partner_id != drift.partner_id:
        raise RightNotFound("/entitlement")
    await usage.listen(tx, {right: drift.partner_id}, now=word.now)  # beliefs are locked before drifts
    settled = await _settled(tx, word, "repaired", "linked", right)
    await usage.link(tx, drift.partner_id, drift.reference, right)
    events = await usage.reports.refused_under(tx, drift.partner_id, reference_of(drift.reference), now=word.now)
    await report.take_in(tx, drift.partner_id, events, origin="pushed", now=word.now)
    await usage.sources.read_again(tx, drift.partner_id, now=word.now)
    return settled


async def _settled(tx: Tx, word: Word, state: str, how: str, right: UUID | None = None) -> Drift:
    drift = await usage.drifts.settle(
        tx, word.id, state, how, by=word.by, note=word.note, entitlement_id=right, now=word.now
    )
    rights = await entitlement.provider.look(tx, [drift.entitlement_id] if drift.entitlement_id else [])
    await outbox.write(tx, [facts.settled(drift, rights.get(drift.entitlement_id or word.id))], now=word.now)
    return drift
