"""Pure: how much may be asked of a supplier account at this moment, by its rates and its breaker.

The breaker opens when half of the last minute's calls brought nothing usable. While it is open nothing is bought there
(queries go on: they settle what was bought). After a while, longer each time, it is half open: one purchase at a time,
until a few calls went well, or one did not. A person may open it (then only a person closes it) or close it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TRIALS_AT_ONCE = 1  # purchases under way while a breaker is half open
TRIALS_GOOD = 3  # calls that went well until a half-open breaker closes
WINDOW = timedelta(seconds=60)
CALLS_MIN = 10  # fewer calls say nothing about a supplier
BROKEN_PERCENT = 50
OPEN_S_MIN, OPEN_S_MAX = 10, 600


@dataclass(frozen=True, slots=True)
class Room:
    """How many calls a claim may take, and of those how many queries and purchases. Tokens: what the rates hold now."""

    calls: int
    queries: int
    submits: int
    tokens: float
    query_tokens: float

    @property
    def limited(self) -> bool:
        """Whether a rate counts what is taken."""
        return not (math.isinf(self.tokens) and math.isinf(self.query_tokens))

    def left(self, calls: int, queries: int) -> tuple[float, float]:
        """The tokens that remain when so many calls, and among them so many queries, were taken."""
        after = self.tokens - calls, self.query_tokens - queries
        return after[0] if math.isfinite(after[0]) else 0.0, after[1] if math.isfinite(after[1]) else 0.0


def room(row: Any, free: int, sending: int, wall: datetime) -> Room:
    """`row` is the account; `free` its free slots, `sending` its purchases under way. Queries are never stopped."""
    tokens = tokens_now(row.tokens, row.rate_per_s, row.tokens_at, wall)
    query_tokens = tokens_now(row.query_tokens, row.query_rate_per_s, row.tokens_at, wall)
    calls = int(min(free, tokens))
    submits = 0
    if row.state == "active" and row.breaker != "open":
        submits = calls if row.breaker == "closed" else max(0, TRIALS_AT_ONCE - sending)
    return Room(calls, int(min(calls, query_tokens)), submits, tokens, query_tokens)


def tokens_now(tokens: float, rate_per_s: float | None, since: datetime | None, wall: datetime) -> float:
    """A rate's tokens: they flow in at the rate and never make more than a second's worth (at least one call)."""
    if rate_per_s is None:
        return math.inf
    full = max(1.0, rate_per_s)
    return full if since is None else min(full, tokens + max(0.0, (wall - since).total_seconds()) * rate_per_s)


@dataclass(frozen=True, slots=True)
class Turn:
    """A breaker's next state. `until`: when it is half open by itself (None: it stays)."""

    state: str
    why: str
    until: datetime | None = None
    times: int = 0


def turn(row: Any, wall: datetime) -> Turn | None:
    """What a breaker does now; None: stays. `row`: its state, since, until, times, and the calls and broken calls of
    the window (while it is half open: since then).
    """
    if row.breaker == "open":
        over = row.breaker_until is not None and row.breaker_until <= wall
        return Turn("half_open", "its time is over", times=row.breaker_times) if over else None
    if row.breaker == "half_open":
        if row.broken:
            return _opened(row, wall)
        return Turn("closed", f"{row.calls} calls went well") if row.calls >= TRIALS_GOOD else None
    bad = row.calls >= CALLS_MIN and 100 * row.broken >= BROKEN_PERCENT * row.calls
    return _opened(row, wall) if bad else None


def _opened(row: Any, wall: datetime) -> Turn:
    times = min(row.breaker_times + 1, 16)
    length_s = min(OPEN_S_MAX, OPEN_S_MIN << (times - 1))
    why = f"{row.broken} of {row.calls} calls brought nothing usable"
    return Turn("open", why, wall + timedelta(seconds=length_s), times)
