"""The only SQL of partner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col
from heyi.offer.partner.model import CHANNEL, Access, AccessKey, Party

SQL = queries(__file__)


async def find_access(tx: Tx, hashes: Sequence[bytes], *, now: datetime) -> dict[bytes, Access]:
    """The live keys among these hashes."""
    rows = await tx.rows(SQL["find_access"], hashes=bytes_col(hashes), now=now)
    return {
        bytes(row.hash): Access(row.id, row.holder_kind, row.holder_id, frozenset(row.scopes), row.rate_per_s)
        for row in rows
    }


async def insert_party(tx: Tx, kind: str, party: Party) -> bool:
    """Add a partner or a channel; False when its code is taken."""
    values: dict[str, object] = {"id": party.id, "code": party.code, "title": party.title, "now": party.created_at}
    if kind == CHANNEL:
        return await tx.run(SQL["insert_channel"], **values) == 1
    return await tx.run(SQL["insert_partner"], **values, contact=_json(party.contact)) == 1


async def list_parties(tx: Tx, kind: str, *, search: str | None, before: UUID | None, most: int) -> list[Party]:
    """Partners or channels, newest first."""
    sql = SQL["list_channels" if kind == CHANNEL else "list_partners"]
    return [_party(row) for row in await tx.rows(sql, search=search, before=before, most=most)]


async def read_parties(tx: Tx, kind: str, ids: Sequence[UUID]) -> dict[UUID, Party]:
    """Partners or channels by id; those that do not exist are missing."""
    sql = SQL["read_channels" if kind == CHANNEL else "read_partners"]
    return {row.id: _party(row) for row in await tx.rows(sql, ids=col(ids))}


async def partner_codes(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Partners' codes by id."""
    return {row.id: row.code for row in await tx.rows(SQL["partner_codes"], ids=col(ids))}


async def update_party(
    tx: Tx, kind: str, id: UUID, *, title: str | None, contact: dict[str, str] | None, state: str | None,
    sources: Sequence[str],
) -> bool:  # fmt: skip
    """Change what is not None; False when the state could not be left."""
    values: dict[str, object] = {"id": id, "title": title, "state": state, "sources": text_col(sources)}
    if kind == CHANNEL:
        return await tx.run(SQL["update_channel"], **values) == 1
    return await tx.run(SQL["update_partner"], **values, contact=None if contact is None else _json(contact)) == 1


async def lock_label(tx: Tx, holder_id: UUID, label: str) -> None:
    """Nobody else counts or adds keys of this holder and label until the transaction ends."""
    await tx.rows(SQL["lock_label"], holder_id=holder_id, label=label)


async def count_live_keys(tx: Tx, holder_id: UUID, label: str, *, now: datetime) -> int:
    row = await tx.row(SQL["count_live_keys"], holder_id=holder_id, label=label, now=now)
    return int(row.live) if row else 0


async def insert_key(tx: Tx, key: AccessKey, hash: bytes) -> None:
    await tx.run(
        SQL["insert_key"], id=key.id, holder_kind=key.holder_kind, holder_id=key.holder_id, label=key.label, hash=hash,
        tail=key.tail, scopes=text_col(sorted(key.scopes)), rate_per_s=key.rate_per_s, now=key.created_at,
        expires_at=key.expires_at,
    )  # fmt: skip


async def list_keys(
    tx: Tx, holder_kind: str, holder_id: UUID | None, *, before: UUID | None, most: int
) -> list[AccessKey]:
    """A holder's keys, or all of a kind, newest first."""
    rows = await tx.rows(
        SQL["list_keys"], holder_kind=holder_kind, holder_id=holder_id, before=before, most=most
    )  # fmt: skip
    return [_key(row) for row in rows]


async def read_live_key(tx: Tx, id: UUID, *, now: datetime) -> AccessKey | None:
    row = await tx.row(SQL["read_live_key"], id=id, now=now)
    return _key(row) if row else None


async def revoke_key(tx: Tx, id: UUID, *, now: datetime) -> bool:
    """False when there is no such live key."""
    return await tx.run(SQL["revoke_key"], id=id, now=now) == 1


async def shorten_key(tx: Tx, id: UUID, *, ends_at: datetime) -> None:
    await tx.run(SQL["shorten_key"], id=id, ends_at=ends_at)


def _party(row: Row) -> Party:
    return Party(row.id, row.code, row.title, row.state, row.created_at, getattr(row, "contact", {}))


def _key(row: Row) -> AccessKey:
    return AccessKey(
        row.id, row.holder_kind, row.holder_id, row.label, row.tail, frozenset(row.scopes), row.rate_per_s,
        row.created_at, row.expires_at, row.revoked_at,
    )  # fmt: skip


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
