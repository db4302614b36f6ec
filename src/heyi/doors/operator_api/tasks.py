"""Tasks: what is being delivered, what is stuck and why, and a person's decisions about it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.open_api.v1.order_shapes import HappeningShape, happening
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Long, MoneyShape, Shape, Short, id_in, money
from heyi.flows import resolve, task_page
from heyi.flows.task_page import TaskPage
from heyi.infra.tools import Tools
from heyi.kernel.ids import from_text, to_text
from heyi.provision.fulfilment import desk
from heyi.provision.fulfilment.desk import AttemptSeen, TaskSeen

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
State = Literal[
    "scheduled", "waiting_for_event", "waiting_for_buyer", "waiting_for_stock", "waiting_for_person", "sending",
    "asking", "delivered", "failed", "cancelled",
]  # fmt: skip
OrderId = Annotated[str | None, Parameter(max_length=40, description="ord_…")]
SupplierId = Annotated[str | None, Parameter(max_length=40, description="sup_…")]
Number = Annotated[str | None, Parameter(max_length=200, description="at a supplier: ours or theirs")]
_OUTER_NUMBER = re.compile(r"([0-7][0-9a-hjkmnp-tv-z]{25})-[0-9]{1,5}")


class ResolveBody(Body):
    """delivered (with proof), try_again (with a new number at the supplier) or failed. Where the supplier may have
    delivered, try_again and failed need proof that it did not. `offer`: where try_again buys (what routing prefers when
    left out).
    """

    outcome: Literal["delivered", "try_again", "failed"]
    proof: Long = ""
    note: Long = ""
    offer: Short | None = None


class TaskShape(Shape):
    """`accounts` are masked. `problem`: a word, then what the supplier said."""

    id: str
    item: str
    order: str
    entitlement: str | None
    kind: str
    title: str
    supplier: str | None
    state: str
    due_at: datetime | None
    attempts: int
    queries: int
    problem: str | None
    accounts: dict[str, str]
    resolution: dict[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


class CallShape(Shape):
    """One HTTP exchange; secrets, accounts and cards are masked. GET /v1/operator/calls/{id} shows all of it."""

    id: str
    verb: str
    method: str
    url: str
    request: str
    status: int | None
    response: str | None
    error: str
    duration_ms: int
    at: datetime
    signed: str
    verdict: str | None


class AttemptShape(Shape):
    """One outer number at one supplier. `difference`: it delivered although the item had ended otherwise by then;
    `settled_…`: who has dealt with that, and how.
    """

    id: str
    task: str
    number: int
    outer_number: str
    supplier: str
    product_no: str
    supplier_number: str | None
    state: str
    cost: MoneyShape | None
    why: str | None
    submits: int
    difference: bool
    started_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None
    settled_by: str | None
    settled_note: str | None
    calls: list[CallShape]


class HeardShape(Shape):
    """Somebody called us about one of its numbers. GET /v1/operator/callbacks/{id} shows all of it."""

    id: str
    supplier: str
    at: datetime
    verdict: str
    outer_number: str | None


class ChoiceShape(Shape):
    """What a person may do now: query, delivered, try_again or failed. `proof`: only with proof."""

    what: str
    proof: bool


class TaskPageShape(TaskShape):
    """A task with everything that is known: what was tried, who called us about it, what happened and was decided, and
    what may be done now. `next_offer`: where try_again would buy unless an offer is named. `ship_to`: where goods go.
    """

    ship_to: dict[str, Any] | None
    tried: list[AttemptShape]
    callbacks: list[HeardShape]
    history: list[HappeningShape]
    choices: list[ChoiceShape]
    next_offer: str | None


class SettleBody(Body):
    """What was done about it: they gave the money back, it is written off, …"""

    note: Annotated[Long, Meta(min_length=1)]


def _fields(one: TaskSeen) -> dict[str, Any]:
    return {
        "id": to_text("tsk", one.id), "item": to_text("itm", one.item_id), "order": to_text("ord", one.order_id),
        "entitlement": None if one.entitlement_id is None else to_text("ent", one.entitlement_id), "kind": one.kind,
        "title": one.title, "supplier": one.supplier, "state": one.state, "due_at": one.due_at,
        "attempts": one.attempts, "queries": one.queries, "problem": one.problem, "accounts": one.accounts,
        "resolution": one.resolution, "created_at": one.created_at, "ended_at": one.ended_at,
    }  # fmt: skip


def task_shape(one: TaskSeen) -> TaskShape:
    return TaskShape(**_fields(one))


def attempt_shape(one: AttemptSeen) -> AttemptShape:
    calls = [
        CallShape(id=to_text("cll", c.id) if c.id else "", verb=c.verb, method=c.method, url=c.url, request=c.request,
                  status=c.status, response=c.response, error=c.error, duration_ms=c.duration_ms, at=c.at,
                  signed=c.signed, verdict=c.verdict)
        for c in one.calls
    ]  # fmt: skip
    return AttemptShape(
        id=to_text("att", one.id), task=to_text("tsk", one.task_id), number=one.number,
        outer_number=one.outer_number, supplier=one.supplier, product_no=one.product_no,
        supplier_number=one.supplier_number, state=one.state, cost=None if one.cost is None else money(one.cost),
        why=one.why, submits=one.submits, difference=one.difference, started_at=one.started_at,
        accepted_at=one.accepted_at, ended_at=one.ended_at, settled_at=one.settled_at, settled_by=one.settled_by,
        settled_note=one.settled_note, calls=calls,
    )  # fmt: skip


def page_shape(found: TaskPage) -> TaskPageShape:
    callbacks = [
        HeardShape(id=to_text("cbk", one.id), supplier=one.supplier, at=one.at, verdict=one.verdict,
                   outer_number=one.outer_number)
        for one in found.callbacks
    ]  # fmt: skip
    return TaskPageShape(
        **_fields(found.task), ship_to=found.task.ship_to, tried=[attempt_shape(one) for one in found.tried],
        callbacks=callbacks, history=[happening(one) for one in found.history],
        choices=[ChoiceShape(what=one.what, proof=one.proof) for one in found.choices],
        next_offer=None if found.next_offer is None else to_text("ofr", found.next_offer),
    )  # fmt: skip


@get("/tasks", guards=[READ], summary="Tasks, newest first", tags=["tasks"])
async def list_tasks(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[State | None, Parameter(query="state")] = None,
    supplier: Annotated[str | None, Parameter(max_length=40, description="sup_…")] = None,
    order: Annotated[str | None, Parameter(max_length=40, description="ord_…")] = None,
    stuck_since: Annotated[datetime | None, Parameter(description="open, and created before this moment")] = None,
    search: Annotated[str | None, Parameter(max_length=60, description="itm_… or a number at a supplier")] = None,
) -> Page[TaskShape]:
    item_id = None
    if search is not None:
        outer = _OUTER_NUMBER.fullmatch(search)
        item_id = from_text("itm", f"itm_{outer[1]}" if outer else search)
        if item_id is None:
            return Page(data=[], next_cursor=None)
    async with tools.db.transaction() as tx:
        found = await desk.search(
            tx, state=in_state, supplier=None if supplier is None else id_in("sup", supplier),
            order_id=None if order is None else id_in("ord", order), item_id=item_id, stuck_since=stuck_since,
            before=before(cursor), limit=limit + 1,
        )  # fmt: skip
    return paged(found, limit, task_shape)


@get("/tasks/{task_id:str}", guards=[READ], summary="One task with its attempts and calls", tags=["tasks"])
async def get_task(task_id: str, tools: Tools) -> TaskPageShape:
    return page_shape(await task_page.read(tools, id_in("tsk", task_id)))


@post("/tasks/{task_id:str}/retry", guards=[WRITE], status_code=200, summary="Do its next step now", tags=["tasks"])
async def retry_task(
    task_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> TaskPageShape:
    await resolve.retry(tools, id_in("tsk", task_id), by=caller.name)
    return page_shape(await task_page.read(tools, id_in("tsk", task_id)))


@post("/tasks/{task_id:str}/query", guards=[WRITE], status_code=200, summary="Ask its supplier now", tags=["tasks"])
async def query_task(
    task_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> TaskPageShape:
    await resolve.query(tools, id_in("tsk", task_id), by=caller.name)
    return page_shape(await task_page.read(tools, id_in("tsk", task_id)))


@post("/tasks/{task_id:str}/resolve", guards=[WRITE], status_code=200, summary="Decide: delivered, try_again, failed",
      tags=["tasks"])  # fmt: skip
async def resolve_task(
    task_id: str, data: ResolveBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> TaskPageShape:
    await resolve.resolve(
        tools, id_in("tsk", task_id), data.outcome, proof=data.proof, note=data.note, by=caller.name,
        offer_id=None if data.offer is None else id_in("ofr", data.offer),
    )  # fmt: skip
    return page_shape(await task_page.read(tools, id_in("tsk", task_id)))


@get("/task_differences", guards=[READ], tags=["tasks"],
     summary="Delivered by a supplier after the item had ended otherwise")  # fmt: skip
async def list_differences(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[Literal["open", "settled", "all"], Parameter(query="state")] = "open",
    order: OrderId = None,
    number: Number = None,
    supplier: SupplierId = None,
) -> Page[AttemptShape]:
    async with tools.db.transaction() as tx:
        found = await desk.differences(
            tx, before=before(cursor), limit=limit + 1, state=in_state, number=number,
            order_id=None if order is None else id_in("ord", order),
            supplier=None if supplier is None else id_in("sup", supplier),
        )  # fmt: skip
    return paged(found, limit, attempt_shape)


@post("/task_differences/{attempt_id:str}/settle", guards=[WRITE], status_code=200, tags=["tasks"],
      summary="A person has dealt with it")  # fmt: skip
async def settle_difference(
    attempt_id: str, data: SettleBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> AttemptShape:
    return attempt_shape(
        await resolve.settle_difference(tools, id_in("att", attempt_id), note=data.note, by=caller.name)
    )


HANDLERS = [list_tasks, get_task, retry_task, query_task, resolve_task, list_differences, settle_difference]
