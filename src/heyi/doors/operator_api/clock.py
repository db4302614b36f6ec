"""What time it is in the alliance: whoever speaks of "now" and "in two days" must not look at a clock of their own."""

from __future__ import annotations

from datetime import datetime

from litestar import get

from heyi.doors.operator_api.partners import READ
from heyi.doors.shapes import Shape
from heyi.infra.tools import Tools


class ClockShape(Shape):
    """`zone`: whose dates and months count."""

    now: datetime
    zone: str


@get("/clock", guards=[READ], summary="What time it is in the alliance", tags=["clock"])
async def get_clock(tools: Tools) -> ClockShape:
    return ClockShape(now=tools.clock.now(), zone=tools.settings.zone.key)


HANDLERS = [get_clock]
