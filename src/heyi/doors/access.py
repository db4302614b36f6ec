"""Who calls, and what they may do. Every route names a guard; a test walks all routes and all kinds of caller."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from heyi.infra.sealing import key_hash
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import to_text
from heyi.offer import partner

Connection = ASGIConnection[Any, Any, Any, Any]

# A revoked key stops within this time on every process; asking the database for each call would cost a round trip.
REMEMBERED_S = 5.0
KEYS_REMEMBERED_MAX = 10_000
_PREFIXES = {"channel": "chn", "partner": "prt", "operator": "opr"}


class Unauthenticated(Refused):
    """No key, or one that is unknown, expired or revoked."""

    code, kind = "access.unauthenticated", Kind.UNAUTHORISED
    zh = "缺少有效的 API 密钥(Authorization: Bearer …)"
    en = "a valid API key is needed (Authorization: Bearer …)"


class Forbidden(Refused):
    """The key is good, but not for this."""

    code, kind = "access.forbidden", Kind.FORBIDDEN
    zh = "该密钥无权执行此操作(需要 {scope})"
    en = "this key may not do that ({scope} is needed)"


class TooFast(Refused):
    """The key went over its rate."""

    code, kind = "access.too_fast", Kind.TOO_MANY
    zh = "超过该密钥的速率上限 {rate_per_s} 次/秒"
    en = "over this key's rate of {rate_per_s} calls a second"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: kind is channel, partner or operator, `id` theirs."""

    kind: str
    id: UUID
    key_id: UUID
    scopes: frozenset[str]
    rate_per_s: int

    @property
    def name(self) -> str:
        """How facts name the one who did it."""
        return f"{self.kind}:{to_text(_PREFIXES[self.kind], self.id)}"


class Doorman:
    """Knows keys by hash, remembers them for a few seconds, and counts calls per key (a bucket of one second)."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._buckets: dict[UUID, tuple[float, float]] = {}

    async def caller(self, connection: Connection) -> Caller:
        """The caller of this request. Raises Unauthenticated or TooFast; counted once per request."""
        there = connection.scope.get("heyi.caller")
        if isinstance(there, Caller):
            return there
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated
        caller = await self._look_up(key_hash(secret.strip()))
        if caller is None:
            raise Unauthenticated
        self.count(caller)
        connection.scope["heyi.caller"] = caller  # type: ignore[typeddict-unknown-key]
        return caller

    async def _look_up(self, hashed: bytes) -> Caller | None:
        now = time.monotonic()
        known = self._known.get(hashed)
        if known is not None and now - known[0] < REMEMBERED_S:
            return known[1]
        async with self._tools.db.reading() as tx:
            access = await partner.find_access(tx, hashed, now=self._tools.clock.now())
        caller = None
        if access is not None:
            caller = Caller(
                access.holder_kind, access.holder_id, access.key_id, frozenset(access.scopes), access.rate_per_s
            )
        if len(self._known) >= KEYS_REMEMBERED_MAX:
            self._known.clear()  # strangers' guesses must not fill the memory
        self._known[hashed] = (now, caller)
        return caller

    def count(self, caller: Caller) -> None:
        """One call of this key. Raises TooFast."""
        now = time.monotonic()
        left, since = self._buckets.get(caller.key_id, (float(caller.rate_per_s), now))
        left = min(float(caller.rate_per_s), left + (now - since) * caller.rate_per_s)
        if left < 1:
            raise TooFast(rate_per_s=caller.rate_per_s, retry_after_s=1)
        self._buckets[caller.key_id] = (left - 1, now)


class allow:
    """A guard: these kinds of caller (one or several), with this scope."""

    def __init__(self, kind: str | tuple[str, ...], scope: str) -> None:
        self.kinds = (kind,) if isinstance(kind, str) else kind
        self.scope = scope

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        doorman: Doorman = connection.app.state.doorman
        caller = await doorman.caller(connection)
        if caller.kind not in self.kinds or self.scope not in caller.scopes:
            raise Forbidden(scope=self.scope)


CONNECT = allow("operator", "operator:connect")  # what decides where credentials are sent
FINANCE = allow("operator", "operator:finance")  # what books money, or says how far it may be owed


def must_connect(caller: Caller, *parts: object) -> None:
    """These parts of a request (None: left out) decide where credentials are sent. Raises Forbidden."""
    if any(part is not None for part in parts) and CONNECT.scope not in caller.scopes:
        raise Forbidden(scope=CONNECT.scope)


def caller_of(scope: Any) -> Caller:
    """The `caller` dependency: the guard has already found it."""
    caller: Caller = scope["heyi.caller"]
    return caller
