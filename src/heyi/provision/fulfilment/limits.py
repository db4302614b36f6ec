"""Pure: how much may be asked of a supplier account at this moment. Slots are counted elsewhere; here are its rates
and its breaker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TRIALS_AT_ONCE = 1  # purchases under way while a breaker is half open


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
