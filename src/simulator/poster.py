"""A small HTTP client that only posts: kept-alive connections on the bare event loop.

Written by hand because a callback per top-up, a thousand a second, must not cost more than the top-ups themselves.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult, urlsplit

import httptools

AT_ONCE_PER_HOST = 64


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self.heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's, so there is nothing to check here.
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        assert self.transport is not None
        self.heard = False
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiting

    def data_received(self, data: bytes) -> None:
        self.heard = True
        if self.waiting is None or self.waiting.done():
            return self.close()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            self._fail(ValueError(f"unreadable answer: {problem}"))
            self.close()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.close()
        if self.waiting is not None and not self.waiting.done() and status >= 200:
            self.waiting.set_result((status, b"".join(self._body)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._fail(ConnectionResetError("closed without a whole answer"))

    def _fail(self, problem: Exception) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(problem)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
            self.transport = None


class Poster:
    def __init__(self) -> None:
        self._idle: dict[tuple[str, str], list[_Line]] = {}
        self._gates: dict[tuple[str, str], asyncio.Semaphore] = {}

    async def post(
        self, url: str, body: bytes, timeout_s: float, type: str, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Answers status and body. Raises OSError, TimeoutError or ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an http address")
        place = (parts.scheme, parts.netloc)
        gate = self._gates.setdefault(place, asyncio.Semaphore(AT_ONCE_PER_HOST))
        async with gate, asyncio.timeout(timeout_s):
            return await self._exchange(place, parts, _request(parts, body, type, headers))

    async def _exchange(self, place: tuple[str, str], parts: SplitResult, request: bytes) -> tuple[int, bytes]:
        idle = self._idle.setdefault(place, [])
        while idle:
            line = idle.pop()
            if line.transport is None or line.transport.is_closing():
                continue
            try:
                return await self._ask(line, idle, request)
            except ConnectionResetError:
                # A kept connection may have been closed while the request was on its way. Without a single byte
                # of an answer it is sent once more on a new one; a callback may always come twice.
                if line.heard:
                    raise
        return await self._ask(await _connect(parts), idle, request)

    async def _ask(self, line: _Line, idle: list[_Line], request: bytes) -> tuple[int, bytes]:
        try:
            answer = await line.ask(request)
        except BaseException:
            line.close()
            raise
        if line.transport is not None:
            idle.append(line)
        return answer

    def close(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.close()


async def _connect(parts: SplitResult) -> _Line:
    secure = parts.scheme == "https"
    context = ssl.create_default_context() if secure else None
    port = parts.port or (443 if secure else 80)
    _, line = await asyncio.get_running_loop().create_connection(_Line, parts.hostname or "", port, ssl=context)
    return line


def _request(parts: SplitResult, body: bytes, type: str, headers: Mapping[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(character.isspace() for character in target + parts.netloc):
        raise ValueError("spaces in an address")
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
        f"Content-Type: {type}\r\nContent-Length: {len(body)}\r\n"
    )
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}{more}\r\n".encode() + body
