"""What people should know of purchases that go nowhere: accounts that keep them waiting, benefits nobody can buy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx, col, queries
from heyi.infra.sealing import Sealing
from heyi.kernel.parts import Sourcing
from heyi.provision.fulfilment import board, connectors, routing
from heyi.provision.fulfilment.routing import Candidate

SQL = queries(__file__, "queries_routing.sql")
COUNTED_MAX = 1_000
PAUSED, UNUSABLE, HELD = "paused", "unusable", "held"


@dataclass(frozen=True, slots=True)
class Stranded:
    """An account where purchases wait that nobody can send: `word` is paused or unusable, `said` why in full."""

    supplier_id: UUID
    supplier: str
    word: str
    said: str
    count: int
    since: datetime


async def stranded(tx: Tx, sealing: Sealing, *, due_before: datetime) -> list[Stranded]:
    """Accounts that are paused, or that no connector can speak for, with purchases that were due by then. What can go
    elsewhere has gone: what is still there has nowhere to go."""
    found = []
    for row in await tx.rows(SQL["kept_waiting"], before=due_before, most=COUNTED_MAX):
        said = await connectors.why_not(tx, row, sealing)
        word = UNUSABLE if said else PAUSED if row.state != "active" else ""
        if word:
            found.append(Stranded(row.id, row.code, word, said or "", row.waiting, row.waiting_since))
    return found


async def hindered(
    tx: Tx, sealing: Sealing, benefits: Iterable[UUID], sourcing: Mapping[UUID, Sourcing], *, wall: datetime
) -> dict[UUID, list[str]]:
    """The benefits of which nothing can be bought at any supplier now, with what speaks against their offers."""
    offers = {offer.id: offer for one in sourcing.values() for offer in one.offers}
    known = await board.candidates(tx, offers.values(), wall=wall)
    ids = sorted({offer.supplier_id for offer in offers.values() if offer.supplier_id is not None})
    rows = await tx.rows(SQL["accounts"], suppliers=col(ids)) if ids else []
    silent = {row.id for row in rows if await connectors.why_not(tx, row, sealing)}
    words = {id: _hindrances(sourcing.get(id), known, silent) for id in benefits}
    return {id: sorted(set(found)) for id, found in words.items() if found is not None}


def _hindrances(
    sourcing: Sourcing | None, known: Mapping[UUID, Candidate], silent: set[UUID]
) -> Sequence[str] | None:  # fmt: skip
    """What speaks against each offer; None: one can be bought from. Without an active one, all are held."""
    if sourcing is None:
        return [HELD]
    found = []
    for offer in sourcing.offers:
        one = known.get(offer.id)
        # A half-open breaker lets some through: that is not nothing.
        tried = one and replace(one, breaker="closed" if one.breaker == "half_open" else one.breaker)
        word = UNUSABLE if tried is None or offer.supplier_id in silent else routing.hindrance(tried, None, "")
        if word is None:
            return None
        found.append(word)
    return found
