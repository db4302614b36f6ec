"""Connector profiles as operators keep them: versions that never change, checked whole before they are stored. One of a
code is followed by its accounts: a published one, or version 0, which heyi or a package brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.errors import ManyRefused
from heyi.kernel.ids import new_id
from heyi.provision.fulfilment import connectors
from heyi.provision.fulfilment.connectors import SQL
from heyi.provision.fulfilment.errors import (
    ProfileCode,
    ProfileNeverUsed,
    ProfileNotFound,
    ProfileShape,
    ProfileState,
    ProfileWouldBreak,
)
from heyi.provision.fulfilment.suppliers import SHIPPED, profile
from heyi.provision.fulfilment.suppliers.speech import Credential

FIRST = 0  # the version of what heyi or a package brought


@dataclass(frozen=True, slots=True)
class Head:
    """A code: what speaks for it (`origin` shipped, package or stored) and the newest version that was stored."""

    code: str
    title: str
    origin: str
    version: int
    newest: int
    beta: bool
    accounts: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `document` where it was asked for. Version 0 has no maker and no times. `state` of version 0 is
    published when it is followed."""

    id: UUID | None
    code: str
    version: int
    state: str
    note: str = ""
    made_by: str = ""
    created_at: datetime | None = None
    published_at: datetime | None = None
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Accounts followed `before` and follow `after` from then on."""

    id: UUID
    before: int
    after: int
    why: str
    moved_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """What accounts follow from now on, and those that cannot be used so: (code, why)."""

    code: str
    before: int
    after: int
    accounts: int
    unusable: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A dialect that an account may choose, with what it needs; `unusable` says why it cannot be chosen now."""

    head: Head
    credentials: tuple[Credential, ...] = ()
    kinds: tuple[str, ...] = ()
    shows_products: bool = False
    unusable: str | None = None


async def choices(tx: Tx, *, text: str | None, after: str, limit: int) -> list[Choice]:
    """Dialects that accounts may choose, by code."""
    found = []
    published = {row.code: row.id for row in await tx.rows(SQL["published_codes"])}
    for head in await heads(tx, text=text, after=after, limit=limit, drafts=False):
        try:
            dialect = await connectors.find(tx, head.code, published.get(head.code))
        except connectors.Unusable as error:
            found.append(Choice(head, unusable=error.why))
        else:
            found.append(Choice(head, dialect.credentials, dialect.kinds, dialect.products is not None))
    return found


async def heads(tx: Tx, *, text: str | None, after: str, limit: int, drafts: bool = True) -> list[Head]:
    """Codes with something that speaks for them, or (`drafts`) with nothing but drafts, by code. `text` is looked for
    in code and title."""
    speaking = {row.dialect: row.accounts for row in await tx.rows(SQL["accounts_by_dialect"])}
    stored = {row.code: row for row in await tx.rows(SQL["profile_heads"])}
    wanted = sorted(code for code in {*stored, *SHIPPED, *connectors.packages()} if code > after)
    found: list[Head] = []
    for code in wanted:
        head = _head(code, stored.get(code), speaking.get(code, 0))
        spoken = head.origin != "stored" or head.version != FIRST
        if (drafts or spoken) and (text is None or text.lower() in f"{code} {head.title}".lower()):
            found.append(head)
        if len(found) == limit:
            break
    return found


def _head(code: str, row: Row | None, accounts: int) -> Head:
    newest = 0 if row is None else row.newest
    if row is not None and (row.state == "published" or (code not in SHIPPED and code not in connectors.packages())):
        followed = row.version if row.state == "published" else FIRST
        return Head(code, row.title or "", "stored", followed, newest, row.beta, accounts)
    if code in SHIPPED:
        return Head(code, SHIPPED[code].title, "shipped", FIRST, newest, SHIPPED[code].beta, accounts)
    return Head(code, code, "package", FIRST, newest, False, accounts)


async def read(tx: Tx, code: str, version: int | None = None) -> Version:
    """One version with its document; None: the followed one. Raises ProfileNotFound."""
    published = await tx.row(SQL["published"], code=code)
    if version is None:
        version = FIRST if published is None else published.version
    if version == FIRST:
        return _first(code, followed=published is None)
    row = await tx.row(SQL["profile_version"], code=code, version=version)
    if row is None:
        raise ProfileNotFound(value=code, version=version)
    return _version(row, msgspec.json.decode(row.document))


async def versions(tx: Tx, code: str, *, before: UUID | None, limit: int) -> list[Version]:
    """Stored versions, newest first, without their documents. Raises ProfileNotFound."""
    await _known(tx, code)
    return [_version(row) for row in await tx.rows(SQL["profile_versions"], code=code, before=before, most=limit)]


