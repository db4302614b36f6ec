"""Time comes from the clock that wiring hands in.

`now()` is the alliance's time: real time plus an offset stored in the database, so that demos and tests can move
every process at once. `wall()` is real time: what signatures on the wire carry, because the other side's clock did
not move with ours.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...


class OffsetClock:
    """Real time plus a movable offset. Real time is the database's: `drift` is how far this machine's clock is behind
    it. Whoever refreshes `offset` and `drift` from the database owns that job (app/wiring).
    """

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset, self.drift = offset, timedelta()

    def machine(self) -> datetime:
        """What this machine holds for the time."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return self.machine() + self.drift

    def now(self) -> datetime:
        return self.wall() + self.offset


class FixedClock:
    """For tests: stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def wall(self) -> datetime:
        return self.at

    def now(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


def millis(at: datetime) -> int:
    """Unix time in milliseconds."""
    return int(at.timestamp() * 1000)


def add_months(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same clock time `months` later in the alliance's zone; the anchor day is clipped to the month's length.

    31 January plus one month is 28 (29) February; plus two months is 31 March, because callers always add to the
    anchor, never to an already clipped date.
    """
    local = at.astimezone(zone)
    index = local.year * 12 + local.month - 1 + months
    year, month = index // 12, index % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def add_days(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same clock time `days` later in the alliance's zone."""
    return (at.astimezone(zone) + timedelta(days=days)).astimezone(UTC)
