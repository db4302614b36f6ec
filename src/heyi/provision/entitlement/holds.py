"""Holds 冻结: reasons beside a right's state. Several may overlap; usable means active and not held.

A pause stands still: the right does not expire under it, and lifting it moves the end by as long as it lasted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_id
from heyi.provision.entitlement import facts, store
from heyi.provision.entitlement.errors import AlreadyHeld, Ended, EntitlementNotFound, NotHeld
from heyi.provision.entitlement.model import Right


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


async def lift(tx: Tx, id: UUID, reason: str, *, by: str, now: datetime) -> tuple[Right, list[Fact]]:
    """Lift a hold; a pause gives the time back that it took. Raises EntitlementNotFound and NotHeld."""
    right = await _locked(tx, id, now=now)
    since = await store.end_hold(tx, id, reason, now=now)
    if since is None:
        raise NotHeld(reason=reason)
    free = replace(right, holds=tuple([one for one in right.holds if one != reason]))
    if reason == "pause" and free.valid_to is not None:
        free = replace(free, valid_to=free.valid_to + (now - since))
        await store.save(tx, [(right, free)])
    return free, [facts.freed(free, reason, by)]


async def held(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    """The reasons for which these rights are held now; those that are not held are left out."""
    return await store.holds(tx, ids, now=now) if ids else {}


async def _locked(tx: Tx, id: UUID, *, now: datetime) -> Right:
    right = (await store.lock(tx, [id], now=now)).get(id)
    if right is None:
        raise EntitlementNotFound
    return right
