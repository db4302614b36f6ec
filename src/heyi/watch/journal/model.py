"""Words of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

CHANNEL, PARTNER, OPERATOR = "channel", "partner", "operator"
ALLIANCE = UUID(int=0)  # operators hear as one: the alliance's id among holders


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """Whom a fact concerns."""

    kind: str  # channel | partner | operator
    id: UUID


@dataclass(frozen=True, slots=True)
class Noted:
    """One line to be written: this fact concerns this holder."""

    holder_id: UUID
    fact_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Page:
    """Facts of one holder in the order of noting. `position` is where the next page starts, `more` if one is there."""

    fact_ids: Sequence[UUID]
    position: int
    more: bool
