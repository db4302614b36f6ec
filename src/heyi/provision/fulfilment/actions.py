"""The shell of fulfilment: lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra.db import Tx
from heyi.provision.fulfilment import model, planning, store
from heyi.provision.fulfilment.model import Plan


async def plan(tx: Tx, plans: Sequence[Plan], *, now: datetime) -> None:
    """One task per item that is not given at once; planning an item twice changes nothing. Pipeline-safe."""
    rows = []
    for one in plans:
        state, due_at = planning.first_state(one, now)
        problem = planning.BY_HAND if state == model.WAITING_FOR_PERSON else None
        rows.append((one, state, due_at, planning.request_of(one.part, one.item_state, one.ship_to), problem))
    if rows:
        await store.plan(tx, rows, now=now)
