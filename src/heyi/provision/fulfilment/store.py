"""The only SQL of fulfilment; everything is set-based, and multi-row writes are sorted by key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from heyi.infra.db import Tx, col, queries, text_col, time_col
from heyi.provision.fulfilment.model import Plan, Request

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode


async def plan(
    tx: Tx, plans: Sequence[tuple[Plan, str, datetime | None, Request, str | None]], *, now: datetime
) -> None:
    """Insert tasks: (plan, state, due, request, problem) each. Pipeline-safe."""
    rows = sorted(plans, key=lambda one: (one[0].lane, one[0].id))
    parts = [one[0].part for one in rows]
    await tx.send(
        SQL["plan"],
        lanes=col(p.lane for p, *_ in rows),
        ids=col(p.id for p, *_ in rows),
        items=col(p.item_id for p, *_ in rows),
        orders=col(p.order_id for p, *_ in rows),
        entitlements=col(p.entitlement_id for p, *_ in rows),
        kinds=col(part.kind for part in parts),
        benefits=col(part.benefit_id for part in parts),
        offers=col(part.offer.id for part in parts),
        suppliers=col(part.offer.supplier_id for part in parts),
        states=col(state for _, state, *_ in rows),
        dues=time_col(due for _, _, due, *_ in rows),
        components=text_col(part.due.component for part in parts),
        events=text_col(part.due.event for part in parts),
        otherwises=text_col(part.due.otherwise for part in parts),
        requests=text_col(_encode(request).decode() for *_, request, _ in rows),
        problems=text_col(problem for *_, problem in rows),
        now=now,
    )
