"""Drifts 差异: where partners and we differ about rights, and a person's word about it. And what partners reported."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import get, post
from litestar.params import Parameter
from msgspec import field

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Line, Long, Shape, id_in
from heyi.flows import settle
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision import usage
from heyi.provision.usage.drifts import Wanted
from heyi.provision.usage.model import Drift

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
State = Literal["open", "repaired", "accepted"]
Class = Literal[
    "they_active_we_pending", "we_active_they_ended", "they_used_more", "we_ended_they_active", "theirs_unknown_to_us",
    "ours_unknown_to_them",
]  # fmt: skip
Verdict = Literal["taken", "late", "refused"]


class SettleBody(Body):
    """follow: our right becomes what the partner says (an unknown number: say which `entitlement` it means). keep: ours
    stays, and the same words are not listed again. note: only a remark.
    """

    decision: Literal["follow", "keep", "note"]
    note: Long = ""
    entitlement: Line | None = None


class SettleAllBody(Body):
    """Follow the partner, or keep ours, in all open drifts that the rest finds, two hundred at once. `dry_run`: only
    count them. `until` (needed without `dry_run`): the `newest` that the dry run has named.
    """

    decision: Literal["follow", "keep"]
    partner: Line | None = None
    class_: Class | None = field(name="class", default=None)
    search: Line | None = None
    note: Long = ""
    dry_run: bool = True
    until: Line | None = None


class SettledAllShape(Shape):
    """`open`: how many there were, `newest` of them; `settled`: how many are decided now. What cannot be followed stays
    open.
    """

    open: int
    newest: str | None
    settled: int
    dry_run: bool


class DriftShape(Shape):
    """`ours` and `theirs` are both states as they were when it was last seen. `reference` is the partner's number of a
    right that we do not know. A repaired drift stays listed, with how (followed, agreed by itself, linked) and by whom.
    """

    id: str
    partner: str
    entitlement: str | None
    reference: str
    benefit: str
    class_: str = field(name="class")
    ours: str
    theirs: str
    origin: str
    found_at: datetime
    seen_at: datetime
    state: str
    how: str | None
    by: str | None
    note: str
    settled_at: datetime | None


class DriftCountShape(Shape):
    partner: str
    class_: str = field(name="class")
    state: str
    count: int


class DriftCountsShape(Shape):
    data: list[DriftCountShape]


class ReportShape(Shape):
    """A report as it came: `raw` is what the partner sent, or what its list showed."""

    id: str
    partner: str
    event_id: str
    origin: str
    entitlement: str | None
    reference: str
    kind: str | None
    at: datetime | None
    units: int | None
    raw: Any
    verdict: str
    code: str | None
    received_at: datetime


def drift_shape(one: Drift) -> DriftShape:
    return DriftShape(
        id=to_text("drf", one.id), partner=to_text("prt", one.partner_id),
        entitlement=None if one.entitlement_id is None else to_text("ent", one.entitlement_id),
        reference=one.reference, benefit=one.benefit, class_=one.kind, ours=one.ours, theirs=one.theirs,
        origin=one.origin, found_at=one.found_at, seen_at=one.seen_at, state=one.state, how=one.how, by=one.by,
        note=one.note, settled_at=one.settled_at,
    )  # fmt: skip


def report_shape(row: Row) -> ReportShape:
    return ReportShape(
        id=to_text("rep", row.id), partner=to_text("prt", row.partner_id), event_id=row.event_id, origin=row.origin,
        entitlement=None if row.entitlement_id is None else to_text("ent", row.entitlement_id),
        reference=row.reference, kind=row.kind, at=row.at, units=row.units, raw=row.raw, verdict=row.verdict,
        code=row.code, received_at=row.received_at,
    )  # fmt: skip


def _id(prefix: str, text: str | None) -> UUID | None:
    return None if text is None else id_in(prefix, text)


@get("/drifts", guards=[READ], summary="Where partners and we differ, newest first", tags=["drifts"])
async def list_drifts(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[State | None, Parameter(query="state")] = None,
    of_class: Annotated[Class | None, Parameter(query="class")] = None,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=40, description="prt_…")] = None,
    of_right: Annotated[str | None, Parameter(query="entitlement", max_length=40, description="ent_…")] = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in their number or the benefit")] = None,
) -> Page[DriftShape]:
    async with tools.db.reading() as tx:
        found = await usage.drifts.search(
            tx, partner=_id("prt", of_partner), entitlement=_id("ent", of_right), kind=of_class, state=in_state,
            text=search, before=before(cursor), limit=limit + 1,
        )  # fmt: skip
    return paged(found, limit, drift_shape)


@get("/drift_counts", guards=[READ], summary="How many drifts, by partner, class and state", tags=["drifts"])
async def count_drifts(
    tools: Tools,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=40, description="prt_…")] = None,
) -> DriftCountsShape:
    async with tools.db.reading() as tx:
        found = await usage.drifts.counts(tx, partner=_id("prt", of_partner))
    return DriftCountsShape(
        data=[
            DriftCountShape(partner=to_text("prt", one.partner_id), class_=one.kind, state=one.state, count=one.count)
            for one in found
        ]
    )


@get("/drifts/{drift_id:str}", guards=[READ], summary="One drift", tags=["drifts"])
async def get_drift(drift_id: str, tools: Tools) -> DriftShape:
    async with tools.db.reading() as tx:
        return drift_shape(await usage.drifts.find(tx, id_in("drf", drift_id)))


@post("/drifts/{drift_id:str}/settle", guards=[WRITE], status_code=200, summary="Decide: follow them, or keep ours",
      tags=["drifts"])  # fmt: skip
async def settle_drift(
    drift_id: str, data: SettleBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> DriftShape:
    return drift_shape(
        await settle.settle(
            tools, id_in("drf", drift_id), data.decision, note=data.note,
            entitlement_id=_id("ent", data.entitlement), by=caller.name,
        )
    )  # fmt: skip


@post("/drifts/settle", guards=[WRITE], status_code=200, tags=["drifts"],
      summary="Follow or keep in all that a filter finds, or count them first")  # fmt: skip
async def settle_drifts(
    data: SettleAllBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SettledAllShape:
    about = Wanted(_id("prt", data.partner), data.class_, data.search, _id("drf", data.until))
    there, settled, newest = await settle.settle_all(
        tools, about, data.decision, note=data.note, dry_run=data.dry_run, by=caller.name
    )
    return SettledAllShape(
        open=there, newest=None if newest is None else to_text("drf", newest), settled=settled, dry_run=data.dry_run
    )


@get("/usage_reports", guards=[READ], summary="What partners reported, as it came, newest first", tags=["drifts"])
async def list_usage_reports(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=40, description="prt_…")] = None,
    of_right: Annotated[str | None, Parameter(query="entitlement", max_length=40, description="ent_…")] = None,
    of_verdict: Annotated[Verdict | None, Parameter(query="verdict")] = None,
    search: Annotated[str | None, Parameter(max_length=200, description="an event_id, or a number")] = None,
) -> Page[ReportShape]:
    async with tools.db.reading() as tx:
        found = await usage.reports.search(
            tx, partner=_id("prt", of_partner), entitlement=_id("ent", of_right), verdict=of_verdict, search=search,
            before=before(cursor), limit=limit + 1,
        )  # fmt: skip
    return paged(found, limit, report_shape)


HANDLERS = [list_drifts, count_drifts, get_drift, settle_drift, settle_drifts, list_usage_reports]
