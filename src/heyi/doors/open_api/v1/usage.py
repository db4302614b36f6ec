"""Partners report what happened on their side: activated, used, expired, cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import post
from msgspec import Meta

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.reading import LeftOut, StrictRequest
from heyi.doors.shapes import Body, Line, Shape, Short
from heyi.flows import report
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids, to_text
from heyi.provision.usage import Answer, Event, Reference, Told, Unread
from heyi.provision.usage.errors import EventMalformed, ReferenceMissing, TimeWrong, UnitsWrong
from heyi.provision.usage.model import EVENTS_MAX, REFERENCES, UNITS_MAX
from heyi.provision.usage.rules import is_time, latest

WRITE = "usage:write"
KEPT_CHARACTERS = 4000


class EventBody(Body):
    """One event. It names its right by exactly one of `entitlement` (ent_…), `outer_number` (our number at the
    supplier) and `supplier_number`. `at` is the partner's own time. `units` belong to `used` (1 when left out).
    """

    event_id: Short
    kind: Literal["activated", "used", "expired", "cancelled"]
    at: Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset, the partner's time")]
    entitlement: Line | None = None
    outer_number: Line | None = None
    supplier_number: Line | None = None
    units: Annotated[int, Meta(ge=1, le=UNITS_MAX)] | None = None
    note: Line | None = None


class UsageBody(Body):
    events: Annotated[list[EventBody], Meta(min_length=1, max_length=EVENTS_MAX)]


class EventAnswerShape(Shape):
    """taken, repeated (taken before), late (kept; older than what was known, and nothing new), or refused with a code.

    `listed`: we differ about it, and a person decides; the classes of drift.
    """

    event_id: str
    verdict: str
    code: str | None
    entitlement: str | None
    listed: list[str]


class UsageShape(Shape):
    """One answer for each event, in their order."""

    events: list[EventAnswerShape]


_encode = msgspec.json.Encoder().encode


@post("/usage", guards=[allow("partner", WRITE)], status_code=200,
      opt={"one_by_one": ("events", EventBody, EVENTS_MAX)},
      summary="Report what happened to rights on your side", tags=["usage"],
      description="Each event is taken once, by its event_id, and answered by itself: a bad one never hurts the others "
                  "(only a body in which no event can be read is refused). Late and repeated events never move a state "
                  "backwards; a refused one may be sent again.")  # fmt: skip
async def report_usage(
    data: UsageBody, request: StrictRequest, caller: Caller, tools: Tools, idempotency_key: IdempotencyKey = None
) -> UsageShape:
    count = len(data.events) + len(request.left_out)
    ids = new_ids(millis(tools.clock.now()), count)
    until = latest(tools.clock.now(), tools.clock.wall())
    bad = {one.place: one for one in request.left_out}
    good = iter(data.events)
    events = [
        _unread(id, bad[place]) if place in bad else _event(id, next(good), until) for place, id in enumerate(ids)
    ]
    answers = await report.report(tools, caller.id, events)
    return UsageShape(events=[_answer(one) for one in answers])


def _event(id: UUID, body: EventBody, until: datetime) -> Event | Unread:
    named = [Reference(kind, text) for kind in REFERENCES if (text := getattr(body, kind)) is not None]
    raw = _encode(body).decode()
    code = None
    if not is_time(body.at, until):
        code = TimeWrong.code  # first of all: a year that the calendar does not have cannot even be kept
    elif len(named) != 1:
        code = ReferenceMissing.code
    elif body.units is not None and body.kind != "used":
        code = UnitsWrong.code
    if code is not None:
        at = None if code == TimeWrong.code else body.at
        return Unread(id, body.event_id, code, raw, ", ".join(map(str, named)), body.kind, at)
    units = (body.units or 1) if body.kind == "used" else 0
    return Event(id, body.event_id, named[0], Told(body.kind, body.at, body.at, units), raw)


def _unread(id: UUID, one: LeftOut) -> Unread:
    """Kept as text, because it may hold what JSON in a database cannot."""
    return Unread(id, _number_in(one.text), EventMalformed.code, _encode(one.text[:KEPT_CHARACTERS]).decode())


def _number_in(text: str) -> str:
    """The event's number, when that much can be read."""
    try:
        found: Any = msgspec.json.decode(text)
        return msgspec.convert(found.get("event_id"), Short) if isinstance(found, dict) else ""
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return ""


def _answer(one: Answer) -> EventAnswerShape:
    return EventAnswerShape(
        event_id=one.event_id, verdict=one.verdict, code=one.code,
        entitlement=None if one.entitlement_id is None else to_text("ent", one.entitlement_id),
        listed=list(one.drifts),
    )  # fmt: skip


HANDLERS = [report_usage]
