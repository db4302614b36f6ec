"""Pure: what recorded results say about offers and their suppliers, for breakers and routing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heyi.kernel.clock import millis
from heyi.kernel.talk import Cure, Declined, Failed, Unknown
from heyi.provision.fulfilment.errand import Account, Result, Ruling, Standing
from heyi.provision.fulfilment.suppliers import UNWELL

BUCKET_S = 2
UNMAPPED = "unmapped "  # how a dialect begins to say that an answer is not in its tables
# Refusals that speak of the product.
SHELF = {"sold_out": "sold_out", "off_sale": "off_sale", "no_product": "off_sale"}
Ruled = Sequence[tuple[Result, Standing, Ruling]]
Beat = tuple[UUID, UUID, datetime, tuple[int, ...]]


def bucket(wall: datetime) -> datetime:
    """The start of the bucket that a moment belongs to."""
    return wall - timedelta(seconds=wall.second % BUCKET_S, microseconds=wall.microsecond)


def of(ruled: Ruled, wall: datetime) -> list[Beat]:
    """One beat for each offer of these results: calls, broken, delivered, declined, failed, delivered_ms."""
    found: dict[tuple[UUID, UUID], list[int]] = {}
    for result, was, ruling in ruled:
        if was.offer_id is not None:
            counts = found.setdefault((result.errand.account.id, was.offer_id), [0] * 6)
            for place, count in enumerate(_counts(result, was, ruling, wall)):
                counts[place] += count
    at = bucket(wall)
    return [(supplier, offer, at, tuple(counts)) for (supplier, offer), counts in found.items() if any(counts)]


def _counts(result: Result, was: Standing, ruling: Ruling, wall: datetime) -> tuple[int, ...]:
    answer = result.answer
    broken = isinstance(answer, Unknown) or (isinstance(answer, Declined) and word(answer.why) in UNWELL)
    delivered = ruling.attempt == "deliver"
    took_ms = millis(wall) - millis(was.started_at) if delivered and was.started_at else 0
    called = bool(result.exchanges)
    # A wrong account is the buyer's mistake, and what we did not even send is ours: neither speaks against an offer.
    theirs = called and not (isinstance(answer, Declined | Failed) and answer.cure is Cure.ASK_BUYER)
    return (
        int(called), int(broken and called), int(delivered), int(theirs and ruling.attempt == "decline"),
        int(theirs and ruling.attempt == "fail"), max(0, took_ms),
    )  # fmt: skip


def shelves(ruled: Ruled) -> list[tuple[UUID, str, str]]:
    """What refusals told us of products: (supplier, product number, sold_out | off_sale)."""
    return [
        (result.errand.account.id, was.product_no, SHELF[word(result.answer.why)])
        for result, was, _ in ruled
        if isinstance(result.answer, Declined | Failed) and word(result.answer.why) in SHELF
    ]


def unmapped(results: Sequence[Result]) -> list[tuple[Account, str]]:
    """Answers that a profile does not name, each once: the account, and what it said ("status 97")."""
    found = {
        (r.errand.account.code, why.removeprefix(UNMAPPED)): r.errand.account
        for r in results
        if isinstance(r.answer, Unknown) and (why := r.answer.why).startswith(UNMAPPED)
    }
    return [(account, value) for (_, value), account in sorted(found.items(), key=lambda one: one[0])]


def word(why: str) -> str:
    """The first word of a refusal's reason; it is ours, the rest is theirs."""
    return why.split(" ", 1)[0]
