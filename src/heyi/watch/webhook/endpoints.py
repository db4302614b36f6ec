"""The owner's side: making, changing and deleting endpoints, and their secrets."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from heyi.infra import guard
from heyi.infra.db import Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.watch.webhook import rules, store
from heyi.watch.webhook.errors import (
    AddressRefused,
    DeliveryUnknown,
    EndpointDisabled,
    EndpointUnknown,
    TooManyEndpoints,
    VoiceFixed,
)
from heyi.watch.webhook.model import ENDPOINT, WEBHOOK, Delivery, Endpoint

ENDPOINTS_MAX = 20  # per holder
BY_OWNER = "disabled by its owner"
OLD_SECRET_LIVES = timedelta(hours=24)


async def check_url(url: str, *, private_allowed: bool) -> None:
    """Refuses a URL that we will not call. Resolves its host, so never inside a transaction."""
    if fault := rules.url_fault(url, private_allowed=private_allowed):
        raise fault
    if private_allowed:
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    addresses = await guard.resolve(host, parts.port or 443)
    # Every address, not only one: which of them is used later is not ours to say.
    if not addresses or not all(guard.public(address) for address in addresses):
        raise AddressRefused("/url", host=host)


def check_events(events: Sequence[str], known: Mapping[str, str]) -> None:
    """Refuses a filter with a name that is no event; `known` are the public ones."""
    if fault := rules.events_fault(events, known):
        raise fault


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def bound_to(endpoint_id: UUID) -> str:
    """What a sealed secret is bound to: copied to another endpoint, it does not open."""
    return f"webhook {endpoint_id}"


def _seal(sealing: Sealing, secret: str, endpoint_id: UUID) -> bytes:
    return sealing.seal_secret(secret, bound_to(endpoint_id))


async def make(
    tx: Tx,
    sealing: Sealing,
    *,
    holder_kind: str,
    holder_id: UUID,
    url: str,
    events: Sequence[str],
    description: str,
    now: datetime,
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is never shown again. The URL has been through `check_url`."""
    if await store.count(tx, holder_id) >= ENDPOINTS_MAX:
        raise TooManyEndpoints(most=ENDPOINTS_MAX)
    endpoint = Endpoint(
        id=new_id(millis(now)), holder_kind=holder_kind, holder_id=holder_id, url=url,
        events=tuple(dict.fromkeys(events)), description=description, state=ENDPOINT.first, disabled_why=None,
        failing_since=None, failures=0, old_secret_until=None, created_at=now,
    )  # fmt: skip
    secret = _new_secret()
    await store.make(tx, endpoint, _seal(sealing, secret, endpoint.id))
    return endpoint, secret


async def read(tx: Tx, holder_id: UUID, id: UUID) -> Endpoint:
    """One of the holder's endpoints. Raises EndpointUnknown."""
    return _known(await store.read(tx, holder_id, id))


async def listed(tx: Tx, holder_id: UUID, *, before: UUID | None, most: int) -> list[Endpoint]:
    """The holder's endpoints, newest first."""
    return await store.listed(tx, holder_id, before=before, most=most)


def _known(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise EndpointUnknown
    return endpoint


async def change(
    tx: Tx,
    holder_id: UUID,
    id: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    state: str | None = None,
    now: datetime,
) -> Endpoint:
    """Change what is given. Disabling drops what waits; enabling starts afresh (and `resend` brings the rest)."""
    endpoint = _known(await store.read(tx, holder_id, id, lock=True))
    if url is not None or events is not None:
        must_be_ours(endpoint)
    changed = replace(
        endpoint,
        url=endpoint.url if url is None else url,
        events=endpoint.events if events is None else tuple(dict.fromkeys(events)),
        description=endpoint.description if description is None else description,
    )
    if state == "disabled" and endpoint.state == "active":
        changed = replace(changed, state="disabled", disabled_why=BY_OWNER)
        await store.drop_waiting(tx, [id], now=now)
    elif state == "active" and endpoint.state == "disabled":
        changed = replace(changed, state="active", disabled_why=None, failing_since=None, failures=0)
    await store.change(tx, changed)
    return changed


async def delete(tx: Tx, holder_id: UUID, id: UUID, *, now: datetime) -> None:
    """Nothing more is sent there. Raises EndpointUnknown."""
    _known(await store.read(tx, holder_id, id, lock=True))
    await store.drop_waiting(tx, [id], now=now)
    await store.delete(tx, id)


async def rotate(tx: Tx, sealing: Sealing, holder_id: UUID, id: UUID, *, now: datetime) -> tuple[Endpoint, str]:
    """A new secret; the one before signs beside it for 24 hours more. (A third rotation in a day drops the first.)"""
    endpoint = _known(await store.read(tx, holder_id, id, lock=True))
    must_be_ours(endpoint)
    secret, until = _new_secret(), now + OLD_SECRET_LIVES
    await store.rotate(tx, id, _seal(sealing, secret, id), until=until)
    return replace(endpoint, old_secret_until=until), secret


def must_be_ours(endpoint: Endpoint) -> None:
    """Raises VoiceFixed."""
    if endpoint.voice != WEBHOOK:
        raise VoiceFixed(voice=endpoint.voice)


def must_be_active(endpoint: Endpoint) -> None:
    """Raises EndpointDisabled."""
    if endpoint.state != "active":
        raise EndpointDisabled


async def resend(tx: Tx, holder_id: UUID, endpoint_id: UUID, id: UUID, *, now: datetime) -> Delivery:
    """Send one delivery again: the same body and webhook-id. Raises EndpointDisabled, DeliveryUnknown."""
    must_be_active(await read(tx, holder_id, endpoint_id))
    await store.again(tx, endpoint_id, id, now=now)
    found = await store.delivery(tx, endpoint_id, id)
    if found is None:
        raise DeliveryUnknown
    return found


async def list_deliveries(
    tx: Tx, holder_id: UUID, endpoint_id: UUID, *, state: str | None, before: UUID | None, most: int
) -> list[Delivery]:
    """The delivery log of an endpoint with the last tries of each, newest first."""
    await read(tx, holder_id, endpoint_id)
    return await store.deliveries(tx, endpoint_id, state=state, before=before, most=most)


async def given_up(tx: Tx, holder_id: UUID) -> list[tuple[UUID, str, str]]:
    """(id, address as it may be shown, why) of a holder's endpoints that were disabled, but not by itself."""
    return [(id, rules.shown_url(url), why) for id, url, why in await store.disabled(tx, holder_id, wish=BY_OWNER)]
