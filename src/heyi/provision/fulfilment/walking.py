"""Tasks that are brought on: by time, another component's event, the buyer, or a delivery that failed.

A fixed shape (wait for one event, else deliver or cancel) is said by the task's own columns. Any other flow walks on
from the node where the task stands, by the one rule in kernel/flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from heyi.infra.db import Row, Tx
from heyi.kernel import flow
from heyi.kernel.facts import Fact
from heyi.provision.fulfilment import facts as telling
from heyi.provision.fulfilment import model, planning, store, waits
from heyi.provision.fulfilment.errand import Outcome, TaskChange
from heyi.provision.fulfilment.model import TASK, Chosen, Request, Scene, Told, Woken

_request = msgspec.json.Decoder(Request).decode
NOT_IN_TIME, BY_FLOW = "not_in_time", "by_flow"


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
    return sorted({one.row.order_id for one in woken if one.row.flow is not None})


async def go_on(
    tx: Tx, woken: Sequence[Woken], scenes: Mapping[UUID, Scene], *, zone: ZoneInfo, now: datetime
) -> tuple[list[Outcome], list[Fact]]:
    """Bring locked tasks on. Answers what the other contexts are to do, and what is to be told."""
    changes: list[TaskChange] = []
    walks: list[Walk] = []
    outcomes: list[Outcome | None] = []
    facts: list[Fact] = []
    for one in woken:
        if one.row.flow is None:
            change, outcome = _fixed(one, now)
            changes.append(change)
            outcomes.append(outcome)
            continue
        scene = scenes[one.row.order_id]
        made = flow.read(one.row.flow, zone)
        known = {**scene.facts, "item.accounts": frozenset(name for name, _ in _request(one.row.request).accounts)}
        stand = made.wake(one.row.node, one.cause, known, now=one.at, part=one.row.part)
        walk = _walked(one, stand, made.falls_back(stand.node), now)
        walks.append(walk)
        outcomes.append(_outcome(one, walk, made.asks_buyer(one.row.node), now))
        facts += [
            telling.of_step(scene.told[one.row.item_id], made, step) for step in stand.steps if telling.worth(step)
        ]
    if changes:
        await store.save_tasks(tx, changes, now=now)
    if walks:
        await waits.save_walks(tx, walks, now=now)
    return [outcome for outcome in outcomes if outcome is not None], facts


def at_choice(one: Woken, zone: ZoneInfo) -> list[str]:
    """The options that this task's choice takes when nobody says; empty where it does not stand at a choice."""
    return flow.read(one.row.flow, zone).defaults(one.row.node) if one.row.flow is not None else []


async def choose(
    tx: Tx, chosen: Sequence[Chosen], scenes: Mapping[UUID, Scene], *, zone: ZoneInfo, now: datetime
) -> tuple[list[Outcome], list[Fact]]:
    """Fill open slots: each task becomes that of the chosen part, at the beginning of the option's own flow."""
    walks: list[Walk] = []
    outcomes: list[Outcome] = []
    facts: list[Fact] = []
    fitted: list[tuple[Chosen, Request]] = []
    for one in chosen:
        row, made = one.woken.row, flow.read(one.graph, zone)
        scene = scenes[row.order_id]
        known = {**scene.facts, "item.accounts": frozenset[str]()}
        stand = made.begin(known, now=one.woken.at)
        request = planning.request_of(one.part, model.WAITING_FOR_BUYER, None)
        fitted.append((one, request))
        lacks = stand.kind == "deliver" and stand.at is None and bool(request.missing)
        walk = _walked(one.woken, stand, made.falls_back(stand.node), now)
        outcome = _outcome(one.woken, walk, True, now)
        if lacks:  # it comes as soon as the buyer has given his accounts
            walk = replace(walk, state=model.WAITING_FOR_BUYER, due_at=None)
            outcome = Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, "want_buyer", asks=True)
        walks.append(walk)
        outcomes += [outcome] if outcome is not None else []
        about = replace(scene.told[row.item_id], component=one.part.component, benefit=one.part.benefit)
        facts += [telling.of_step(about, made, step) for step in stand.steps if telling.worth(step)]
    await waits.refit(tx, fitted)
    await waits.save_walks(tx, walks, now=now)
    return outcomes, facts


async def postpone(tx: Tx, woken: Sequence[Woken], *, until: datetime) -> None:
    """Look at these choices again later: nothing of them can be had now."""
    if woken:
        await waits.postpone(tx, woken, until=until)


def told_at_purchase(about: Told, way: flow.Way, zone: ZoneInfo) -> list[Fact]:
    """What an item's flow says on its way from the purchase to where it waits."""
    made = flow.read(way.graph, zone)
    return [telling.of_step(about, made, step) for step in way.steps if telling.worth(step)]


def _fixed(one: Woken, now: datetime) -> tuple[TaskChange, Outcome | None]:
    """The event it waited for came, or will not come in time; or the buyer asked."""
    row = one.row
    ends = one.cause in (flow.OVER, flow.TIME) and row.otherwise == "cancel"
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


def _walked(one: Woken, stand: flow.Stand, falls_back: bool, now: datetime) -> Walk:
    state = TASK.step(one.row.state, _MOVES[stand.kind])
    assert state is not None, (one.row.state, stand.kind)
    due_at = stand.at or now if stand.kind == "deliver" else stand.at
    problem = None
    if stand.kind == "cancel":
        problem = NOT_IN_TIME if one.cause in (flow.OVER, flow.TIME) and one.row.after_component else BY_FLOW
    return Walk(one.row, state, due_at, stand, falls_back, problem)


def _outcome(one: Woken, walk: Walk, asked: bool, now: datetime) -> Outcome | None:
    """What becomes of the item. `asked`: it waited for the buyer's word until now."""
    row, stand = one.row, walk.stand
    asks: bool | None = None
    if stand.kind in ("buyer", "choose"):
        move, asks = "want_buyer", True
    elif stand.kind == "cancel":
        move = "cancel"
    elif stand.kind == "deliver" and (stand.at is None or stand.at <= now):
        # An item that was scheduled begins with its first errand, as those on a fixed day do.
        if row.state == model.WAITING_FOR_EVENT and row.attempts == 0:
            return None
        move, asks = "start", False if asked else None
    else:
        move, asks = "schedule", False if asked else None
    due_at = stand.at if stand.kind in ("deliver", "timer") and move == "schedule" else None
    return Outcome(
        row.lane, row.order_id, row.item_id, row.entitlement_id, move, walk.problem, due_at=due_at, asks=asks
    )
