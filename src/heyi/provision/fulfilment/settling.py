"""What people work off: differences are settled, and whoever forgets them is reminded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_of
from heyi.provision.fulfilment import desk, facts
from heyi.provision.fulfilment.accounts import SQL
from heyi.provision.fulfilment.desk import AttemptSeen
from heyi.provision.fulfilment.errors import DifferenceNotFound, DifferenceSettled

WAITS_MAX = timedelta(hours=1)  # a task that waits longer for a person is warned of


@dataclass(frozen=True, slots=True)
class Left:
    """What people have not dealt with: tasks that wait too long (since when the longest does), and open differences by
    supplier (id, code, how many)."""

    tasks: int
    since: datetime | None
    differences: Sequence[tuple[UUID, str, int]]


async def settle(tx: Tx, attempt_id: UUID, *, note: str, by: str, now: datetime) -> tuple[AttemptSeen, list[Fact]]:
    """A person has dealt with a difference. Raises DifferenceNotFound, DifferenceSettled."""
    lane = lane_of(attempt_id)
    row = await tx.row(SQL["lock_difference"], lane=lane, id=attempt_id)
    if row is None:
        raise DifferenceNotFound
    if row.settled_by is not None:
        raise DifferenceSettled(by=row.settled_by)
    await tx.run(SQL["settle_difference"], lane=lane, id=attempt_id, now=now, by=by, note=note)
    data = {"supplier": row.supplier, "outer_number": row.outer_number, "by": by}
    seen = desk.attempt_of(await tx.row(SQL["one_difference"], lane=lane, id=attempt_id))
    return seen, [Fact(facts.SETTLED, data, row.lane, row.order_id, row.item_id)]


async def left(tx: Tx, *, now: datetime) -> Left:
    """What has waited too long for people."""
    waiting = await tx.row(SQL["waiting_long"], before=now - WAITS_MAX)
    differing = await tx.rows(SQL["open_differences"])
    assert waiting is not None
    return Left(waiting.tasks, waiting.since, [(row.id, row.code, row.open) for row in differing])
