"""What the partner behind a right says of it: noted beside the right, and followed where the caller has decided so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.facts import Fact
from heyi.provision.entitlement import actions, rules, store
from heyi.provision.entitlement.model import Right, Why


def followed(
    right: Right, *, begins_at: datetime | None = None, units: int = 0, end: Why | None = None, now: datetime
) -> Right:
    """Pure: the right after its partner's word. Units that tills have promised are not touched.

    A use that is told after the right's end is counted and opens nothing. Of a right that they cancelled, expiry is
    still noted: it is over either way.
    """
    if begins_at is not None:
        right = rules.begun(right, begins_at, now)
    if units > right.units_left:
        raise ValueError(f"{units} units are told of, and {right.units_left} are left")
    if units:
        right = replace(right, units_left=right.units_left - units)
        if right.state == "active" and not right.units_left and not right.units_reserved:
            return rules.step(right, "use_up", now)
    if end is None:
        return right
    if right.state == "ended":
        return replace(right, ended_why=end)
    return rules.step(right, "expire" if end == "expired" else "cancel", now)


async def lock(tx: Tx, ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Right]:
    """These rights, locked until the transaction ends; unknown ids are left out."""
    return await store.lock(tx, ids, now=now)


async def look(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Right]:
    """These rights without a lock and without their holds: whose they are, and where they come from."""
    return await store.look(tx, ids)


async def save(
    tx: Tx, changes: Mapping[UUID, tuple[Right, Right]], heard: Mapping[UUID, tuple[str | None, datetime | None]]
) -> list[Fact]:
    """Write what followed of locked rights ({id: (before, after)}), and what was heard ({id: (state, when)})."""
    await store.save(tx, list(changes.values()))
    await store.hear(tx, heard)
    before = {id: was for id, (was, _) in changes.items()}
    return actions.told(before, {id: now for id, (_, now) in changes.items()})


async def of_partner(tx: Tx, partner_id: UUID, *, after: tuple[int, UUID] | None, most: int) -> list[Right]:
    """Live rights of a partner, without their holds, behind (lane, id): for a source that is switched on late."""
    return await store.of_partner(tx, partner_id, after=after, most=most)
