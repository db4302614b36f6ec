"""Times that operators write: with an offset, and within the years that can be counted with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from heyi.kernel.errors import Kind, Refused

Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
YEARS = range(2000, 2201)


class MomentRefused(Refused):
    """A time too far away to be meant; dates beyond the calendar's end cannot be added to."""

    code, kind = "request.time_out_of_range", Kind.UNPROCESSABLE
    zh, en = "时间须在 2000 至 2200 年之间", "The time must be in the years 2000 to 2200"


def moment(value: datetime | None, pointer: str) -> datetime | None:
    """The time as it is. Raises MomentRefused."""
    if value is not None and value.year not in YEARS:
        raise MomentRefused(pointer)
    return value
