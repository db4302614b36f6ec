"""Suppliers' callbacks: kept as they came before anybody reads them, and read again for those who judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col
from heyi.infra.sealing import SealBroken, Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_ids
from heyi.provision.fulfilment.suppliers import Ack as Word
from heyi.provision.fulfilment.suppliers import Callback

SQL = queries(__file__, "queries_callbacks.sql")
HEADERS_MAX, TEXT_MAX = 64, 2_000  # headers kept, and characters of each and of an address
QUERY_MAX = 16_000  # characters
LEFT_AFTER = timedelta(seconds=30)  # whoever kept a callback has judged it by then, or does no longer
_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(tuple[str, str, dict[str, str]]).decode


@dataclass(frozen=True, slots=True)
class Arrived:
    """One callback at the address with this token, and who called (empty: nobody knows). `length`: of its body in
    bytes, which was not read when it was too long."""

    token: str
    callback: Callback
    address: str = ""
    length: int | None = None

    @property
    def bytes(self) -> int:
        return len(self.callback.body) if self.length is None else self.length


@dataclass(frozen=True, slots=True)
class Ack:
    """How a callback is answered. Not trusted: the supplier is not told that we took it. The verdict "kept": nobody
    came to judge it yet."""

    word: Word
    trusted: bool
    supplier: str = ""
    verdict: str = "kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback that is to be judged. `wall`: the real time when it came."""

    id: UUID
    supplier: Row
    arrived: Arrived
    wall: datetime


async def keep(
    tx: Tx, sealing: Sealing, arrived: Sequence[Arrived], *, now: datetime, wall: datetime
) -> list[Kept | None]:
    """Keep callbacks as they came; None for a token that names no account."""
    rows = await tx.rows(SQL["suppliers_by_token"], tokens=text_col(sorted({one.token for one in arrived})))
    suppliers = {row.callback_token: row for row in rows}
    ids = new_ids(millis(now), len(arrived))
    found = [
        Kept(id, suppliers[one.token], one, wall) if one.token in suppliers else None
        for id, one in zip(ids, arrived, strict=True)
    ]  # fmt: skip
    kept = [one for one in found if one is not None]
    if kept:
        sealed = [seal(sealing, one.id, one.arrived.callback) for one in kept]
        await tx.run(
            SQL["keep_callbacks"],
            ids=col(one.id for one in kept),
            suppliers=col(one.supplier.id for one in kept),
            now=now,
            heads=bytes_col(head for head, _ in sealed),
            bodies=bytes_col(body for _, body in sealed),
            lengths=col(min(one.arrived.bytes, 1 << 30) for one in kept),
            addresses=text_col(plain(one.arrived.address) for one in kept),
        )
    return found


async def left(tx: Tx, sealing: Sealing, *, most: int, now: datetime, wall: datetime) -> list[Kept]:
    """Callbacks that were kept and not judged: whoever took them in is gone, or had to wait too long."""
    rows = await tx.rows(SQL["left_kept"], ceiling=first_id(millis(now - LEFT_AFTER)), most=most)
    if not rows:
        return []
    suppliers = await tx.rows(SQL["suppliers_of"], ids=col(sorted({row.supplier_id for row in rows})))
    named = {supplier.id: supplier for supplier in suppliers}
    return [
        Kept(
            row.id, named[row.supplier_id], Arrived("", callback, row.address, row.bytes),
            wall - (now - row.received_at),
        )
        for row in rows
        if (callback := opened(sealing, row)) is not None
    ]  # fmt: skip


def seal(sealing: Sealing, id: UUID, callback: Callback) -> tuple[bytes, bytes]:
    """(head, body) as they are stored."""
    headers = {plain(name): plain(value) for name, value in list(callback.headers.items())[:HEADERS_MAX]}
    head = _encode((callback.method, callback.query[:QUERY_MAX], headers)).decode()
    return (
        sealing.seal_secret(head, f"callback head:{id}"),
        sealing.seal_secret(callback.body.decode("latin-1"), f"callback:{id}"),
    )


def opened(sealing: Sealing, row: Row) -> Callback | None:
    """A callback as far as it was kept; None when it cannot be opened (another master key)."""
    try:
        body = sealing.open_secret(bytes(row.body), f"callback:{row.id}").encode("latin-1")
        if row.head is None:  # it came when headers and query were kept in the clear
            headers = row.headers if isinstance(row.headers, dict) else msgspec.json.decode(row.headers)
            return Callback(headers, row.query, body)
        method, query, headers = _head(sealing.open_secret(bytes(row.head), f"callback head:{row.id}"))
    except SealBroken:
        return None
    return Callback(headers, query, body, method)


def plain(text: str) -> str:
    """A text as it can be stored."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:TEXT_MAX]
