"""A fact is something that happened: past tense, never edited, no personal data and nothing secret in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened.

    `name` is `<context>.<past participle>` ("item.delivered"); every context lists its names in `facts.py`.
    `data` is JSON-able. The ids say whom it concerns; those that do not apply are None. `lane` is the buyer's lane
    (0 for facts no buyer owns). `id` and `at` are given by the outbox when it is written, unless set.
    """

    name: str
    data: dict[str, object] = field(default_factory=dict)
    lane: int = 0
    order_id: UUID | None = None
    item_id: UUID | None = None
    entitlement_id: UUID | None = None
    channel_id: UUID | None = None
    partner_id: UUID | None = None
    buyer: str | None = None
    id: UUID | None = None
    at: datetime | None = None
