"""What is held stands still: nothing is delivered, nobody's time runs out and no flow goes on until the hold is over.

What was sent to a supplier already is asked about all the same; what comes of it then stands still as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, col, time_col
from heyi.kernel import flow
from heyi.provision.fulfilment import model
from heyi.provision.fulfilment.errand import Outcome
from heyi.provision.fulfilment.model import Woken
from heyi.provision.fulfilment.waits import FLOWS


@dataclass(frozen=True, slots=True)
class Over:
    """A hold on an item that lasted from `since` to `at`. `pause`: it gives this time back. `free`: none is left."""

    item_id: UUID
    since: datetime
    at: datetime
    pause: bool
    free: bool


async def hold(tx: Tx, items: Sequence[tuple[int, UUID]], *, now: datetime) -> None:
    """Let what is still to be done for these (lane, item)s stand still. Holding them again changes nothing."""
    await tx.run(FLOWS["hold"], lanes=col(lane for lane, _ in items), items=col(item for _, item in items), now=now)


async def lock(tx: Tx, items: Sequence[tuple[int, UUID]]) -> list[Row]:
    """The tasks that stand still for these (lane, item)s, locked: before their orders and rights."""
    return await tx.rows(
        FLOWS["lock_held"], lanes=col(lane for lane, _ in items), items=col(item for _, item in items)
    )  # fmt: skip


async def free(tx: Tx, tasks: Sequence[Row], overs: Sequence[Over]) -> tuple[list[Woken], list[Outcome]]:
    """Let locked tasks go on whose holds are over: due times that were to come after a pause began come later by as
    long as it lasted. Answers those that look again at what they wait for, and items with a new day.
    """
    dues: dict[UUID, datetime | None] = {task.id: task.due_aside for task in tasks}
    freed: dict[UUID, Over] = {}
    for over in overs:
        for task in tasks:
            if task.item_id != over.item_id:
                continue
            due = dues[task.id]
            if over.pause and due is not None and due > over.since:
                dues[task.id] = due + (over.at - over.since)
            if over.free:
                freed[task.id] = over
    if tasks:
        await tx.run(
            FLOWS["free"], lanes=col(t.lane for t in tasks), ids=col(t.id for t in tasks),
            dues=time_col(dues[t.id] for t in tasks), free=col(t.id in freed for t in tasks),
        )  # fmt: skip
    rows = [task._replace(due_at=dues[task.id]) for task in tasks if task.id in freed]
    woken = [_woken(row, freed[row.id]) for row in rows if row.state == model.WAITING_FOR_EVENT and row.after_component]
    later = [row for row in rows if row.due_at is not None and row.due_at != row.due_aside and _has_day(row)]
    return woken, [
        Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, "schedule", due_at=row.due_at)
        for row in later
    ]  # fmt: skip


def _woken(row: Row, over: Over) -> Woken:
    """Under a pause its time stood still as well: it goes on from the end of that, whenever the event was."""
    return Woken(row, flow.EVENT, over.at if over.pause else over.since)


def _has_day(row: Row) -> bool:
    """Whether its order tells a day for it."""
    timed = row.state == model.WAITING_FOR_EVENT and row.after_component is None
    return timed or (row.state == model.SCHEDULED and row.attempts == 0)
