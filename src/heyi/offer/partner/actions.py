"""Partners, channels and access keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra.db import Tx
from heyi.offer.partner import store
from heyi.offer.partner.model import Access


async def find_accesses(tx: Tx, hashes: Sequence[bytes], *, now: datetime) -> dict[bytes, Access]:
    """Who calls, for many calls at once: live keys by their hash; what is not in the answer opens nothing."""
    return await store.find_access(tx, hashes, now=now)


async def find_access(tx: Tx, hash: bytes, *, now: datetime) -> Access | None:
    """Who calls with the key of this hash (infra.sealing.key_hash), or None: unknown, revoked, expired, suspended."""
    return (await find_accesses(tx, [hash], now=now)).get(hash)
