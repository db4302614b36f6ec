"""Supplier accounts, as operators keep them. Credentials are sealed when they come in and never come out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, queries
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id, to_text
from heyi.provision.fulfilment.delivering import account_of
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors import (
    CredentialsWrong,
    DialectUnknown,
    SupplierCodeTaken,
    SupplierNotFound,
    SupplierState,
)
from heyi.provision.fulfilment.suppliers import DIALECTS

SQL = queries(__file__, "queries_desk.sql")
MOVES = {"pause": ("active", "paused"), "resume": ("paused", "active")}


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier account. `callback_url` is what its callbacks are sent to; times are in milliseconds."""

    id: UUID
    code: str
    title: str
    dialect: str
    base_url: str
    callback_url: str
    slots: int
    timeout_ms: int
    typical_ms: int
    grace_ms: int
    state: str
    created_at: datetime


async def make(
    tx: Tx, sealing: Sealing, *, code: str, title: str, dialect: str, base_url: str, credentials: Mapping[str, str],
    slots: int, timeout_ms: int, typical_ms: int, grace_ms: int | None, public_url: str, now: datetime,
) -> Supplier:  # fmt: skip
    """A new account. `grace_ms` None: what the dialect advises. Raises DialectUnknown, CredentialsWrong,
    SupplierCodeTaken."""
    id = new_id(millis(now))
    sealed = _sealed(sealing, dialect, credentials, id)
    # Nobody can guess it: it is an id of its own with 72 random bits, and its fingerprint under our key.
    token = to_text("cb", new_id(millis(now)))[3:] + sealing.fingerprint(id.bytes).hex()[:16]
    row = await tx.row(
        SQL["make_supplier"], id=id, code=code, title=title, dialect=dialect, base_url=base_url.rstrip("/"),
        credentials=sealed, token=token, slots=slots, timeout_ms=timeout_ms, typical_ms=typical_ms,
        grace_ms=DIALECTS[dialect].grace_ms if grace_ms is None else grace_ms, now=now,
    )  # fmt: skip
    if row is None:
        raise SupplierCodeTaken("/code", value=code)
    return _supplier(row, public_url)


async def search(
    tx: Tx, *, text: str | None, state: str | None, before: UUID | None, limit: int, public_url: str
) -> list[Supplier]:
    """Accounts, newest first."""
    rows = await tx.rows(SQL["list_suppliers"], search=text, state=state, before=before, most=limit)
    return [_supplier(row, public_url) for row in rows]


async def find(tx: Tx, id: UUID, *, public_url: str) -> Supplier:
    """One account. Raises SupplierNotFound."""
    return _supplier(await _row(tx, id), public_url)


async def opened(tx: Tx, sealing: Sealing, id: UUID, *, public_url: str) -> Account:
    """One account with its credentials, for a call. Raises SupplierNotFound."""
    return account_of(await _row(tx, id), sealing, public_url)


async def change(
    tx: Tx, sealing: Sealing, id: UUID, *, public_url: str, title: str | None = None, base_url: str | None = None,
    credentials: Mapping[str, str] | None = None, slots: int | None = None, timeout_ms: int | None = None,
    typical_ms: int | None = None, grace_ms: int | None = None,
) -> Supplier:  # fmt: skip
    """Change what is given. Raises SupplierNotFound, CredentialsWrong."""
    there = await _row(tx, id)
    row = await tx.row(
        SQL["change_supplier"], id=id, title=title, base_url=base_url.rstrip("/") if base_url else None,
        credentials=None if credentials is None else _sealed(sealing, there.dialect, credentials, id), slots=slots,
        timeout_ms=timeout_ms, typical_ms=typical_ms, grace_ms=grace_ms,
    )  # fmt: skip
    return _supplier(row, public_url)


async def switch(tx: Tx, id: UUID, move: str, *, public_url: str) -> Supplier:
    """Pause or resume buying there. Raises SupplierNotFound, SupplierState."""
    before, after = MOVES[move]
    row = await tx.row(SQL["switch_supplier"], id=id, before=before, after=after)
    if row is None:
        raise SupplierState(state=(await _row(tx, id)).state)
    return _supplier(row, public_url)


async def _row(tx: Tx, id: UUID) -> Row:
    row = await tx.row(SQL["find_supplier"], id=id)
    if row is None:
        raise SupplierNotFound
    return row


def _sealed(sealing: Sealing, dialect: str, credentials: Mapping[str, str], id: UUID) -> bytes:
    if dialect not in DIALECTS:
        raise DialectUnknown("/dialect", value=dialect, known=", ".join(DIALECTS))
    names = DIALECTS[dialect].credentials
    if set(credentials) != set(names) or not all(credentials.values()):
        raise CredentialsWrong("/credentials", names=", ".join(names))
    return sealing.seal_secret(msgspec.json.encode(dict(credentials)).decode(), f"supplier:{id}")


def _supplier(row: Row, public_url: str) -> Supplier:
    return Supplier(
        row.id, row.code, row.title, row.dialect, row.base_url, f"{public_url}/callbacks/{row.callback_token}",
        row.slots, row.timeout_ms, row.typical_ms, row.grace_ms, row.state, row.created_at,
    )  # fmt: skip
