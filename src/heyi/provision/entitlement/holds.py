"""Holds 冻结: reasons beside a right's state. Several may overlap; usable means active and not held.

A pause stands still: the right does not expire under it, and its end moves that of the right by as long as it lasted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_id
from heyi.provision.entitlement import facts, rules, store
from heyi.provision.entitlement.errors import AlreadyHeld, Ended, EntitlementNotFound, NotHeld
from heyi.provision.entitlement.model import Right

PAUSE = "pause"
ITSELF = "itself"  # who ends a hold that has an end


@dataclass(frozen=True, slots=True)
class Lifted:
    """A hold that is over: on which right (with the holds that are left), why, since when, and until when it lasted."""

    right: Right
    reason: str
    since: datetime
    at: datetime


async def hold(
    tx: Tx, id: UUID, reason: str, *, by: str, until: datetime | None, now: datetime
) -> tuple[Right, list[Fact]]:
    """Hold a right for a reason, until a time or until it is lifted.

    Raises EntitlementNotFound, Ended (nothing left to hold) and AlreadyHeld (for the same reason).
    """
    right = await _locked(tx, id, now=now)
    if right.state in ("ended", "failed"):
        raise Ended(why=right.ended_why or right.state)
    if reason in right.holds:
        raise AlreadyHeld("/reason", reason=reason)
    await store.insert_hold(tx, new_id(millis(now), right.lane), id, reason, by=by, until=until, now=now)
    held = replace(right, holds=(*right.holds, reason))
    return held, [facts.held(held, reason, by)]


async def lift(tx: Tx, id: UUID, reason: str, *, by: str, now: datetime) -> tuple[Right, Lifted, list[Fact]]:
    """Lift a hold; a pause gives the time back that it took. Raises EntitlementNotFound and NotHeld."""
    right = await _locked(tx, id, now=now)
    since = await store.end_hold(tx, id, reason, now=now)
    if since is None:
        raise NotHeld(reason=reason)
    free = replace(right, holds=tuple([one for one in right.holds if one != reason]))
    lifted = Lifted(free, reason, since, now)
    after = _given_back(free, lifted)
    await store.save(tx, [(free, after)])
    return after, lifted, [facts.freed(after, reason, by)]


async def running_out(tx: Tx, *, most: int, now: datetime) -> list[Row]:
    """(lane, id, entitlement_id, item_id, order_id) of holds that are over by themselves. Lock their tasks and orders
    before `run_out`.
    """
    return await store.holds_running_out(tx, most=most, now=now)


async def run_out(tx: Tx, rows: Sequence[Row], *, now: datetime) -> tuple[list[Lifted], list[Fact]]:
    """Follow the end of these holds: pauses give their time back."""
    rights = await store.lock(tx, [row.entitlement_id for row in rows], now=now)
    after, told, lifted = dict(rights), list[Fact](), list[Lifted]()
    for row in sorted(await store.end_run_out(tx, rows, now=now), key=lambda row: row.until):
        lifted.append(Lifted(after[row.entitlement_id], row.reason, row.since, row.until))
        after[row.entitlement_id] = _given_back(after[row.entitlement_id], lifted[-1])
        told.append(facts.freed(after[row.entitlement_id], row.reason, ITSELF))
    await store.save(tx, [(rights[id], after[id]) for id in rights if after[id] != rights[id]])
    return lifted, told


def _given_back(right: Right, lifted: Lifted) -> Right:
    """A pause moves the end of what it paused, unless that had come already when it began."""
    if lifted.reason != PAUSE or right.valid_to is None or right.state in ("ended", "failed"):
        return right
    return replace(right, valid_to=rules.prolonged(right, right.valid_to, lifted.at - lifted.since))


async def held(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    """The reasons for which these rights are held now; those that are not held are left out."""
    return await store.holds(tx, ids, now=now) if ids else {}


async def _locked(tx: Tx, id: UUID, *, now: datetime) -> Right:
    right = (await store.lock(tx, [id], now=now)).get(id)
    if right is None:
        raise EntitlementNotFound
    return right
