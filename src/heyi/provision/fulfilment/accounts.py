"""Supplier accounts, as operators keep them. Credentials are sealed when they come in and never come out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, queries
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id, to_text
from heyi.provision.fulfilment import connectors
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors import (
    AddressesWrong,
    CredentialsWrong,
    DialectUnknown,
    SupplierCodeTaken,
    SupplierNotFound,
    SupplierState,
    SupplierUnusable,
)
from heyi.provision.fulfilment.suppliers import Dialect

SQL = queries(__file__, "queries_desk.sql")
MOVES = {"pause": ("active", "paused"), "resume": ("paused", "active")}


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier account. `callback_url` is what its callbacks are sent to; times are in milliseconds. `grace_ms` is
    the least: the dialect's own counts when it is longer.

    Rates are calls a second over all workers (None: only the slots limit). Products are read every `sync_every_min`
    minutes (0: only when somebody asks). `unusable` says why no connector can speak
    for it (None: one does). `callback_ips`: the networks that its callbacks may come from
    (none: any).
    """

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
    unusable: str | None
    created_at: datetime
    rate_per_s: float | None = None
    query_rate_per_s: float | None = None
    breaker: str = "closed"
    sync_every_min: int = 30
    callback_ips: tuple[str, ...] = ()


async def make(
    tx: Tx, sealing: Sealing, *, code: str, title: str, dialect: str, base_url: str, credentials: Mapping[str, str],
    slots: int, timeout_ms: int, typical_ms: int, public_url: str, now: datetime,
    grace_ms: int = 0, rate_per_s: float = 0, query_rate_per_s: float = 0, sync_every_min: int = 30,
    callback_ips: Sequence[str] = (),
) -> Supplier:  # fmt: skip
    """A new account. Raises DialectUnknown, CredentialsWrong, AddressesWrong, SupplierCodeTaken."""
    id = new_id(millis(now))
    await connectors.hold(tx, dialect)
    profile = await tx.row(connectors.SQL["published"], code=dialect)
    profile_id = None if profile is None else profile.id
    try:
        connector = await connectors.find(tx, dialect, profile_id)
    except connectors.Unusable:
        raise DialectUnknown("/dialect", value=dialect, known=", ".join(await connectors.codes(tx))) from None
    sealed = _sealed(sealing, connector, credentials, id)
    # Nobody can guess it: it is an id of its own with 72 random bits, and its fingerprint under our key.
    token = to_text("cb", new_id(millis(now)))[3:] + sealing.fingerprint(id.bytes).hex()[:16]
    row = await tx.row(
        SQL["make_supplier"], id=id, code=code, title=title, dialect=dialect, base_url=base_url.rstrip("/"),
        credentials=sealed, token=token, slots=slots, timeout_ms=timeout_ms, typical_ms=typical_ms,
        grace_ms=grace_ms, profile_id=profile_id,
        rate_per_s=rate_per_s, query_rate_per_s=query_rate_per_s,
        sync_every_min=sync_every_min, now=now,
        callback_ips=networks(callback_ips),
    )  # fmt: skip
    if row is None:
        raise SupplierCodeTaken("/code", value=code)
    return await _supplier(tx, sealing, row, public_url)


async def search(
    tx: Tx, sealing: Sealing, *, text: str | None, state: str | None, before: UUID | None, limit: int, public_url: str
) -> list[Supplier]:
    """Accounts, newest first."""
    rows = await tx.rows(SQL["list_suppliers"], search=text, state=state, before=before, most=limit)
    return [await _supplier(tx, sealing, row, public_url) for row in rows]


async def find(tx: Tx, sealing: Sealing, id: UUID, *, public_url: str) -> Supplier:
    """One account. Raises SupplierNotFound."""
    return await _supplier(tx, sealing, await _row(tx, id), public_url)


