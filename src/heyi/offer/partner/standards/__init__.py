"""Standards of others by which they buy from us: what may be sold so, how calls are signed, how an order is told.

Pure: one file per standard, and this table that names them all. Facts only, from the documents named in the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from heyi.offer.partner.standards import dujiao_next, goofish
from heyi.offer.partner.standards.words import (
    ACCOUNT,
    CARDS,
    DOING,
    METADATA,
    Bought,
    Bundled,
    Card,
    Given,
    Goods,
    Handed,
    Report,
    Standard,
    accounts_of,
    stock_of,
)

GOOFISH, DUJIAO_NEXT = "goofish", "dujiao_next"
STANDARDS: Mapping[str, Standard] = {GOOFISH: goofish, DUJIAO_NEXT: dujiao_next}


def bought_of(metadata: Mapping[str, object] | None) -> Bought | None:
    """How an order was bought, if it was in a standard of others. Channels may write what they like in metadata."""
    try:
        found = msgspec.convert((metadata or {}).get(METADATA), Bought | None)
    except msgspec.ValidationError:
        return None
    known = found is not None and found.standard in STANDARDS and found.kind in (CARDS, ACCOUNT)
    return found if known else None


def tells(bought: Bought, placed_at: datetime, ended_at: datetime | None) -> bool:
    """Whether the end of an order is told: not when the call that placed it could say it already."""
    return STANDARDS[bought.standard].TELLS_ALL or ended_at != placed_at


__all__ = [
    "ACCOUNT",
    "DOING",
    "DUJIAO_NEXT",
    "GOOFISH",
    "STANDARDS",
    "Bought",
    "Bundled",
    "Card",
    "Given",
    "Goods",
    "Handed",
    "Report",
    "Standard",
    "accounts_of",
    "bought_of",
    "stock_of",
    "tells",
]
