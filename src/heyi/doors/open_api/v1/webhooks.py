"""Webhook endpoints, their secrets, and the log of every delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.params import Parameter
from msgspec import UNSET, Meta, UnsetType

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Shape, id_in
from heyi.flows import tell
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.watch import journal
from heyi.watch.webhook import Delivery, Endpoint, endpoints

WRITE = allow(("channel", "partner", "operator"), "webhooks:write")
READ = allow(("channel", "partner", "operator"), "webhooks:read")

Url = Annotated[str, Meta(min_length=1, max_length=2000, description="https; resolves to the public internet")]
Event = Annotated[str, Meta(min_length=1, max_length=100)]
Events = Annotated[list[Event], Meta(min_length=1, max_length=50, description='event names, or ["*"] for all')]
Note = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
DeliveryState = Literal["waiting", "sending", "delivered", "failed"]


class EndpointBody(Body):
    url: Url
    events: Events = msgspec.field(default_factory=lambda: ["*"])
    description: Note = ""


class EndpointChange(Body):
    """What is left out stays as it is. `disabled` drops what waits; `active` starts afresh."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Note | UnsetType = UNSET
    state: Literal["active", "disabled"] | UnsetType = UNSET


class ResendBody(Body):
    since: Annotated[datetime, Meta(tz=True)]


class EndpointShape(Shape):
    """`voice` is webhook, or the standard in which your orders' own addresses are told how they ended."""

    id: str
    voice: str
    url: str
    events: list[str]
    description: str
    state: str
    disabled_why: str | None
    failing_since: datetime | None
    old_secret_until: datetime | None
    created_at: datetime


class EndpointWithSecret(EndpointShape):
    """The secret is shown here and never again."""

    secret: str


class TryShape(Shape):
    at: datetime
    status: int | None
    error: str
    duration_ms: int


class DeliveryShape(Shape):
    """`event_id` is the webhook-id: the same on every try and every resend."""

    id: str
    event_id: str
    type: str
    state: str
    attempts: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    tries: list[TryShape]


class Accepted(Shape):
    state: str


def _shape(one: Endpoint) -> EndpointShape:
    return EndpointShape(
        id=to_text("whk", one.id), voice=one.voice, url=one.url, events=list(one.events), description=one.description,
        state=one.state, disabled_why=one.disabled_why, failing_since=one.failing_since,
        old_secret_until=one.old_secret_until,
        created_at=one.created_at,
    )  # fmt: skip


def _with_secret(one: Endpoint, secret: str) -> EndpointWithSecret:
    return EndpointWithSecret(
        id=to_text("whk", one.id), voice=one.voice, url=one.url, events=list(one.events), description=one.description,
        state=one.state, disabled_why=one.disabled_why, failing_since=one.failing_since,
        old_secret_until=one.old_secret_until,
        created_at=one.created_at, secret=secret,
    )  # fmt: skip


def _delivery(one: Delivery) -> DeliveryShape:
    return DeliveryShape(
        id=to_text("dlv", one.id), event_id=to_text("fct", one.fact_id), type=one.event, state=one.state,
        attempts=one.attempts, next_at=one.next_at, created_at=one.created_at, ended_at=one.ended_at,
        tries=[TryShape(at=t.at, status=t.status, error=t.error, duration_ms=t.duration_ms) for t in one.tries],
    )  # fmt: skip


def _me(caller: Caller) -> UUID:
    """Whose endpoints these are; operators share the alliance's."""
    return journal.holder_of(caller.kind, caller.id).id


@post("/webhook_endpoints", guards=[WRITE], opt={"stores_no_answer": True}, tags=["webhooks"],
      summary="Be told what happens; the answer shows the secret, once")  # fmt: skip
async def make_endpoint(data: EndpointBody, caller: Caller, tools: Tools) -> EndpointWithSecret:
    holder = journal.holder_of(caller.kind, caller.id)
    endpoints.check_events(data.events, journal.heard_by(caller.kind))
    await endpoints.check_url(data.url, private_allowed=tools.settings.webhook_private)
    async with tools.db.transaction() as tx:
        made, secret = await endpoints.make(
            tx, tools.sealing, holder_kind=holder.kind, holder_id=holder.id, url=data.url, events=data.events,
            description=data.description, now=tools.clock.now(),
        )  # fmt: skip
    return _with_secret(made, secret)


