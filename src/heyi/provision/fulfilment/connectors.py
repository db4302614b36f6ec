"""Which connector speaks for a supplier account: the published profile of its dialect, else the shipped one, else a
package by the entry point group `heyi.connectors`. One that is broken or gone stops its own accounts and nobody else's.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from uuid import UUID

import msgspec
import structlog

from heyi.infra.db import Row, Tx, queries
from heyi.infra.sealing import Sealing
from heyi.kernel.errors import ManyRefused, Refused
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import DIALECTS, Dialect, engine, profile

SQL = queries(__file__, "queries_profiles.sql")
GROUP = "heyi.connectors"
COMPILED_MAX = 1_000
log = structlog.get_logger("heyi.connectors")

# Stored versions by their id, compiled; a text says why one cannot be.
_compiled: dict[UUID, Dialect | str] = {}


class Unusable(Exception):
    """No connector can speak for this account now: `why` is for people. Its tasks stay as they are."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


async def account_of(tx: Tx, row: Row, sealing: Sealing, public_url: str, connector: Dialect | None = None) -> Account:
    """A supplier's row with its credentials opened and its connector found (unless one is given). Raises Unusable."""
    connector = connector or await find(tx, row.dialect, row.profile_id)
    credentials = _credentials(sealing, bytes(row.credentials), row.id)
    if missing := [one.name for one in connector.credentials if not credentials.get(one.name)]:
        raise Unusable(f"credentials are missing: {', '.join(missing)}")
    return Account(
        row.id, row.code, row.dialect, row.base_url, credentials, f"{public_url}/callbacks/{row.callback_token}",
        row.timeout_ms, row.typical_ms, max(row.grace_ms, connector.grace_ms), connector, row.pays == "prepaid",
        row.profile_id,
    )  # fmt: skip


async def usable(tx: Tx, row: Row, sealing: Sealing, public_url: str) -> Account | None:
    """The same for those who go on without it: None, and said in the log."""
    try:
        return await account_of(tx, row, sealing, public_url)
    except Unusable as error:
        _say(row.code, error.why)
        return None


async def why_not(tx: Tx, row: Row, sealing: Sealing) -> str | None:
    """Why this account cannot be used now, in words for people."""
    try:
        await account_of(tx, row, sealing, "")
    except Unusable as error:
        return error.why
    return None


async def hold(tx: Tx, code: str) -> None:
    """No account of this dialect is made while its published version changes, and the other way round."""
    await tx.run(SQL["hold_code"], code=code)


async def find(tx: Tx, code: str, profile_id: UUID | None) -> Dialect:
    """The connector of a dialect; `profile_id` is the stored version that is published, if any. Raises Unusable."""
    if profile_id is None:
        found = built_in(code)
    else:
        if profile_id not in _compiled:
            if len(_compiled) >= COMPILED_MAX:
                _compiled.clear()
            _compiled[profile_id] = await _stored(tx, profile_id)
        found = _compiled[profile_id]
    if isinstance(found, str):
        raise Unusable(found)
    return found


def built_in(code: str) -> Dialect | str:
    """What speaks a dialect as long as no profile of it is published: version 0. A text says why nothing does."""
    return DIALECTS[code] if code in DIALECTS else package(code)


@lru_cache(maxsize=256)
def package(code: str) -> Dialect | str:
    """An installed package's connector, or why there is none. Packages are looked for once per process."""
    points = _points().get(code, [])
    if len(points) == 1:
        return _loaded(points[0])
    return f"{len(points)} packages offer dialect {code}" if points else f"nothing here speaks dialect {code}"


async def codes(tx: Tx) -> list[str]:
    """Every dialect that an account may choose: shipped, published here, or brought by a package."""
    stored = [row.code for row in await tx.rows(SQL["published_codes"])]
    return sorted({*DIALECTS, *stored, *packages()})


def packages() -> list[str]:
    """The dialects that installed packages offer."""
    return sorted(_points())


def look_again() -> None:
    """For those who installed or removed a package while they run."""
    _points.cache_clear()
    package.cache_clear()


@lru_cache(maxsize=1)
def _points() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def _loaded(point: EntryPoint) -> Dialect | str:
    """A stranger's code: whatever it raises is its own trouble."""
    try:
        thing = point.load()
        made = thing if isinstance(thing, Dialect) else thing()
    except (Exception, SystemExit) as error:
        return f"package {point.value} cannot be loaded: {type(error).__name__}: {error}"
    return made if isinstance(made, Dialect) else f"package {point.value} does not make a Dialect"


@lru_cache(maxsize=256)
def _say(account: str, why: str) -> None:
    """Once per account and reason, not ten times a second."""
    log.error("a supplier account cannot be used; its tasks wait", supplier=account, why=why)


async def _stored(tx: Tx, profile_id: UUID) -> Dialect | str:
    row = await tx.row(SQL["profile_document"], id=profile_id)
    if row is None:
        return "its profile is gone"
    try:
        return engine.compile(profile.read(row.document.encode()))
    except Refused as refused:
        faults = refused.faults if isinstance(refused, ManyRefused) else [refused]
        told = "; ".join(f"{fault.pointer} {fault.sentence('en')}" for fault in faults[:3])
    except Exception as error:  # nobody else's account may suffer from what this one finds
        told = type(error).__name__
    return f"profile {row.code} version {row.version} cannot be read: {told}"


@lru_cache(maxsize=1024)
def _credentials(sealing: Sealing, sealed: bytes, supplier: UUID) -> dict[str, str]:
    opened: dict[str, str] = msgspec.json.decode(sealing.open_secret(sealed, f"supplier:{supplier}"))
    return opened
