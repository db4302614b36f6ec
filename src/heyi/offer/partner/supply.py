"""Keys of those who buy from us in a standard of their own: shown once, sealed, two live while they rotate."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.infra.sealing import Sealing
from heyi.kernel.addresses import within
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.offer.partner import errors
from heyi.offer.partner.actions import read_party
from heyi.offer.partner.model import CHANNEL, LIVE_KEYS_MAX, RATE_PER_S, NewSupplyKey, SupplyAccess, SupplyKey
from heyi.offer.partner.standards import GOOFISH

SQL = queries(__file__, "queries_supply.sql")
SECRET_CHARS = 40
MCH_ID_DIGITS = 12
KEY_CHARS = 32
_LETTERS = string.ascii_lowercase + string.digits


async def make(
    tx: Tx, sealing: Sealing, channel_id: UUID, standard: str, *, label: str, now: datetime, app_id: str | None = None,
    app_secret: str | None = None, ips: Sequence[str] = (), rate_per_s: int = RATE_PER_S,
    expires_at: datetime | None = None,
) -> NewSupplyKey:  # fmt: skip
    """A key for a channel; its secret is in the answer and, sealed, in the database.

    Raises ChannelNotFound, AppMissing, AppNotWanted, IpMalformed, ExpiryInPast, SupplyTwoLive.
    """
    await read_party(tx, CHANNEL, channel_id)
    if standard == GOOFISH and not (app_id and app_id.isascii() and app_id.isdigit() and app_secret):
        raise errors.AppMissing("/app_id")
    if standard != GOOFISH and (app_id is not None or app_secret is not None):
        raise errors.AppNotWanted("/app_id", standard=standard)
    _check_ips(ips)
    if expires_at is not None and expires_at <= now:
        raise errors.ExpiryInPast("/expires_at")
    await tx.rows(SQL["lock_supply_keys"], channel_id=channel_id, standard=standard)
    if len(await tx.rows(SQL["live_supply_keys"], channel_id=channel_id, standard=standard, now=now)) >= LIVE_KEYS_MAX:
        raise errors.SupplyTwoLive("/standard", standard=standard)
    id, secret, name = new_id(millis(now)), _random(_LETTERS, SECRET_CHARS), _name(standard)
    key = SupplyKey(id, channel_id, standard, label, name, app_id, tuple(ips), rate_per_s, now, expires_at, None)
    await tx.run(
        SQL["insert_supply_key"], id=id, channel_id=channel_id, standard=standard, label=label, key=name,
        secret=sealing.seal_secret(secret, _bound_to(id, "secret")), app_id=app_id,
        app_secret=None if app_secret is None else sealing.seal_secret(app_secret, _bound_to(id, "app")),
        ips=text_col(ips), rate_per_s=rate_per_s, now=now, expires_at=expires_at,
    )  # fmt: skip
    return NewSupplyKey(key, secret)


async def rotate(
    tx: Tx, sealing: Sealing, id: UUID, *, overlap: timedelta | None, now: datetime, app_secret: str | None = None
) -> NewSupplyKey:
    """A second key beside this one. The old one ends after `overlap`; None: when it is revoked.

    `app_secret` None: the application's secret stays. Raises SupplyKeyNotFound, SupplyTwoLive, AppNotWanted.
    """
    row = await _live(tx, id, now=now)
    known = _opened(sealing, row)
    made = await make(
        tx, sealing, row.channel_id, row.standard, label=row.label, now=now, app_id=row.app_id,
        app_secret=app_secret or known.app_secret, ips=row.ips, rate_per_s=row.rate_per_s,
    )  # fmt: skip
    if overlap is not None:
        await tx.run(SQL["shorten_supply_key"], id=id, ends_at=now + overlap)
    return made


async def change(
    tx: Tx, id: UUID, *, now: datetime, label: str | None = None, ips: Sequence[str] | None = None,
    rate_per_s: int | None = None,
) -> SupplyKey:  # fmt: skip
    """Change what is not None. Raises SupplyKeyNotFound, IpMalformed."""
    await _live(tx, id, now=now)
    _check_ips(ips or ())
    given = None if ips is None else text_col(ips)
    await tx.run(SQL["change_supply_key"], id=id, label=label, ips=given, rate_per_s=rate_per_s)
    return _key(await _live(tx, id, now=now))


async def revoke(tx: Tx, id: UUID, *, now: datetime) -> None:
    """End a key now, and forget its secrets. Raises SupplyKeyNotFound."""
    if not await tx.run(SQL["revoke_supply_key"], id=id, now=now):
        raise errors.SupplyKeyNotFound


async def listed(
    tx: Tx, channel_id: UUID, *, standard: str | None = None, search: str | None = None, before: UUID | None = None,
    most: int = 50,
) -> list[SupplyKey]:  # fmt: skip
    """A channel's keys, newest first, dead ones too."""
    values = {"standard": standard, "search": search or None, "before": before, "most": most}
    return [_key(row) for row in await tx.rows(SQL["list_supply_keys"], channel_id=channel_id, **values)]