async def history(tx: Tx, code: str, *, before: UUID | None, limit: int) -> list[Move]:
    """Which version was followed since when, newest first. Raises ProfileNotFound."""
    await _known(tx, code)
    rows = await tx.rows(SQL["profile_moves"], code=code, before=before, most=limit)
    return [Move(row.id, row.before, row.after, row.why, row.moved_by, row.at) for row in rows]


async def draft(tx: Tx, code: str, document: dict[str, Any], *, note: str, by: str, now: datetime) -> Version:
    """The next version, in use by nobody yet. Raises ManyRefused with every fault of the document."""
    checked = profile.read(document)
    if checked.code != code:
        raise ProfileCode("/code", value=checked.code, code=code)
    written = profile.written(checked).decode()
    if "\\u0000" in written:  # PostgreSQL could not look into it
        raise ManyRefused([ProfileShape("", said="a NUL character")])
    await connectors.hold(tx, code)
    row = await tx.row(
        SQL["make_profile"], id=new_id(millis(now)), code=code, document=written, note=note, by=by, now=now
    )  # fmt: skip
    assert row is not None
    return _version(row, msgspec.json.decode(row.document))


async def publish(
    tx: Tx, sealing: Sealing, code: str, version: int, *, why: str, even_so: bool, by: str, now: datetime
) -> Followed:
    """Let all accounts of this code follow a stored version. Raises ProfileNotFound, ProfileState, ProfileWouldBreak
    (unless `even_so`), and ManyRefused when a document of older days does not read any more."""
    await connectors.hold(tx, code)
    row = await tx.row(SQL["profile_version"], code=code, version=version)
    if row is None:
        raise ProfileNotFound(value=code, version=version)
    profile.read(row.document.encode())
    return await _follow(tx, sealing, code, row, why=why, even_so=even_so, by=by, now=now)


async def back(
    tx: Tx, sealing: Sealing, code: str, version: int | None, *, why: str, even_so: bool, by: str, now: datetime
) -> Followed:
    """Follow a version again that was followed before, or version 0; None: the one before this one. Raises as
    `publish`, and ProfileNeverUsed."""
    await connectors.hold(tx, code)
    if version is None:
        moves = await tx.rows(SQL["profile_moves"], code=code, before=None, most=1)
        version = moves[0].before if moves else FIRST
    if version == FIRST:
        _first(code, followed=False)
        return await _follow(tx, sealing, code, None, why=why, even_so=even_so, by=by, now=now)
    row = await tx.row(SQL["profile_version"], code=code, version=version)
    if row is None:
        raise ProfileNotFound(value=code, version=version)
    if row.state == "draft":
        raise ProfileNeverUsed(version=version)
    profile.read(row.document.encode())
    return await _follow(tx, sealing, code, row, why=why, even_so=even_so, by=by, now=now)


async def _follow(
    tx: Tx, sealing: Sealing, code: str, row: Row | None, *, why: str, even_so: bool, by: str, now: datetime
) -> Followed:
    published = await tx.row(SQL["published"], code=code)
    before, after = FIRST if published is None else published.version, FIRST if row is None else row.version
    if before == after:
        raise ProfileState(code=code, version=after)
    well = {
        one.id for one in await tx.rows(SQL["accounts_of_dialect"], code=code)
        if await connectors.why_not(tx, one, sealing) is None
    }  # fmt: skip
    await tx.run(SQL["withdraw_published"], code=code)
    if row is not None:
        await tx.run(SQL["publish_profile"], id=row.id, now=now)
    accounts = await tx.rows(SQL["follow_profile"], code=code, id=None if row is None else row.id)
    told = [(one, await connectors.why_not(tx, one, sealing)) for one in accounts]
    broken = [f"{one.code} ({reason})" for one, reason in told if reason is not None and one.id in well]
    if broken and not even_so:
        raise ProfileWouldBreak(accounts=", ".join(sorted(broken)))
    await tx.run(
        SQL["keep_profile_move"], id=new_id(millis(now)), code=code, before=before, after=after, why=why, by=by, now=now
    )
    unusable = sorted((one.code, reason) for one, reason in told if reason is not None)
    return Followed(code, before, after, len(accounts), unusable)


async def _known(tx: Tx, code: str) -> None:
    brought = code in SHIPPED or code in connectors.packages()
    if not brought and await tx.row(SQL["newest_version"], code=code) is None:
        raise ProfileNotFound(value=code, version=FIRST)


def _first(code: str, *, followed: bool) -> Version:
    """Version 0. A package has no document. Raises ProfileNotFound."""
    state = "published" if followed else "withdrawn"
    if code in SHIPPED:
        return Version(None, code, FIRST, state, document=msgspec.json.decode(profile.written(SHIPPED[code])))
    if code in connectors.packages():
        return Version(None, code, FIRST, state)
    raise ProfileNotFound(value=code, version=FIRST)


def _version(row: Row, document: dict[str, Any] | None = None) -> Version:
    return Version(
        row.id, row.code, row.version, row.state, row.note, row.made_by, row.created_at, row.published_at, document
    )
