"""The list of events, for those who poll: the same bodies as webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import Parameter

from heyi.doors.access import Caller, allow
from heyi.doors.paging import BadCursor, Limit
from heyi.doors.shapes import Shape
from heyi.flows import tell
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.watch import journal

_MARK = "evt_"
Since = Annotated[datetime | None, Parameter(description="RFC 3339 with an offset; a cursor goes before it")]
Names = Annotated[list[str] | None, Parameter(query="type", max_items=50, description="only these events; repeatable")]


class NoOffset(Refused):
    """A time without an offset: whose clock is it?"""

    code, kind = "request.no_offset", Kind.INVALID
    zh = "时间须带时区偏移，例如 2026-11-22T12:00:00+08:00"
    en = "a time needs its offset, as in 2026-11-22T12:00:00+08:00"


class EventShape(Shape):
    """CloudEvents 1.0, exactly as a webhook carries it."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    subject: str | None
    datacontenttype: str
    data: dict[str, Any]


class EventPage(Shape):
    """Oldest first. Poll with `next_cursor` for ever: it is always there, and nothing is ever missed behind it."""

    data: list[EventShape]
    next_cursor: str
    has_more: bool


@get("/events", guards=[allow(("channel", "partner", "operator"), "webhooks:read")], tags=["webhooks"],
     summary="What happened, oldest first, for those who poll",
     description="Start with `since` (or from the beginning), then go on with `next_cursor`. Unlike other lists this "
     "one reads forward: when `has_more` is false, keep the cursor and ask again later.")  # fmt: skip
async def list_events(
    caller: Caller,
    tools: Tools,
    since: Since = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Parameter(max_length=40)] = None,
    names: Names = None,
) -> EventPage:
    if since is not None and since.tzinfo is None:
        raise NoOffset("/since")
    bodies, page = await tell.events(
        tools, journal.holder_of(caller.kind, caller.id), after=_after(cursor), since=since, names=names, limit=limit
    )
    return EventPage(
        data=[msgspec.json.decode(body, type=EventShape) for body in bodies],
        next_cursor=f"{_MARK}{page.position:x}",
        has_more=page.more,
    )


def _after(cursor: str | None) -> int:
    """The position in a cursor; 0 without one. Raises BadCursor."""
    if not cursor:
        return 0
    head, _, tail = cursor.partition("_")
    if head + "_" != _MARK or not 1 <= len(tail) <= 15 or set(tail) - set("0123456789abcdef"):
        raise BadCursor("/cursor")
    return int(tail, 16)


HANDLERS = [list_events]
