"""Status sources: where partners' words about rights come from, how fresh they are to be, and how they are followed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, patch, post, put
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import CONNECT, Caller, allow, must_connect
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Address, Body, CodeWord, Line, Shape, id_in
from heyi.flows import report
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision import usage
from heyi.provision.usage.lists import Source
from heyi.provision.usage.model import Policy
from heyi.provision.usage.sources import Rule

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
Interval = Annotated[int, Meta(ge=1, le=86_400, description="seconds between two polls")]
Promised = Annotated[int, Meta(ge=60, le=90 * 86_400, description="seconds after which their word is stale")]
Follow = Literal["follow", "list", "careful"]


class SourceBody(Body):
    """`protocol`: push (they report; no address, no key), or one that is polled: partner_rights."""

    partner: Line
    protocol: CodeWord
    base_url: Address | None = None
    key: Line | None = None
    interval_s: Interval = 300
    fresh_s: Promised = 86_400


class SourcePatch(Body):
    """What is left out stays. A new address or a new key need the scope operator:connect."""

    base_url: Address | None = None
    key: Line | None = None
    interval_s: Interval | None = None
    fresh_s: Promised | None = None
    state: Literal["on", "off"] | None = None


class PollBody(Body):
    """`from_start`: their whole list once more, not only what changed."""

    from_start: bool = False


class SourceShape(Shape):
    """The key is sealed and never shown. `busy` while a worker reads; `pages`, `rights` and `compared` count what was
    read and asked so far; `drained_at`: until when all of their changes are known; `problem`: why the last try failed.
    """

    id: str
    partner: str
    protocol: str
    base_url: str | None
    interval_s: int
    fresh_s: int
    state: str
    cursor: str | None
    due_at: datetime | None
    busy: bool
    started_at: datetime | None
    drained_at: datetime | None
    pages: int
    rights: int
    compared: int
    failures: int
    problem: str | None
    created_at: datetime


class PolicyBody(Body):
    """For one benefit (its code) of a partner, or for all of them. follow: always; list: a person decides; careful:
    follow, unless the buyer would lose what he paid for.
    """

    partner: Line
    benefit: CodeWord | None = None
    activated: Follow = "careful"
    used: Follow = "careful"
    expired: Follow = "careful"
    cancelled: Follow = "careful"


class PolicyShape(Shape):
    id: str
    partner: str
    benefit: str | None
    activated: str
    used: str
    expired: str
    cancelled: str


def source_shape(one: Source) -> SourceShape:
    return SourceShape(
        id=to_text("src", one.id), partner=to_text("prt", one.partner_id), protocol=one.protocol,
        base_url=one.base_url, interval_s=one.interval_s, fresh_s=one.fresh_s, state=one.state, cursor=one.cursor,
        due_at=one.due_at, busy=one.busy, started_at=one.started_at, drained_at=one.drained_at, pages=one.pages,
        rights=one.rights, compared=one.compared, failures=one.failures, problem=one.problem,
        created_at=one.created_at,
    )  # fmt: skip


def policy_shape(one: Rule) -> PolicyShape:
    how = one.policy
    return PolicyShape(
        id=to_text("pol", one.id), partner=to_text("prt", one.partner_id), benefit=one.benefit or None,
        activated=how.activated, used=how.used, expired=how.expired, cancelled=how.cancelled,
    )  # fmt: skip


@post("/status_sources", guards=[CONNECT], summary="Say where a partner's word comes from", tags=["status sources"])
async def make_source(data: SourceBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> SourceShape:
    return source_shape(
        await report.make_source(
            tools, partner_id=id_in("prt", data.partner), protocol=data.protocol, base_url=data.base_url, key=data.key,
            interval_s=data.interval_s, fresh_s=data.fresh_s,
        )
    )  # fmt: skip


@get("/status_sources", guards=[READ], summary="Status sources, newest first", tags=["status sources"])
async def list_sources(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in address or protocol")] = None,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=40, description="prt_…")] = None,
) -> Page[SourceShape]:
    async with tools.db.reading() as tx:
        found = await usage.sources.search(
            tx, text=search, partner=None if of_partner is None else id_in("prt", of_partner), before=before(cursor),
            limit=limit + 1, wall=tools.clock.wall(),
        )  # fmt: skip
    return paged(found, limit, source_shape)


@get("/status_sources/{source_id:str}", guards=[READ], summary="One source, and how far it was read",
     tags=["status sources"])  # fmt: skip
async def get_source(source_id: str, tools: Tools) -> SourceShape:
    async with tools.db.reading() as tx:
        return source_shape(await usage.sources.find(tx, id_in("src", source_id), wall=tools.clock.wall()))


@patch("/status_sources/{source_id:str}", guards=[WRITE], summary="Change a source, switch it on or off",
       tags=["status sources"], opt={"connects": ["base_url", "key"]})  # fmt: skip
async def change_source(source_id: str, data: SourcePatch, tools: Tools, caller: Caller) -> SourceShape:
    must_connect(caller, data.base_url, data.key)
    return source_shape(
        await report.change_source(
            tools, id_in("src", source_id), base_url=data.base_url, key=data.key, interval_s=data.interval_s,
            fresh_s=data.fresh_s, state=data.state,
        )
    )  # fmt: skip


@post("/status_sources/{source_id:str}/poll", guards=[WRITE], status_code=200, summary="Read it now",
      tags=["status sources"], description="A worker begins within a second; its counts show it.")  # fmt: skip
async def poll_source(
    source_id: str, data: PollBody, tools: Tools, idempotency_key: IdempotencyKey = None
) -> SourceShape:
    async with tools.db.transaction() as tx:
        return source_shape(
            await usage.sources.poll_soon(
                tx, id_in("src", source_id), again=data.from_start, now=tools.clock.now(), wall=tools.clock.wall()
            )
        )


@put("/usage_policies", guards=[WRITE], summary="How a partner's reports are followed", tags=["status sources"])
async def put_usage_policy(data: PolicyBody, tools: Tools) -> PolicyShape:
    policy = Policy(data.activated, data.used, data.expired, data.cancelled)
    return policy_shape(
        await report.put_policy(
            tools, partner_id=id_in("prt", data.partner), benefit=data.benefit or "", policy=policy
        )
    )  # fmt: skip


@get("/usage_policies", guards=[READ], summary="How reports are followed, newest first", tags=["status sources"])
async def list_usage_policies(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=64, description="in the benefit's code")] = None,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=40, description="prt_…")] = None,
) -> Page[PolicyShape]:
    async with tools.db.reading() as tx:
        found = await usage.sources.rules_of(
            tx, partner=None if of_partner is None else id_in("prt", of_partner), text=search, before=before(cursor),
            limit=limit + 1,
        )  # fmt: skip
    return paged(found, limit, policy_shape)


HANDLERS = [
    make_source, list_sources, get_source, change_source, poll_source, put_usage_policy, list_usage_policies,
]  # fmt: skip
