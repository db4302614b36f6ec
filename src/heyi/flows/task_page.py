"""Everything that is known about a task, for the person who has to decide about it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from heyi.flows import route, timeline
from heyi.flows.timeline import Happening
from heyi.infra.tools import Tools
from heyi.kernel.ids import lane_of
from heyi.provision.fulfilment import desk, heard
from heyi.provision.fulfilment.desk import AttemptSeen, Choice, TaskSeen
from heyi.provision.fulfilment.heard import Kept


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A task with what was tried (and every call), who called us about it, and what happened and was decided.

    `choices` are what a person may do now; `next_offer` is where try_again would buy unless an offer is named.
    """

    task: TaskSeen
    tried: list[AttemptSeen]
    callbacks: list[Kept]
    history: list[Happening]
    choices: list[Choice]
    next_offer: UUID | None


async def read(tools: Tools, task_id: UUID) -> TaskPage:
    """Raises TaskNotFound."""
    async with tools.db.reading() as tx:
        task, tried = await desk.find(tx, task_id)
        callbacks = await heard.of_task(tx, lane_of(task_id), task.order_id, task_id)
        history = await timeline.of_item(tx, task.order_id, task.item_id)
        choices = desk.choices(task, tried[-1].state if tried else None)
        again = any(one.what == "try_again" for one in choices)
        offer = await route.for_person(tx, tools, task, None) if again else None
    return TaskPage(task, tried, callbacks, history, choices, None if offer is None else offer.id)
