"""The one driver for everything we call: suppliers and webhook endpoints. Only kernel words.

Two libraries do the talking. Suppliers are a few hosts called a thousand times a second: aiohttp costs .13 ms of CPU a
request there, httpx2 1 ms and more (its pool looks at every connection for every request). Webhook endpoints are
strangers' addresses: httpx2 lets us choose the address at the moment of connecting (guard.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import aiohttp
import httpx2
from yarl import URL

from heyi.infra.guard import Allowed, guarded
from heyi.kernel.talk import Answer, Call, Look, Reply, Talk, Unknown

T = TypeVar("T")
BODY_BYTES_MAX = 1 << 20
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)  # send() has its own, around the whole exchange


@dataclass(frozen=True, slots=True)
class Heard:
    """Both sides of one exchange, for the record. `reply` is None when nothing (readable) came back; not `sent`: there
    was never a connection, so that nothing can have been heard over there."""

    call: Call
    reply: Reply | None
    error: str
    duration_ms: int
    sent: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


_Exchange = Callable[[Call], AbstractAsyncContextManager[_Answer]]


class Http:
    """An HTTP client with a pool; certificates are checked, redirects are not followed, bodies are bounded.

    A request is never repeated by itself: it may have been heard. `allowed` says which addresses may be connected to
    (None: any); it is asked about what the name resolved to. Open it with `async with`.
    """

    def __init__(self, *, connections_max: int = 500, allowed: Allowed | None = None) -> None:
        self._connections_max, self._allowed = connections_max, allowed
        self._exchange: _Exchange
        self._close: Callable[[], Awaitable[None]]

    async def __aenter__(self) -> Http:
        if self._allowed is None:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections_max),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_NO_TIMEOUT,
                headers={"User-Agent": "heyi"},
            )
            # aiohttp repeats a GET by itself when its connection breaks; a supplier that sells by GET would sell twice.
            session._retry_connection = False
            self._exchange, self._close = _through(session), session.close
        else:
            limits = httpx2.Limits(
                max_connections=self._connections_max, max_keepalive_connections=self._connections_max
            )
            client = httpx2.AsyncClient(
                limits=limits, trust_env=False, transport=guarded(limits, self._allowed), timeout=None,
                headers={"User-Agent": "heyi"},
            )  # fmt: skip
            self._exchange, self._close = _guarded(client), client.aclose
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._close()

    async def send(self, call: Call, *, timeout_s: float) -> Heard:
        """One request; never raises for what the network or the other side does.

        `timeout_s` bounds the whole exchange: a server that drips one byte a second must not outlive a lease.
        """
        started = time.perf_counter()

        def heard(reply: Reply | None, error: str, *, sent: bool = True) -> Heard:
            return Heard(call, reply, error, int((time.perf_counter() - started) * 1000), sent)

        body = b""
        try:
            async with asyncio.timeout(timeout_s), self._exchange(call) as answer:
                async for chunk in answer.chunks:
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        return heard(None, "body too long")
        except (httpx2.TimeoutException, TimeoutError):
            return heard(None, "timeout")
        except aiohttp.ClientConnectorError as error:
            return heard(None, type(error).__name__, sent=False)
        except (aiohttp.ClientError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            return heard(None, type(error).__name__)
        return heard(Reply(answer.status, answer.headers, body), "")

    async def hold(self, talk: Talk, *, timeout_s: float, heard: list[Heard]) -> Answer:
        """Run a talk to its end. Every exchange is appended to `heard`; silence ends the talk as Unknown."""
        answer = await self.look(talk, timeout_s=timeout_s, heard=heard)
        return Unknown(heard[-1].error) if answer is None else answer

    async def look(self, look: Look[T], *, timeout_s: float, heard: list[Heard]) -> T | None:
        """Run a look to its end; None when an exchange brought no answer (`heard[-1].error` says why).

        `timeout_s` bounds all of its exchanges together: a lease is as long as that, and not as long as a login too.
        """
        ends = time.perf_counter() + timeout_s
        try:
            call = next(look)
            while True:
                exchange = await self.send(call, timeout_s=max(0.0, ends - time.perf_counter()))
                heard.append(exchange)
                if exchange.reply is None:
                    look.close()
                    return None
                call = look.send(exchange.reply)
        except StopIteration as end:
            found: T = end.value
            return found


def _through(session: aiohttp.ClientSession) -> _Exchange:
    @asynccontextmanager
    async def exchange(call: Call) -> AsyncIterator[_Answer]:
        # encoded=True: the address goes out as it was signed.
        async with session.request(
            call.method, URL(call.url, encoded=True), headers=call.headers, data=call.body or None,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            headers = {name.lower(): value for name, value in answer.headers.items()}
            yield _Answer(answer.status, headers, answer.content.iter_any())

    return exchange


def _guarded(client: httpx2.AsyncClient) -> _Exchange:
    @asynccontextmanager
    async def exchange(call: Call) -> AsyncIterator[_Answer]:
        async with client.stream(
            call.method, call.url, headers=dict(call.headers), content=call.body or None
        ) as answer:  # fmt: skip
            yield _Answer(answer.status_code, dict(answer.headers), answer.aiter_bytes())

    return exchange
