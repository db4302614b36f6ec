"""The shell of fulfilment: lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra.db import Tx
from heyi.provision.fulfilment import board, model, planning, store, waits
from heyi.provision.fulfilment.model import Plan


async def route(tx: Tx, plans: Sequence[Plan], *, wall: datetime) -> list[Plan]:
    """The plans with the offer that each is to be bought from, where there are several. One look for all of them."""
    choices = [one.part.sourcing for one in plans if one.part.sourcing is not None]
    if not choices:
        return list(plans)
    known = await board.candidates(tx, {o.id: o for c in choices for o in c.offers}.values(), wall=wall)
    return [planning.routed(one, known) for one in plans]


async def plan(tx: Tx, plans: Sequence[Plan], *, now: datetime) -> None:
    """One task per item that is not given at once; planning an item twice changes nothing. Pipeline-safe."""
    rows = []
    for one in plans:
        state, due_at = planning.first_state(one, now)
        problem = planning.BY_HAND if state == model.WAITING_FOR_PERSON else None
        rows.append((one, state, due_at, planning.request_of(one.part, one.item_state, one.ship_to), problem))
    if rows:
        await store.plan(tx, rows, now=now)
    walking = [one for one in plans if one.part.due.way is not None]
    if walking:
        await waits.set_ways(tx, walking)
