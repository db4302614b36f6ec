"""The only SQL of partner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra.db import Tx, bytes_col, queries
from heyi.offer.partner.model import Access

SQL = queries(__file__)


async def find_access(tx: Tx, hashes: Sequence[bytes], *, now: datetime) -> dict[bytes, Access]:
    """The live keys among these hashes."""
    rows = await tx.rows(SQL["find_access"], hashes=bytes_col(hashes), now=now)
    return {
        bytes(row.hash): Access(row.id, row.holder_kind, row.holder_id, frozenset(row.scopes), row.rate_per_s)
        for row in rows
    }
