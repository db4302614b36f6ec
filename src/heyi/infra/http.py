"""The one driver for everything we call: suppliers and webhook endpoints. Only kernel words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType

import httpx2

from heyi.infra.guard import Allowed, guarded
from heyi.kernel.talk import Answer, Call, Reply, Talk, Unknown

BODY_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Heard:
    """Both sides of one exchange, for the record. `reply` is None when nothing (readable) came back."""

    call: Call
    reply: Reply | None
    error: str
    duration_ms: int


Record = Callable[[Heard], Awaitable[None] | None]


class Http:
    """An HTTP client with a pool; certificates are checked, redirects are not followed, bodies are bounded.

    `allowed` says which addresses may be connected to (None: any); it is asked about what the name resolved to.
    """

    def __init__(self, *, connections_max: int = 500, allowed: Allowed | None = None) -> None:
        limits = httpx2.Limits(max_connections=connections_max, max_keepalive_connections=connections_max)
        transport = None if allowed is None else guarded(limits, allowed)
        self._client = httpx2.AsyncClient(limits=limits, follow_redirects=False, trust_env=False, transport=transport)

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._client.aclose()

    async def send(self, call: Call, *, timeout_s: float) -> Heard:
        """One request; never raises for what the network or the other side does.

        `timeout_s` bounds the whole exchange: a server that drips one byte a second must not outlive a lease.
        """
        started = time.perf_counter()

        def heard(reply: Reply | None, error: str) -> Heard:
            return Heard(call, reply, error, int((time.perf_counter() - started) * 1000))

        body = b""
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client.stream(
                    call.method, call.url, headers=dict(call.headers), content=call.body or None, timeout=timeout_s
                ) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        return heard(None, "body too long")
        except (httpx2.TimeoutException, TimeoutError):
            return heard(None, "timeout")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return heard(None, type(error).__name__)
        return heard(Reply(answer.status_code, dict(answer.headers), body), "")

    async def hold(self, talk: Talk, *, timeout_s: float, heard: list[Heard]) -> Answer:
        """Run a talk to its end. Every exchange is appended to `heard`; silence ends the talk as Unknown."""
        try:
            call = next(talk)
            while True:
                exchange = await self.send(call, timeout_s=timeout_s)
                heard.append(exchange)
                if exchange.reply is None:
                    talk.close()
                    return Unknown(exchange.error)
                call = talk.send(exchange.reply)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
