"""What operators see of tasks, and decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col
from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_of
from heyi.kernel.masking import mask
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY, Offer
from heyi.provision.fulfilment import errors, model, store
from heyi.provision.fulfilment import facts as telling
from heyi.provision.fulfilment.accounts import SQL
from heyi.provision.fulfilment.errand import AttemptChange, Exchange, Outcome, TaskChange
from heyi.provision.fulfilment.model import ATTEMPT, TASK, Request

_request = msgspec.json.Decoder(Request).decode
MAYBE = ("sending", "unknown", "accepted")  # states of an attempt that may have delivered
MOVES = {"delivered": "deliver", "try_again": "retry", "failed": "fail"}
ITEM_MOVES = {"delivered": "deliver", "try_again": "start", "failed": "fail"}
LOOK_AGAIN = timedelta(minutes=1)  # at a number that a person held for over: a late delivery is listed, never lost
ATTEMPT_MOVES = {"delivered": "deliver", "try_again": "decline", "failed": "decline"}


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task as operators see it: accounts masked; `ship_to` as it is, because somebody has to ship."""

    id: UUID
    item_id: UUID
    order_id: UUID
    entitlement_id: UUID | None
    kind: str
    benefit_id: UUID
    title: str
    supplier_id: UUID | None
    supplier: str | None
    state: str
    due_at: datetime | None
    attempts: int
    queries: int
    problem: str | None
    accounts: dict[str, str]
    ship_to: dict[str, Any] | None
    resolution: dict[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallSeen(Exchange):
    """One exchange of an attempt; `verb` is submit, query or recheck."""

    verb: str = ""
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AttemptSeen:
    """One outer number at one supplier, with its exchanges, oldest first. `cost` is what they charge. `settled_…`: who
    has dealt with its difference, and how."""

    id: UUID
    task_id: UUID
    item_id: UUID
    number: int
    outer_number: str
    supplier: str
    product_no: str
    supplier_number: str | None
    state: str
    cost: Money | None
    why: str | None
    submits: int
    difference: bool
    started_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    calls: tuple[CallSeen, ...] = ()
    order_id: UUID | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_note: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person may do about a task now: query, delivered, try_again or failed; `proof`: only with proof."""

    what: str
    proof: bool


async def search(
    tx: Tx, *, state: str | None, supplier: UUID | None, order_id: UUID | None, item_id: UUID | None,
    stuck_since: datetime | None, before: UUID | None, limit: int,
) -> list[TaskSeen]:  # fmt: skip
    """Tasks, newest first. Call it inside a transaction: its plan depends on the filters."""
    await tx.rows(store.SQL["plan_each_time"])
    about = order_id or item_id
    rows = await tx.rows(
        SQL["list_tasks"], state=state, supplier=supplier, order_id=order_id, item=item_id,
        lane=None if about is None else lane_of(about), stuck_since=stuck_since, before=before, most=limit,
    )  # fmt: skip
    return [_task(row) for row in rows]


async def find(tx: Tx, task_id: UUID) -> tuple[TaskSeen, list[AttemptSeen]]:
    """One task and what was tried for it. Raises TaskNotFound."""
    row = await tx.row(SQL["find_task"], lane=lane_of(task_id), id=task_id)
    if row is None:
        raise errors.TaskNotFound
    tried = await history(tx, row.lane, row.order_id)
    return _task(row), [one for one in tried if one.task_id == task_id]


async def history(tx: Tx, lane: int, order_id: UUID) -> list[AttemptSeen]:
    """Everything that was tried for an order, oldest first."""
    return await _with_calls(tx, lane, await tx.rows(SQL["attempts_of_order"], lane=lane, order_id=order_id))


async def differences(
    tx: Tx, *, before: UUID | None, limit: int, state: str = "open", supplier: UUID | None = None,
    order_id: UUID | None = None, number: str | None = None,
) -> list[AttemptSeen]:  # fmt: skip
    """Attempts that delivered after their item had ended otherwise, newest first, without their calls. `state`: open,
    settled or all; `number` is ours or theirs."""
    rows = await tx.rows(
        SQL["differences"], before=before, most=limit, settled=None if state == "all" else state == "settled",
        supplier=supplier, order_id=order_id, number=number,
    )  # fmt: skip
    return [attempt_of(row, ()) for row in rows]


def choices(task: TaskSeen, attempt_state: str | None) -> list[Choice]:
    """What a person may do about a task as it stands. Pure."""
    if task.state == model.SENDING:
        return []
    maybe = attempt_state in MAYBE
    found = [Choice("query", proof=False)] if attempt_state is not None else []
    if task.kind != CARD_KEY and TASK.step(task.state, MOVES["delivered"]):
        found.append(Choice("delivered", proof=True))
    return found + [Choice(what, proof=maybe) for what in ("try_again", "failed") if TASK.step(task.state, MOVES[what])]


async def _with_calls(tx: Tx, lane: int, rows: list[Row]) -> list[AttemptSeen]:
    found = await tx.rows(SQL["calls_of_attempts"], lane=lane, attempts=col(row.id for row in rows)) if rows else []
    calls: dict[UUID, list[CallSeen]] = {}
    for c in found:
        seen = CallSeen(
            c.method, c.url, c.request, c.status, c.response, c.error, c.duration_ms, c.at, c.headers, c.signed,
            c.answered, c.verdict, None, c.verb, c.id,
        )  # fmt: skip
        calls.setdefault(c.attempt_id, []).append(seen)
    return [attempt_of(row, tuple(calls.get(row.id, ()))) for row in rows]


def _task(row: Row) -> TaskSeen:
    request = _request(row.request)
    return TaskSeen(
        row.id, row.item_id, row.order_id, row.entitlement_id, row.kind, row.benefit_id, request.title,
        row.supplier_id, row.supplier, row.state, row.due_at, row.attempts, row.queries, row.problem,
        {name: mask(value) for name, value in request.accounts}, request.ship_to, row.resolution, row.created_at,
        row.ended_at,
    )  # fmt: skip


def attempt_of(row: Row, calls: tuple[CallSeen, ...] = ()) -> AttemptSeen:
    """An attempt as operators see it."""
    cost = None if row.cost_minor is None else Money(row.cost_minor, row.currency or "CNY")
    return AttemptSeen(
        row.id, row.task_id, row.item_id, row.number, row.outer_number, row.supplier, row.product_no,
        row.supplier_number, row.state, cost, row.why, row.submits, row.difference, row.started_at, row.accepted_at,
        row.ended_at, calls, row.order_id, row.settled_at, row.settled_by, row.settled_note,
    )  # fmt: skip


async def retry(tx: Tx, task_id: UUID, *, by: str, now: datetime, wall: datetime) -> tuple[list[Outcome], list[Fact]]:
    """Do the next step now: the one that waits for its gap, or a new attempt after a definite no.

    Raises TaskNotFound, TaskBusy, TaskHeld, TaskState, StillUnknown.
    """
    row = await _lock(tx, task_id, wall)
    if row.held_since is not None:
        raise errors.TaskHeld
    if row.state == model.SCHEDULED:
        await tx.run(SQL["hurry"], lane=row.lane, id=row.id, now=now)
        return [], [_fact(row, "retry", by)]
    if row.state != model.WAITING_FOR_PERSON:
        raise errors.TaskState(state=row.state)
    return await _decide(tx, row, "try_again", proof="", note="", by=by, now=now)


async def query(
    tx: Tx, task_id: UUID, *, by: str, now: datetime, wall: datetime, attempt_id: UUID | None = None
) -> list[Fact]:
    """Ask the supplier about the last number now, or about this one. Raises TaskNotFound, TaskBusy, TaskState (nothing
    was ever sent)."""
    row = await _lock(tx, task_id, wall)
    if row.attempt_id is None:
        raise errors.TaskState(state=row.state)
    if attempt_id not in (None, row.attempt_id):
        await tx.run(SQL["recheck_now"], lane=row.lane, id=attempt_id, now=now)
        return [_fact(row, "query", by)]
    if row.state == model.WAITING_FOR_PERSON and row.attempt_state in MAYBE:
        after = TASK.step(row.state, "ask")
        assert after is not None
        await store.save_tasks(tx, [TaskChange(row.lane, row.id, row.state, after, now)], now=now)
    if row.state in (model.ASKING, model.WAITING_FOR_PERSON) and row.attempt_state in MAYBE:
        await tx.run(SQL["hurry"], lane=row.lane, id=row.id, now=now)
    else:
        await tx.run(SQL["recheck_now"], lane=row.lane, id=row.attempt_id, now=now)
    return [_fact(row, "query", by)]


async def resolve(
    tx: Tx, task_id: UUID, outcome: str, *, proof: str, note: str, by: str, now: datetime, wall: datetime,
    route: Offer | None = None, attempt_id: UUID | None = None,
) -> tuple[list[Outcome], list[Fact]]:  # fmt: skip
    """A person decides: delivered (with proof), try_again (a new number, at `route` if given), failed (a flow that says
    what follows then goes on); about the last number, which must be `attempt_id` if given. Answers items to move, and
    facts.

    Raises TaskNotFound, TaskBusy, TaskState, NumberOvertaken, ProofMissing, NeedsCard, StillUnknown.
    """
    row = await _lock(tx, task_id, wall)
    if attempt_id not in (None, row.attempt_id):
        raise errors.NumberOvertaken
    if outcome == "delivered" and row.kind == CARD_KEY:
        raise errors.NeedsCard
    if outcome == "delivered" and not proof.strip():
        raise errors.ProofMissing("/proof")
    return await _decide(tx, row, outcome, proof=proof, note=note, by=by, now=now, route=route)


async def _lock(tx: Tx, task_id: UUID, wall: datetime) -> Row:
    lane = lane_of(task_id)
    await tx.rows(SQL["hold_task"], lane=lane, id=task_id)
    row = await tx.row(SQL["held_task"], lane=lane, id=task_id)
    if row is None:
        raise errors.TaskNotFound
    talking = row.state == model.ASKING and row.lease_until is not None and row.lease_until > wall
    if row.state == model.SENDING or talking:
        raise errors.TaskBusy
    return row


async def _decide(
    tx: Tx, row: Row, outcome: str, *, proof: str, note: str, by: str, now: datetime, route: Offer | None = None
) -> tuple[list[Outcome], list[Fact]]:
    falls_back = outcome == "failed" and _request(row.request).falls_back
    after = TASK.step(row.state, "wait" if falls_back else MOVES[outcome])
    if after is None:
        raise errors.TaskState(state=row.state)
    maybe = row.attempt_state in MAYBE
    if maybe and outcome != "delivered" and not proof.strip():
        raise errors.StillUnknown("/proof")
    due_at = now if after == model.SCHEDULED or falls_back else None
    problem = note.strip() or None if outcome == "failed" else None
    await store.save_tasks(tx, [TaskChange(row.lane, row.id, row.state, after, due_at, problem, route=route)], now=now)
    said = {"outcome": outcome, "proof": proof, "note": note, "by": by, "at": now}
    await tx.run(SQL["resolve"], lane=row.lane, id=row.id, resolution=msgspec.json.encode(said).decode())
    if maybe:
        state = ATTEMPT.step(row.attempt_state, ATTEMPT_MOVES[outcome])
        assert state is not None
        change = AttemptChange(
            row.lane, row.attempt_id, state, why=f"resolved {outcome} by {by}", recheck_at=now + LOOK_AGAIN
        )
        await store.save_attempts(tx, [change], now=now)
    return [] if falls_back else [_outcome(row, outcome, problem, maybe)], [_fact(row, outcome, by)]


def _outcome(row: Row, outcome: str, problem: str | None, maybe: bool) -> Outcome:
    request, move = _request(row.request), ITEM_MOVES[outcome]
    if outcome != "delivered":
        return Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, move, problem)
    share = Money(request.share_minor, request.currency) if request.earn_on == "delivery" else None
    # Who is owed: the supplier when its attempt counts as the delivery, the partner for what our own hands gave. What
    # was refused there and done by hand costs nothing that we know of.
    party = (row.supplier_id if maybe else None) if row.supplier_id is not None else request.partner_id
    cost = Money(request.cost_minor if row.cost_minor is None else row.cost_minor, request.currency)
    return Outcome(
        row.lane, row.order_id, row.item_id, row.entitlement_id, move, problem, share, cost if party else None, party,
        prepaid=row.pays == "prepaid",
    )  # fmt: skip


def _fact(row: Row, outcome: str, by: str) -> Fact:
    return Fact(
        telling.RESOLVED, {"outcome": outcome, "by": by}, row.lane, row.order_id, row.item_id, row.entitlement_id
    )