async def opened(tx: Tx, sealing: Sealing, id: UUID, *, public_url: str, connector: Dialect | None = None) -> Account:
    """One account with its credentials, for a call; with another connector in a rehearsal. Raises SupplierNotFound,
    SupplierUnusable."""
    try:
        return await connectors.account_of(tx, await _row(tx, id), sealing, public_url, connector)
    except connectors.Unusable as error:
        raise SupplierUnusable(why=error.why) from None


async def change(
    tx: Tx, sealing: Sealing, id: UUID, *, public_url: str, title: str | None = None, base_url: str | None = None,
    credentials: Mapping[str, str] | None = None, slots: int | None = None, timeout_ms: int | None = None,
    typical_ms: int | None = None, grace_ms: int | None = None, rate_per_s: float | None = None,
    query_rate_per_s: float | None = None, sync_every_min: int | None = None,
    callback_ips: Sequence[str] | None = None,
) -> Supplier:  # fmt: skip
    """Change what is given. Raises SupplierNotFound, CredentialsWrong, AddressesWrong, SupplierUnusable."""
    there = await _row(tx, id)
    sealed = None
    if credentials is not None:
        try:
            connector = await connectors.find(tx, there.dialect, there.profile_id)
        except connectors.Unusable as error:
            raise SupplierUnusable(why=error.why) from None
        sealed = _sealed(sealing, connector, credentials, id)
    row = await tx.row(
        SQL["change_supplier"], id=id, title=title, base_url=base_url.rstrip("/") if base_url else None,
        credentials=sealed, slots=slots, timeout_ms=timeout_ms, typical_ms=typical_ms, grace_ms=grace_ms,
        rate_per_s=rate_per_s, query_rate_per_s=query_rate_per_s, sync_every_min=sync_every_min,
        callback_ips=None if callback_ips is None else networks(callback_ips),
    )  # fmt: skip
    return await _supplier(tx, sealing, row, public_url)


async def switch(tx: Tx, sealing: Sealing, id: UUID, move: str, *, public_url: str) -> Supplier:
    """Pause or resume buying there. Raises SupplierNotFound, SupplierState."""
    before, after = MOVES[move]
    row = await tx.row(SQL["switch_supplier"], id=id, before=before, after=after)
    if row is None:
        raise SupplierState(state=(await _row(tx, id)).state)
    return await _supplier(tx, sealing, row, public_url)


def networks(given: Sequence[str]) -> list[str]:
    """Addresses and networks as CIDRs. Raises AddressesWrong."""
    found = []
    for place, one in enumerate(given):
        try:
            found.append(str(ip_network(one.strip(), strict=False)))
        except ValueError:
            raise AddressesWrong(f"/callback_ips/{place}", value=one) from None
    return sorted(set(found))


async def _row(tx: Tx, id: UUID) -> Row:
    row = await tx.row(SQL["find_supplier"], id=id)
    if row is None:
        raise SupplierNotFound
    return row


def _sealed(sealing: Sealing, connector: Dialect, credentials: Mapping[str, str], id: UUID) -> bytes:
    names = [one.name for one in connector.credentials]
    missing = [name for name in names if not credentials.get(name)]
    odd = sorted(set(credentials) - set(names))
    if missing or odd:
        raise CredentialsWrong(
            "/credentials", names=", ".join(names), missing=", ".join(missing) or "—", odd=", ".join(odd) or "—"
        )
    return sealing.seal_secret(msgspec.json.encode(dict(credentials)).decode(), f"supplier:{id}")


async def _supplier(tx: Tx, sealing: Sealing, row: Row, public_url: str) -> Supplier:
    return Supplier(
        row.id, row.code, row.title, row.dialect, row.base_url, f"{public_url}/callbacks/{row.callback_token}",
        row.slots, row.timeout_ms, row.typical_ms, row.grace_ms, row.state,
        await connectors.why_not(tx, row, sealing), row.created_at, row.rate_per_s, row.query_rate_per_s, row.breaker,
        row.sync_every_min,
        tuple(row.callback_ips),
    )  # fmt: skip
