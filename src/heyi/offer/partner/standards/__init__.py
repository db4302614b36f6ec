"""Standards of others by which they buy from us: what may be sold so, how calls are signed, how an order is told.

Pure: one file per standard, and this table that names them all. Facts only, from the documents named in the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from heyi.offer.partner.standards import dujiao_next, goofish
from heyi.offer.partner.standards.words import (
    Bought,
    Bundled,
    Card,
    Given,
    Goods,
    Handed,
    Report,
    Standard,
    accounts_of,
    bought_of,
    stock_of,
)

GOOFISH, DUJIAO_NEXT = "goofish", "dujiao_next"
STANDARDS: Mapping[str, Standard] = {GOOFISH: goofish, DUJIAO_NEXT: dujiao_next}


def tells(bought: Bought, placed_at: datetime, ended_at: datetime | None) -> bool:
    """Whether the end of an order is told: not when the call that placed it could say it already."""
    standard = STANDARDS.get(bought.standard)
    return standard is not None and (standard.TELLS_ALL or ended_at != placed_at)


__all__ = [
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
