"""What is known of offers and their suppliers at this moment, for routing. Part of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.parts import Offer
from heyi.provision.fulfilment import routing
from heyi.provision.fulfilment.routing import Candidate, Refusals

SQL = queries(__file__, "queries_routing.sql")


async def candidates(tx: Tx, offers: Iterable[Offer], *, wall: datetime) -> dict[UUID, Candidate]:
    """Offers with what is known of each, by id; those whose supplier account does not exist are missing."""
    known = {offer.id: offer for offer in offers}
    if not known:
        return {}
    rows = await tx.rows(
        SQL["board"],
        offers=col(known),
        suppliers=col(offer.supplier_id for offer in known.values()),
        products=text_col(offer.product_no for offer in known.values()),
        since=wall - routing.MEASURED,
    )
    return {row.offer_id: _candidate(known[row.offer_id], row, wall) for row in rows}


def _candidate(offer: Offer, row: Row, wall: datetime) -> Candidate:
    seen = routing.shelf_good(row.seen_at, wall)
    paid = routing.shelf_good(row.balance_at, wall)
    return Candidate(
        offer, row.code, row.state, row.breaker, row.typical_ms, row.balance_minor if paid else None,
        row.stock if seen else None, False if row.gone else row.on_sale if seen else None,
        row.delivered + row.declined + row.failed, row.delivered, row.delivered_ms,
    )  # fmt: skip


async def refusals(tx: Tx, tasks: Sequence[tuple[int, UUID, UUID]]) -> dict[UUID, Refusals]:
    """Which offers have said a definite no to these tasks (lane, order, task), by task."""
    if not tasks:
        return {}
    rows = await tx.rows(
        SQL["refusals"],
        lanes=col(lane for lane, *_ in tasks),
        orders=col(order for _, order, _ in tasks),
        tasks=col(task for *_, task in tasks),
    )
    return {row.task_id: Refusals(frozenset(row.offers), frozenset(row.failed)) for row in rows}


async def beat(tx: Tx, beats: Sequence[tuple[UUID, UUID, datetime, tuple[int, ...]]], *, writer: int) -> None:
    """Add to the pulses: (supplier, offer, bucket, the six counts) each, one row a key. Pipeline-safe."""
    rows = sorted(beats, key=lambda one: one[:3])
    counts = list(zip(*(counted for *_, counted in rows), strict=True))
    await tx.send(
        SQL["beat"],
        suppliers=col(supplier for supplier, *_ in rows),
        offers=col(offer for _, offer, *_ in rows),
        buckets=time_col(bucket for _, _, bucket, _ in rows),
        calls=col(counts[0]),
        broken=col(counts[1]),
        delivered=col(counts[2]),
        declined=col(counts[3]),
        failed=col(counts[4]),
        delivered_ms=col(counts[5]),
        writer=writer,
    )


async def say_of_shelves(tx: Tx, said: Sequence[tuple[UUID, str, str]], *, wall: datetime) -> None:
    """A refusal told us about a product: (supplier, product number, sold_out | off_sale). Of two about one product the
    last holds. Pipeline-safe."""
    last = {(supplier, product): word for supplier, product, word in said}
    rows = sorted([(*key, word) for key, word in last.items()])
    await tx.send(
        SQL["say_of_shelves"],
        suppliers=col(supplier for supplier, *_ in rows),
        products=text_col(product for _, product, _ in rows),
        words=text_col(word for *_, word in rows),
        at=wall,
    )
