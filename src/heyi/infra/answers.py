"""Answers kept for 24 hours under the caller's Idempotency-Key (IETF draft idempotency-key-header-07)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx, queries

SQL = queries(__file__, "answers.sql")
KEPT = timedelta(hours=24)
# A call that has been running for longer died with its process; the next one may take its place.
RUNNING_AT_MOST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key. `state` is new (ours to run), running, or answered."""

    state: str
    same_question: bool = True
    status: int = 0
    body: bytes = b""


async def claim(tx: Tx, holder_id: UUID, key: str, fingerprint: bytes, *, now: datetime) -> Kept:
    """Claim the key for this call, or learn what became of the first one."""
    ours = await tx.row(
        SQL["claim"], holder=holder_id, key=key, fingerprint=fingerprint, now=now,
        dead=now - RUNNING_AT_MOST, old=now - KEPT,
    )  # fmt: skip
    if ours is not None:
        return Kept("new")
    row = await tx.row(SQL["read"], holder=holder_id, key=key)
    if row is None:
        return Kept("running")
    return Kept(row.state, bytes(row.fingerprint) == fingerprint, row.status or 0, bytes(row.body or b""))


async def keep(tx: Tx, holder_id: UUID, key: str, *, status: int, body: bytes) -> None:
    """Keep the answer."""
    await tx.run(SQL["keep"], holder=holder_id, key=key, status=status, body=body)


async def forget(tx: Tx, holder_id: UUID, key: str) -> None:
    """The call failed on our side: it may be made again."""
    await tx.run(SQL["forget"], holder=holder_id, key=key)


async def clean(tx: Tx, *, now: datetime) -> int:
    """Drop answers older than they are kept; answers how many."""
    return await tx.run(SQL["clean"], old=now - KEPT)