@get("/webhook_endpoints", guards=[READ], tags=["webhooks"], summary="Your endpoints, newest first")
async def list_endpoints(caller: Caller, tools: Tools, limit: Limit = 50, cursor: Cursor = None) -> Page[EndpointShape]:
    async with tools.db.reading() as tx:
        found = await endpoints.listed(tx, _me(caller), before=before(cursor), most=limit + 1)
    return paged(found, limit, _shape)


@get("/webhook_endpoints/{endpoint_id:str}", guards=[READ], tags=["webhooks"], summary="One endpoint")
async def get_endpoint(endpoint_id: str, caller: Caller, tools: Tools) -> EndpointShape:
    async with tools.db.reading() as tx:
        return _shape(await endpoints.read(tx, _me(caller), id_in("whk", endpoint_id)))


@patch("/webhook_endpoints/{endpoint_id:str}", guards=[WRITE], tags=["webhooks"], summary="Change, disable or enable")
async def change_endpoint(endpoint_id: str, data: EndpointChange, caller: Caller, tools: Tools) -> EndpointShape:
    id = id_in("whk", endpoint_id)
    given = {name: value for name in data.__struct_fields__ if (value := getattr(data, name)) is not UNSET}
    endpoints.check_events(given.get("events", ()), journal.heard_by(caller.kind))
    if "url" in given:
        await endpoints.check_url(given["url"], private_allowed=tools.settings.webhook_private)
    async with tools.db.transaction() as tx:
        return _shape(await endpoints.change(tx, _me(caller), id, **given, now=tools.clock.now()))


@delete("/webhook_endpoints/{endpoint_id:str}", guards=[WRITE], tags=["webhooks"], summary="Nothing more is sent there")
async def delete_endpoint(endpoint_id: str, caller: Caller, tools: Tools) -> None:
    async with tools.db.transaction() as tx:
        await endpoints.delete(tx, _me(caller), id_in("whk", endpoint_id), now=tools.clock.now())


@post("/webhook_endpoints/{endpoint_id:str}/rotate", guards=[WRITE], opt={"stores_no_answer": True}, status_code=200,
      tags=["webhooks"], summary="A new secret; the old one signs beside it for 24 hours")  # fmt: skip
async def rotate_secret(endpoint_id: str, caller: Caller, tools: Tools) -> EndpointWithSecret:
    async with tools.db.transaction() as tx:
        return _with_secret(
            *await endpoints.rotate(
                tx, tools.sealing, _me(caller), id_in("whk", endpoint_id), now=tools.clock.now()
            )
        )  # fmt: skip


@get("/webhook_endpoints/{endpoint_id:str}/deliveries", guards=[READ], tags=["webhooks"],
     summary="Every delivery and its tries, newest first")  # fmt: skip
async def list_deliveries(
    endpoint_id: str,
    caller: Caller,
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    delivery_state: Annotated[DeliveryState | None, Parameter(query="state", description="only these")] = None,
) -> Page[DeliveryShape]:
    async with tools.db.reading() as tx:
        found = await endpoints.list_deliveries(
            tx, _me(caller), id_in("whk", endpoint_id), state=delivery_state, before=before(cursor), most=limit + 1
        )
    return paged(found, limit, _delivery)


@post("/webhook_endpoints/{endpoint_id:str}/deliveries/{delivery_id:str}/resend", guards=[WRITE], status_code=202,
      tags=["webhooks"], summary="Send one delivery again, with the same body and webhook-id")  # fmt: skip
async def resend_one(
    endpoint_id: str, delivery_id: str, caller: Caller, tools: Tools, idempotency_key: IdempotencyKey = None
) -> DeliveryShape:
    async with tools.db.transaction() as tx:
        return _delivery(
            await endpoints.resend(
                tx, _me(caller), id_in("whk", endpoint_id), id_in("dlv", delivery_id), now=tools.clock.now()
            )
        )


@post("/webhook_endpoints/{endpoint_id:str}/resend", guards=[WRITE], status_code=202, tags=["webhooks"],
      summary="Send everything since a time again, in the background",
      description="Also what happened while the endpoint was disabled or did not exist yet.")  # fmt: skip
async def resend_since(
    endpoint_id: str, data: ResendBody, caller: Caller, tools: Tools, idempotency_key: IdempotencyKey = None
) -> Accepted:
    await tell.ask_resend(tools, _me(caller), id_in("whk", endpoint_id), since=data.since)
    return Accepted(state="accepted")


HANDLERS = [
    make_endpoint, list_endpoints, get_endpoint, change_endpoint, delete_endpoint, rotate_secret, list_deliveries,
    resend_one, resend_since,
]  # fmt: skip
