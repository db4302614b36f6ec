"""What a rehearsal is played with: a version or a document, and an account's credentials or samples of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, queries, text_col
from heyi.infra.sealing import Sealing
from heyi.provision.fulfilment import accounts, connectors
from heyi.provision.fulfilment.connectors import SQL
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors import (
    DialectUnknown,
    ProfileCode,
    ProfileNotFound,
    RealOrder,
    SupplierUnusable,
)
from heyi.provision.fulfilment.suppliers import SHIPPED, Dialect, engine, profile
from heyi.provision.fulfilment.suppliers.document import Profile

CALLBACKS = queries(__file__, "queries_callbacks.sql")

SAMPLE_URL = "https://supplier.example"
TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Staged:
    """`profiles`: what is rehearsed and what is followed, as data; none for a package, of which nobody knows which of
    its secrets is the signature."""

    account: Account
    profiles: tuple[Profile, ...]


async def stage(
    tx: Tx, sealing: Sealing, code: str, *, version: int | None, document: dict[str, Any] | None,
    supplier: UUID | None, credentials: Mapping[str, str], base_url: str | None, public_url: str,
) -> Staged:  # fmt: skip
    """The account that is rehearsed with. Raises ProfileNotFound, SupplierNotFound, SupplierUnusable, and ManyRefused
    with the faults of a document."""
    connector, profiles = await _connector(tx, code, version, document)
    if supplier is not None:
        there = await accounts.opened(tx, sealing, supplier, public_url=public_url, connector=connector)
        if there.dialect != code:
            raise DialectUnknown("/supplier", value=code, known=there.dialect)
        return Staged(there, profiles)
    samples = {one.name: credentials.get(one.name) or f"sample-{one.name}" for one in connector.credentials}
    account = Account(
        UUID(int=0), "sample", code, (base_url or SAMPLE_URL).rstrip("/"), samples, f"{public_url}/callbacks/sample",
        TIMEOUT_MS, 0, connector.grace_ms, connector,
    )  # fmt: skip
    return Staged(account, profiles)


async def nobodys(tx: Tx, number: str) -> None:
    """Raises RealOrder when a number is one of a purchase of ours."""
    if await tx.rows(CALLBACKS["known_numbers"], outers=text_col([number])):
        raise RealOrder("/order/outer_number")


async def _connector(
    tx: Tx, code: str, version: int | None, document: dict[str, Any] | None
) -> tuple[Dialect, tuple[Profile, ...]]:
    followed = await tx.row(SQL["published"], code=code)
    if document is not None:
        checked = profile.read(document)
        if checked.code != code:
            raise ProfileCode("/code", value=checked.code, code=code)
        return engine.compile(checked), (checked, *await _documents(tx, code, followed))
    row = followed
    if version is not None:
        row = None if version == 0 else await tx.row(SQL["profile_version"], code=code, version=version)
        if row is None and version != 0:
            raise ProfileNotFound(value=code, version=version)
    elif row is None and code not in SHIPPED and code not in connectors.packages():
        raise ProfileNotFound(value=code, version=0)
    try:
        found = await connectors.find(tx, code, None if row is None else row.id)
    except connectors.Unusable as error:
        raise SupplierUnusable(why=error.why) from None
    own = await _documents(tx, code, row)
    return found, (*own, *await _documents(tx, code, followed)) if own else ()


async def _documents(tx: Tx, code: str, row: Row | None) -> tuple[Profile, ...]:
    """What a stored version says (None: what heyi ships), as far as it can be read."""
    if row is None:
        return (SHIPPED[code],) if code in SHIPPED else ()
    stored = await tx.row(SQL["profile_document"], id=row.id)
    assert stored is not None
    try:
        return (msgspec.json.decode(stored.document, type=Profile),)
    except msgspec.ValidationError:
        return ()
