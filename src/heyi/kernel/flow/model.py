"""Words of flows: where an item stands, and what it went through to get there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from heyi.kernel.condition import Verdict

Facts = Mapping[str, object]  # what conditions may look at, by field name (see fields.py)

# What brings an item on: its time has come, something became of the order's other items, the buyer asked, or the
# delivery failed.
TIME, EVENT, BUYER, FAILED = "time", "event", "buyer", "failed"
EVENTS = ("activated", "redeemed", "ended", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    """A node that was gone through, by which branch, when, and (for a condition) why.

    `told`: a notice that is to be told; before a split the other parts leave it to the first one.
    """

    node: str
    do: str
    branch: str
    at: datetime
    why: Verdict | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a walk came to rest.

    `kind` is deliver (now, or `at`), timer (until `at`), event (`component` and `event`, until `at`), buyer (until `at`
    if there is one), choose (the same) or cancel. `own`: it came through a split, so what it is told is its own.
    """

    kind: str
    node: str
    at: datetime | None = None
    component: str | None = None
    event: str | None = None
    steps: tuple[Step, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How far an item is on its way through its flow, as it is carried from the purchase on. `graph` is the flow's own
    JSON, `part` the item's place in a split (`own`: it is behind it), `steps` what the purchase went through;
    `falls_back`: it stands at a delivery, and the flow says what follows when that fails; `named`: what the buyer named
    beforehand for the choice that the flow comes to.
    """

    graph: str
    node: str
    part: int = 0
    steps: tuple[Step, ...] = ()
    falls_back: bool = False
    own: bool = False
    named: str | None = None
