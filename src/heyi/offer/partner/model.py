"""Our counterparts (partners and channels) and the keys with which they call us."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from heyi.kernel.machine import Machine

CHANNEL, PARTNER, OPERATOR = "channel", "partner", "operator"

# What a key may do unless its maker says less.
SCOPES = {
    CHANNEL: frozenset({
        "orders:read", "orders:write", "entitlements:read", "entitlements:write", "bundles:read", "webhooks:read",
        "webhooks:write", "balance:read",
    }),
    PARTNER: frozenset({"redemptions:read", "redemptions:write", "usage:write", "webhooks:read", "webhooks:write"}),
    OPERATOR: frozenset({
        "operator:read", "operator:write", "operator:connect", "operator:finance", "keys:write", "webhooks:read",
        "webhooks:write",
    }),
}  # fmt: skip
# Seen in a key's first letters, so that a key in the wrong place is noticed.
PREFIX = {CHANNEL: "chn", PARTNER: "prt", OPERATOR: "opr"}

LIVE_KEYS_MAX = 2  # of one holder under one label: the old one and the new one while they rotate
RATE_PER_S = 1000  # a key's calls a second unless its maker says otherwise
RATE_PER_S_MAX = 100_000

STATE: Machine[str] = Machine("active", {("active", "suspend"): "suspended", ("suspended", "resume"): "active"})


@dataclass(frozen=True, slots=True)
class Party:
    """A partner or a channel. `contact` is a partner's: names, phones, addresses as the operator keeps them."""

    id: UUID
    code: str
    title: str
    state: str
    created_at: datetime
    contact: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key as it is listed: never the key itself."""

    id: UUID
    holder_kind: str
    holder_id: UUID
    label: str
    tail: str
    scopes: frozenset[str]
    rate_per_s: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: `secret` is shown this once, only its hash is kept."""

    key: AccessKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """Who calls, and what they may do."""

    key_id: UUID
    holder_kind: str
    holder_id: UUID
    scopes: frozenset[str]
    rate_per_s: int


@dataclass(frozen=True, slots=True)
class SupplyKey:
    """A key with which a channel's system buys in a standard of others, as it is listed: never its secrets.

    `key` is how the caller names itself (闲管家's mch_id, dujiao-next's API key); `ips` empty: from anywhere.
    """

    id: UUID
    channel_id: UUID
    standard: str
    label: str
    key: str
    app_id: str | None
    ips: tuple[str, ...]
    rate_per_s: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewSupplyKey:
    """A supply key just made: `secret` is shown this once."""

    key: SupplyKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SupplyAccess:
    """A live supply key with what opens it, for checking and making signatures."""

    id: UUID
    channel_id: UUID
    standard: str
    key: str
    secret: str = field(repr=False)
    app_id: str | None = None
    app_secret: str | None = field(default=None, repr=False)
    ips: tuple[str, ...] = ()
    rate_per_s: int = RATE_PER_S
