"""The call log: everything that was said to suppliers, and what they called us about; masked, and searched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import Parameter

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.moments import moment
from heyi.doors.operator_api.tasks import Number, OrderId, SupplierId, TaskPageShape, page_shape
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Long, Shape, Short, id_in
from heyi.flows import replay, task_page
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import calls, differing, heard
from heyi.provision.fulfilment.calls import Call, Whole
from heyi.provision.fulfilment.heard import Kept

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
Word = Annotated[str | None, Parameter(max_length=40)]
Since = Annotated[datetime | None, Parameter(description="not before this moment")]
Until = Annotated[datetime | None, Parameter(description="before this moment")]
Verdict = Literal["delivered", "accepted", "declined", "failed", "not_found", "unknown"]
HeardVerdict = Literal[
    "kept", "trusted", "repeat", "stranger", "unsigned", "stale", "unreadable", "address", "too_large"
]


class CalledShape(Shape):
    """One call. `order`, `task` and `attempt` are null for calls about no purchase (balance, products, rehearsals), of
    which `by` says who asked (null: the clock). `verdict`: what the end of a talk was taken to mean. `error`: why
    nothing came back.
    """

    id: str
    supplier: str
    verb: str
    by: str | None
    method: str
    url: str
    status: int | None
    error: str
    verdict: str | None
    duration_ms: int
    at: datetime
    order: str | None
    task: str | None
    attempt: str | None
    number: int | None
    outer_number: str | None
    supplier_number: str | None


class ReplayShape(Shape):
    """Somebody had it made again."""

    how: str
    by: str
    note: str
    at: datetime


class CallPageShape(CalledShape):
    """A call with all that was kept of it; secrets, accounts and cards are masked. `signed` is the string that was
    signed, `answered` some headers of theirs, `profile` the dialect and version that spoke (0: shipped, or a package).
    `curl` is the call for a shell: it has to be signed again before it holds.
    """

    profile: str
    headers: dict[str, str]
    request: str
    signed: str
    answered: dict[str, str]
    response: str | None
    replays: list[ReplayShape]
    curl: str


class ChangeShape(Shape):
    """One place where two calls differ; null: nothing stands there."""

    pointer: str
    before: Any
    after: Any


class ReplayBody(Body):
    """query: ask about its number now. attempt: try its task again with a new number; where the supplier may have
    delivered, `proof` that it did not. `offer`: where to buy then (what routing prefers when left out).
    """

    how: Literal["query", "attempt"] = msgspec.field(name="as")
    proof: Long = ""
    note: Long = ""
    offer: Short | None = None


class CallbackShape(Shape):
    """One callback. `verdict`: trusted, repeat (what was signed came before), stranger (not our number), kept (not
    judged yet), or why it was not believed; `outer_number` where its signature holds; `address` is who called.
    """

    id: str
    supplier: str
    at: datetime
    verdict: str
    outer_number: str | None
    address: str


class CallbackPageShape(CallbackShape):
    """A callback with what was in it, masked. `body` null: it cannot be opened. `bytes` is how long the body was; of
    one that is not believed only the beginning is kept, and says so.
    """

    method: str
    headers: dict[str, str]
    query: str
    body: str | None
    bytes: int


def _fields(one: Call) -> dict[str, Any]:
    def named(prefix: str, id: Any) -> str | None:
        return None if id is None else to_text(prefix, id)

    return {
        "id": to_text("cll", one.id), "supplier": one.supplier, "verb": one.verb, "by": one.by, "method": one.method,
        "url": one.url, "status": one.status, "error": one.error, "verdict": one.verdict,
        "duration_ms": one.duration_ms, "at": one.at, "order": named("ord", one.order_id),
        "task": named("tsk", one.task_id), "attempt": named("att", one.attempt_id), "number": one.number,
        "outer_number": one.outer_number, "supplier_number": one.supplier_number,
    }  # fmt: skip


def _shape(one: Call) -> CalledShape:
    return CalledShape(**_fields(one))


def _page(one: Whole) -> CallPageShape:
    replays = [ReplayShape(how=r.how, by=r.by, note=r.note, at=r.at) for r in one.replays]
    return CallPageShape(
        **_fields(one.call), profile=f"{one.dialect} v{one.version}", headers=one.headers, request=one.request,
        signed=one.signed, answered=one.answered, response=one.response, replays=replays, curl=one.curl,
    )  # fmt: skip


def _when(value: datetime | None, pointer: str) -> datetime | None:
    return moment(value if value is None or value.tzinfo else value.replace(tzinfo=UTC), pointer)


@get("/calls", guards=[READ], summary="Calls to suppliers, newest first", tags=["calls"])
async def list_calls(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    order: OrderId = None,
    number: Number = None,
    supplier: SupplierId = None,
    verb: Annotated[Word, Parameter(description="submit, query, recheck, balance, products, rehearse_…")] = None,
    result: Literal["answered", "http_error", "no_answer"] | None = None,
    status: Annotated[int | None, Parameter(ge=100, le=599)] = None,
    error: Annotated[Word, Parameter(description="timeout, ClientConnectorError, …")] = None,
    verdict: Verdict | None = None,
    troubled: Annotated[
        bool, Parameter(description="only without a good answer, or with one that says nothing")
    ] = False,
    since: Since = None,
    until: Until = None,
) -> Page[CalledShape]:
    wanted = calls.Wanted(
        None if order is None else id_in("ord", order), number, None if supplier is None else id_in("sup", supplier),
        verb, result, status, error, verdict, troubled, _when(since, "/since"), _when(until, "/until"),
    )  # fmt: skip
    async with tools.db.transaction() as tx:
        return paged(await calls.search(tx, wanted, before=before(cursor), limit=limit + 1), limit, _shape)


@get("/calls/{call_id:str}", guards=[READ], summary="One call with everything, and as a curl line", tags=["calls"])
async def get_call(call_id: str, tools: Tools) -> CallPageShape:
    async with tools.db.reading() as tx:
        return _page(await calls.find(tx, id_in("cll", call_id)))


@get("/calls/{call_id:str}/diff", guards=[READ], summary="What is different between two calls", tags=["calls"])
async def diff_calls(
    call_id: str, tools: Tools, former: Annotated[str, Parameter(max_length=40, description="cll_…")]
) -> list[ChangeShape]:
    async with tools.db.reading() as tx:
        old, new = [await calls.find(tx, id_in("cll", one)) for one in (former, call_id)]
    found = differing.differences(calls.comparable(old), calls.comparable(new))
    return [ChangeShape(pointer=one.pointer, before=one.before, after=one.after) for one in found]


@post("/calls/{call_id:str}/replay", guards=[WRITE], status_code=200, tags=["calls"],
      summary="Ask about its number now, or try its task again with a new one")  # fmt: skip
async def replay_call(
    call_id: str, data: ReplayBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> TaskPageShape:
    task_id = await replay.replay(
        tools, id_in("cll", call_id), data.how, proof=data.proof, note=data.note, by=caller.name,
        offer_id=None if data.offer is None else id_in("ofr", data.offer),
    )  # fmt: skip
    return page_shape(await task_page.read(tools, task_id))


def _called(one: Kept) -> dict[str, Any]:
    return {
        "id": to_text("cbk", one.id), "supplier": one.supplier, "at": one.at, "verdict": one.verdict,
        "outer_number": one.outer_number, "address": one.address,
    }  # fmt: skip


@get("/callbacks", guards=[READ], summary="What suppliers called us about, newest first", tags=["calls"])
async def list_callbacks(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    order: OrderId = None,
    number: Number = None,
    supplier: SupplierId = None,
    verdict: HeardVerdict | None = None,
    since: Since = None,
    until: Until = None,
) -> Page[CallbackShape]:
    wanted = heard.Wanted(
        None if order is None else id_in("ord", order), number, None if supplier is None else id_in("sup", supplier),
        verdict, _when(since, "/since"), _when(until, "/until"),
    )  # fmt: skip
    async with tools.db.transaction() as tx:
        found = await heard.search(tx, wanted, before=before(cursor), limit=limit + 1)
    return paged(found, limit, lambda one: CallbackShape(**_called(one)))


@get("/callbacks/{callback_id:str}", guards=[READ], summary="One callback with its body, masked", tags=["calls"])
async def get_callback(callback_id: str, tools: Tools) -> CallbackPageShape:
    async with tools.db.reading() as tx:
        one = await heard.find(tx, tools.sealing, id_in("cbk", callback_id))
    return CallbackPageShape(
        **_called(one.kept), method=one.method, headers=one.headers, query=one.query, body=one.body, bytes=one.bytes
    )


HANDLERS = [list_calls, get_call, diff_calls, replay_call, list_callbacks, get_callback]
