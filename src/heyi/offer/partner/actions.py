"""Partners, channels and access keys."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.infra.sealing import key_hash
from heyi.kernel.clock import millis
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id
from heyi.offer.partner import errors, rules, store
from heyi.offer.partner.model import (
    CHANNEL,
    LIVE_KEYS_MAX,
    OPERATOR,
    PARTNER,
    PREFIX,
    RATE_PER_S,
    STATE,
    Access,
    AccessKey,
    NewKey,
    Party,
)

SECRET_BYTES = 25  # 200 random bits, 40 characters of base32
NOT_FOUND: dict[str, type[Refused]] = {CHANNEL: errors.ChannelNotFound, PARTNER: errors.PartnerNotFound}


async def find_accesses(tx: Tx, hashes: Sequence[bytes], *, now: datetime) -> dict[bytes, Access]:
    """Who calls, for many calls at once: live keys by their hash; what is not in the answer opens nothing."""
    return await store.find_access(tx, hashes, now=now)


async def find_access(tx: Tx, hash: bytes, *, now: datetime) -> Access | None:
    """Who calls with the key of this hash (infra.sealing.key_hash), or None: unknown, revoked, expired, suspended."""
    return (await find_accesses(tx, [hash], now=now)).get(hash)


async def make_party(
    tx: Tx, kind: str, *, code: str, title: str, contact: dict[str, str] | None = None, now: datetime
) -> Party:
    """A new partner or channel. Raises CodeTaken."""
    party = Party(new_id(millis(now)), code, title, STATE.first, now, contact or {})
    if not await store.insert_party(tx, kind, party):
        raise errors.CodeTaken("/code", value=code)
    return party


async def list_parties(
    tx: Tx, kind: str, *, search: str | None = None, before: UUID | None = None, most: int = 50
) -> list[Party]:
    """Partners or channels, newest first; `search` looks anywhere in code and title."""
    return await store.list_parties(tx, kind, search=search or None, before=before, most=most)


async def read_party(tx: Tx, kind: str, id: UUID) -> Party:
    """One partner or channel. Raises PartnerNotFound or ChannelNotFound."""
    found = (await store.read_parties(tx, kind, [id])).get(id)
    if found is None:
        raise NOT_FOUND[kind]
    return found


async def codes_of(tx: Tx, partner_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Partners' codes by id, for those who only name them."""
    return await store.partner_codes(tx, partner_ids) if partner_ids else {}


async def change_party(
    tx: Tx, kind: str, id: UUID, *, title: str | None = None, contact: dict[str, str] | None = None,
    move: str | None = None,
) -> Party:  # fmt: skip
    """Change what is not None; `move` is suspend or resume. A suspended one's keys open nothing.

    Raises PartnerNotFound, ChannelNotFound, WrongState.
    """
    before = await read_party(tx, kind, id)
    sources = STATE.sources(move) if move else ()
    state = STATE.step(sources[0], move) if move and sources else None
    if not await store.update_party(tx, kind, id, title=title, contact=contact, state=state, sources=sources):
        raise errors.WrongState("/state", state=before.state)
    return await read_party(tx, kind, id)


async def make_access_key(
    tx: Tx, holder_kind: str, holder_id: UUID, *, label: str, now: datetime, scopes: Set[str] | None = None,
    maker_scopes: Set[str] | None = None, rate_per_s: int = RATE_PER_S, expires_at: datetime | None = None,
) -> NewKey:  # fmt: skip
    """A key for a channel, a partner or an operator; its secret is in the answer and nowhere else.

    Raises ChannelNotFound, PartnerNotFound, ScopeUnknown, ExpiryInPast, TwoLive.
    """
    if holder_kind != OPERATOR:
        await read_party(tx, holder_kind, holder_id)
    if expires_at is not None and expires_at <= now:
        raise errors.ExpiryInPast("/expires_at")
    given = rules.scopes_for(holder_kind, scopes, maker_scopes)
    await store.lock_label(tx, holder_id, label)
    if await store.count_live_keys(tx, holder_id, label, now=now) >= LIVE_KEYS_MAX:
        raise errors.TwoLive("/label", label=label)
    characters = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode().lower()
    secret = f"hk_{PREFIX[holder_kind]}_{characters}"
    key = AccessKey(
        new_id(millis(now)), holder_kind, holder_id, label, secret[-4:], given, rate_per_s, now, expires_at, None
    )
    await store.insert_key(tx, key, key_hash(secret))
    return NewKey(key, secret)


async def rotate_access_key(
    tx: Tx, id: UUID, *, overlap: timedelta | None, now: datetime, maker_scopes: Set[str] | None = None
) -> NewKey:
    """A second key beside this one, with its label, scopes and rate. The old one ends after `overlap`; None: when it
    is revoked. Raises KeyNotFound, TwoLive, ScopeUnknown.
    """
    old = await store.read_live_key(tx, id, now=now)
    if old is None:
        raise errors.KeyNotFound
    made = await make_access_key(
        tx, old.holder_kind, old.holder_id, label=old.label, now=now, scopes=old.scopes, maker_scopes=maker_scopes,
        rate_per_s=old.rate_per_s,
    )  # fmt: skip
    if overlap is not None:
        await store.shorten_key(tx, id, ends_at=now + overlap)
    return made


async def revoke_access_key(tx: Tx, id: UUID, *, now: datetime) -> None:
    """End a key now. Raises KeyNotFound when it is not live."""
    if not await store.revoke_key(tx, id, now=now):
        raise errors.KeyNotFound


async def list_access_keys(
    tx: Tx, holder_kind: str, holder_id: UUID | None = None, *, before: UUID | None = None, most: int = 50
) -> list[AccessKey]:
    """A holder's keys (None: all of the kind), newest first, dead ones too."""
    return await store.list_keys(tx, holder_kind, holder_id, before=before, most=most)


async def bootstrap_operator(tx: Tx, *, label: str = "first", now: datetime) -> NewKey | None:
    """The first operator's key, made by nobody; None when any operator key was ever made."""
    nobody = UUID(int=0)
    await store.lock_label(tx, nobody, "bootstrap")
    if await store.list_keys(tx, OPERATOR, None, before=None, most=1):
        return None
    return await make_access_key(tx, OPERATOR, new_id(millis(now)), label=label, now=now)