async def find(tx: Tx, sealing: Sealing, standard: str, key: str, *, now: datetime) -> SupplyAccess | None:
    """Who names himself by this key, or None: unknown, revoked, expired, suspended."""
    row = await tx.row(SQL["find_supply_key"], standard=standard, key=key, now=now)
    return None if row is None else _opened(sealing, row)


async def live(tx: Tx, sealing: Sealing, channel_id: UUID, standard: str, *, now: datetime) -> list[SupplyAccess]:
    """A channel's live keys of a standard, the newest first."""
    rows = await tx.rows(SQL["live_supply_keys"], channel_id=channel_id, standard=standard, now=now)
    return [_opened(sealing, row) for row in rows]


async def among(tx: Tx, channel_ids: Collection[UUID]) -> set[UUID]:
    """Those of these channels that have, or had, a supply key."""
    rows = await tx.rows(SQL["supplied_channels"], channels=col(channel_ids))
    return {row.channel_id for row in rows}


async def use_nonce(tx: Tx, key_id: UUID, nonce: str, *, wall: datetime) -> bool:
    """False when this key has said this nonce before."""
    return await tx.run(SQL["use_nonce"], key_id=key_id, nonce=nonce, at=wall) == 1


async def forget_nonces(tx: Tx, *, until: datetime) -> int:
    """Delete nonces said before this time."""
    return await tx.run(SQL["forget_nonces"], until=until)


async def numbers(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, int]:
    """The numbers by which things are known to those who know them by number; made when there are none yet."""
    if not ids:
        return {}
    await tx.run(SQL["make_numbers"], ids=col(sorted(set(ids))))
    return {row.id: row.number for row in await tx.rows(SQL["read_numbers"], ids=col(ids))}


async def id_of(tx: Tx, number: int) -> UUID | None:
    """What has this number."""
    row = await tx.row(SQL["id_of_number"], number=number)
    return None if row is None else row.id


def may_come_from(access: SupplyAccess, address: str) -> bool:
    """Whether the key may be used from this address."""
    return not access.ips or within(address, access.ips)


async def _live(tx: Tx, id: UUID, *, now: datetime) -> Row:
    row = await tx.row(SQL["read_live_supply_key"], id=id, now=now)
    if row is None:
        raise errors.SupplyKeyNotFound
    return row


def _check_ips(ips: Sequence[str]) -> None:
    for place, one in enumerate(ips):
        try:
            ip_network(one, strict=False)
        except ValueError:
            raise errors.IpMalformed(f"/ips/{place}", value=one) from None


def _name(standard: str) -> str:
    """How the caller will name itself: 闲管家 shows it beside fields of digits."""
    if standard == GOOFISH:
        return secrets.choice("123456789") + _random(string.digits, MCH_ID_DIGITS - 1)
    return _random(_LETTERS, KEY_CHARS)


def _random(letters: str, count: int) -> str:
    return "".join([secrets.choice(letters) for _ in range(count)])


def _bound_to(id: UUID, what: str) -> str:
    return f"supply {what} {id}"


def _opened(sealing: Sealing, row: Row) -> SupplyAccess:
    app = None if row.app_secret is None else sealing.open_secret(row.app_secret, _bound_to(row.id, "app"))
    return SupplyAccess(
        row.id, row.channel_id, row.standard, row.key, sealing.open_secret(row.secret, _bound_to(row.id, "secret")),
        row.app_id, app, tuple(row.ips), row.rate_per_s,
    )  # fmt: skip


def _key(row: Row) -> SupplyKey:
    return SupplyKey(
        row.id, row.channel_id, row.standard, row.label, row.key, row.app_id, tuple(row.ips), row.rate_per_s,
        row.created_at, row.expires_at, row.revoked_at,
    )  # fmt: skip
