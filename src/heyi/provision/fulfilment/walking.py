"""Tasks that are brought on: by time, another component's event, the buyer, or a delivery that failed.

A fixed shape (wait for one event, else deliver or cancel) is said by the task's own columns. Any other flow walks on
from the node where the task stands, by the one rule in kernel/flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from heyi.infra.db import Row, Tx
from heyi.kernel import flow
from heyi.kernel.facts import Fact
from heyi.provision.fulfilment import facts as telling
from heyi.provision.fulfilment import model, store, waits
from heyi.provision.fulfilment.errand import Outcome, TaskChange
from heyi.provision.fulfilment.model import TASK, Request, Scene, Told, Woken

_request = msgspec.json.Decoder(Request).decode
NOT_IN_TIME, BY_FLOW, STUCK = "not_in_time", "by_flow", "flow_stuck"


@dataclass(frozen=True, slots=True)
class Walk:
    """A task's new place in its flow."""

    row: Row
    state: str
    due_at: datetime | None
    stand: flow.Stand
    falls_back: bool
    problem: str | None


def need_scenes(woken: Sequence[Woken]) -> list[UUID]:
    """The orders whose facts are needed to bring these tasks on."""
    looking = [one.row for one in woken if one.row.flow is not None or one.row.after_component is not None]
    return sorted({row.order_id for row in looking})


async def go_on(
    tx: Tx, woken: Sequence[Woken], scenes: Mapping[UUID, Scene], *, zone: ZoneInfo, now: datetime
) -> tuple[list[Outcome], list[Fact]]:
    """Bring locked tasks on, as far as what became of their orders lets them. Answers what the other contexts are to
    do, and what is to be told.
    """
    changes: list[TaskChange] = []
    walks: list[Walk] = []
    outcomes: list[Outcome | None] = []
    facts: list[Fact] = []
    for one in woken:
        scene = scenes.get(one.row.order_id, Scene({}, {}))
        if one.row.flow is None:
            if (fixed := _fixed(one, scene.facts, now)) is not None:
                changes.append(fixed[0])
                outcomes.append(fixed[1])
            continue
        made = flow.read(one.row.flow, zone)
        request = _request(one.row.request)
        known = {**scene.facts, "item.accounts": frozenset(name for name, _ in request.accounts)}
        row = one.row
        stand = made.wake(row.node, one.cause, known, now=one.at, until=row.due_at, part=row.part, own=row.own)
        if stand is None:
            continue
        walk = walked(one, stand, made.falls_back(stand.node), now, named=request.named is not None)
        walks.append(walk)
        outcomes.append(outcome(one, walk, made.asks_buyer(row.node), now))
        facts += [telling.of_step(scene.told[row.item_id], made, step) for step in stand.steps if telling.worth(step)]
    if changes:
        await store.save_tasks(tx, changes, now=now)
    if walks:
        await waits.save_walks(tx, walks, now=now)
    return [outcome for outcome in outcomes if outcome is not None], facts


def told_at_purchase(about: Told, way: flow.Way, zone: ZoneInfo) -> list[Fact]:
    """What an item's flow says on its way from the purchase to where it waits."""
    made = flow.read(way.graph, zone)
    return [telling.of_step(about, made, step) for step in way.steps if telling.worth(step)]


async def stuck(tx: Tx, task: tuple[int, UUID], *, until: datetime) -> None:
    """This task's flow cannot go on (a fault of ours): people are warned, and it is tried again later."""
    await waits.postpone(tx, [task], until=until, problem=STUCK)


async def stuck_now(tx: Tx) -> tuple[int, UUID | None]:
    """How many flows cannot go on at the moment, and the order of one of them."""
    row = await waits.stuck(tx)
    return row.count, row.order_id


def _fixed(one: Woken, facts: flow.Facts, now: datetime) -> tuple[TaskChange, Outcome | None] | None:
    """The event it waited for has been in time, or will not be any more; or the buyer asked. None: it waits on."""
    row, branch = one.row, "then"
    if row.after_component is not None:
        found = flow.awaited(row.after_component, row.after_event, facts, until=row.due_at)
        if found is None and one.cause == flow.EVENT:
            return None
        branch = found[0] if found else "else"
    ends = branch == "else" and row.otherwise == "cancel"
    move, problem = ("cancel", NOT_IN_TIME) if ends else ("release", None)
    after = TASK.step(row.state, move)
    assert after is not None, (row.state, move)
    change = TaskChange(row.lane, row.id, row.state, after, None if ends else now, problem)
    if ends:
        return change, Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, "cancel", problem)
    if one.cause == flow.BUYER:
        return change, Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, "start")
    return change, None


# By where it stands: the move of the task.
_MOVES = {"deliver": "release", "timer": "wait", "event": "wait", "buyer": "want_buyer", "choose": "want_buyer",
          "cancel": "cancel"}  # fmt: skip


def walked(one: Woken, stand: flow.Stand, falls_back: bool, now: datetime, *, named: bool = False) -> Walk:
    """The task where its flow came to rest. `named`: its choice, if it stands at one, was made beforehand."""
    # A choice that was made beforehand waits for nobody: the workers fill it a moment later.
    at_once = stand.kind == "choose" and named
    state = TASK.step(one.row.state, "wait" if at_once else _MOVES[stand.kind])
    assert state is not None, (one.row.state, stand.kind)
    due_at = stand.at or now if stand.kind == "deliver" else now if at_once else stand.at
    problem = None
    if stand.kind == "cancel":
        late = one.row.after_component is not None and stand.steps[0].branch == "else"
        problem = NOT_IN_TIME if late else BY_FLOW
    return Walk(one.row, state, due_at, stand, falls_back, problem)


def outcome(one: Woken, walk: Walk, asked: bool, now: datetime) -> Outcome | None:
    """What becomes of the item. `asked`: until now its right was one that the buyer has a word in."""
    row, stand = one.row, walk.stand
    asks: bool | None = None
    if stand.kind == "choose" and walk.state == model.WAITING_FOR_EVENT:
        return None
    if stand.kind in ("buyer", "choose"):
        move, asks = "want_buyer", True
    elif stand.kind == "cancel":
        move = "cancel"
    elif stand.kind == "deliver" and (stand.at is None or stand.at <= now):
        # An item that was scheduled begins with its first errand, as those on a fixed day do.
        if row.state == model.WAITING_FOR_EVENT and row.attempts == 0 and not asked:
            return None
        move, asks = "start", False if asked else None
    else:
        move, asks = "schedule", False if asked else None
    due_at = stand.at if stand.kind in ("deliver", "timer") and move == "schedule" else None
    return Outcome(
        row.lane, row.order_id, row.item_id, row.entitlement_id, move, walk.problem, due_at=due_at, asks=asks
    )
