"""Tasks go over to another offer: after a definite no, and when they stand before a supplier that cannot buy now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries
from heyi.kernel.ids import lane_of
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer, Sourcing
from heyi.kernel.talk import Declined, Failed, NotFound
from heyi.provision.fulfilment import board, model, routing, store
from heyi.provision.fulfilment.desk import TaskSeen
from heyi.provision.fulfilment.errand import AttemptChange, Result, TaskChange
from heyi.provision.fulfilment.errors import OfferUnusable
from heyi.provision.fulfilment.model import ATTEMPT, Request
from heyi.provision.fulfilment.routing import Candidate, Refusals, Routes, choose

SQL = queries(__file__, "queries_routing.sql")
LOOK_AGAIN = timedelta(seconds=10)  # at a number that never arrived, should it turn up after all
LOOKED_AT_MAX, MOVED_MAX = 200, 500  # of each queue in one look
_request = msgspec.json.Decoder(Request).decode


@dataclass(frozen=True, slots=True)
class Stand:
    """Purchases of a benefit that are due at an offer. `unwell`: its supplier cannot buy now."""

    supplier_id: UUID
    benefit_id: UUID
    offer_id: UUID
    unwell: bool


def turned_away(results: Sequence[Result]) -> list[Result]:
    """Those for which another offer may be wanted: a definite no, or a number that never arrived."""
    return [r for r in results if isinstance(r.answer, Declined | Failed | NotFound) and r.errand.verb != "recheck"]


async def routes(
    tx: Tx, results: Sequence[Result], sourcing: Mapping[UUID, Sourcing], *, wall: datetime
) -> dict[UUID, Routes]:
    """Where these tasks may go next, by task. `sourcing`: where their benefits may be bought now."""
    offers = {offer.id: offer for one in sourcing.values() for offer in one.offers}
    if not offers:
        return {}
    known = await board.candidates(tx, offers.values(), wall=wall)
    errands = [r.errand for r in results if r.errand.benefit_id in sourcing]
    refused = await board.refusals(tx, [(e.lane, e.order_id, e.task_id) for e in errands])
    return {
        e.task_id: routing.next_for(e, [known[o.id] for o in sourcing[e.benefit_id].offers if o.id in known],
                                    sourcing[e.benefit_id].policy, refused.get(e.task_id, Refusals()))
        for e in errands
    }  # fmt: skip


async def standing(tx: Tx, *, now: datetime) -> list[Stand]:
    """Where the oldest due purchases stand, of each supplier."""
    rows = await tx.rows(SQL["standing"], now=now, most=LOOKED_AT_MAX)
    return [Stand(row.supplier_id, row.benefit_id, row.offer_id, row.unwell) for row in rows]


def leaving(stand: Stand, sourcing: Sourcing | None) -> bool:
    """Whether what stands there should go elsewhere: its supplier cannot buy, or its offer is held or withdrawn; and
    there is another offer at all."""
    if sourcing is None or all(offer.id == stand.offer_id for offer in sourcing.offers):
        return False
    return stand.unwell or all(offer.id != stand.offer_id for offer in sourcing.offers)


async def leave(tx: Tx, stand: Stand, sourcing: Sourcing, *, now: datetime, wall: datetime) -> list[tuple[UUID, Offer]]:
    """Move what can be bought elsewhere; answers the tasks with the offers they stand at now."""
    known = await board.candidates(tx, sourcing.offers, wall=wall)
    unwell = {stand.supplier_id} if stand.unwell else set()
    there = [c for c in known.values() if c.offer.id != stand.offer_id and c.offer.supplier_id not in unwell]
    if not there:
        return []
    rows = await tx.rows(
        SQL["lock_stranded"], supplier=stand.supplier_id, benefit=stand.benefit_id, offer=stand.offer_id, now=now,
        most=MOVED_MAX,
    )  # fmt: skip
    numbers = await _numbers(tx, rows)
    rows = [row for row in rows if _never_bought(row, numbers.get(row.id))]
    refused = await board.refusals(tx, [(row.lane, row.order_id, row.id) for row in rows if row.attempts])
    chosen = {row.id: _elsewhere(row, there, sourcing.policy, refused.get(row.id, Refusals())) for row in rows}
    moved: list[tuple[Row, Offer]] = [(row, found) for row in rows if (found := chosen[row.id]) is not None]
    await _save(tx, moved, numbers, now)
    return [(row.id, offer) for row, offer in moved]


async def by_person(
    tx: Tx, task: TaskSeen, sourcing: Sourcing | None, offer_id: UUID | None, *, wall: datetime
) -> Offer | None:
    """The offer for a person's new attempt. Raises OfferUnusable."""
    row = await tx.row(SQL["request_of"], lane=lane_of(task.id), id=task.id)
    if row is None or task.supplier_id is None or sourcing is None:
        if offer_id is not None:
            raise OfferUnusable("/offer")
        return None
    request = _request(row.request)
    limit = Money(request.guard_minor, request.currency)
    if offer_id is not None:
        named = next((offer for offer in sourcing.offers if offer.id == offer_id), None)
        if named is None or routing.over_limit(named.cost, limit):
            raise OfferUnusable("/offer")
        return named
    known = await board.candidates(tx, sourcing.offers, wall=wall)
    refused = (await board.refusals(tx, [(lane_of(task.id), task.order_id, task.id)])).get(task.id, Refusals())
    chosen = choose(known.values(), sourcing.policy, limit, f"{task.id}/{task.attempts}", without=refused.offers)
    return None if chosen is None else chosen.offer


async def _numbers(tx: Tx, rows: Sequence[Row]) -> dict[UUID, Row]:
    """The numbers of tasks that were to go out again. Looked at only now that their tasks are locked: whoever records
    an answer about one locks its task as well."""
    again = [row for row in rows if row.resubmit]
    if not again:
        return {}
    found = await tx.rows(
        SQL["lock_again"], lanes=col(r.lane for r in again), orders=col(r.order_id for r in again),
        tasks=col(r.id for r in again), numbers=col(r.attempts for r in again),
    )  # fmt: skip
    return {row.task_id: row for row in found}


def _never_bought(row: Row, number: Row | None) -> bool:
    """Not so when the number that was to go out again has turned out to be accepted after all."""
    return not row.resubmit or (number is not None and number.state == "unknown" and number.accepted_at is None)


def _elsewhere(row: Row, there: Sequence[Candidate], policy: str, refused: Refusals) -> Offer | None:
    request = _request(row.request)
    limit = Money(request.guard_minor, request.currency)
    chosen = choose(there, policy, limit, f"{row.id}/{row.attempts}", without=refused.failed)
    return None if chosen is None else chosen.offer


async def _save(tx: Tx, moved: Sequence[tuple[Row, Offer]], numbers: Mapping[UUID, Row], now: datetime) -> None:
    if not moved:
        return
    over = [
        AttemptChange(row.lane, number.id, ATTEMPT.step(number.state, "decline") or number.state, why="never_arrived",
                      recheck_at=now + LOOK_AGAIN)
        for row, _ in moved if (number := numbers.get(row.id)) is not None
    ]  # fmt: skip
    if over:
        await store.save_attempts(tx, over, now=now)
    changes = [
        TaskChange(row.lane, row.id, model.SCHEDULED, model.SCHEDULED, now, "moved", route=offer)
        for row, offer in moved
    ]
    await store.save_tasks(tx, changes, now=now)
