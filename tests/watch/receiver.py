"""The other side of a webhook, in the test's own loop: keeps what comes and answers what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class Received:
    """One request, as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verifies(self, secret: str) -> bool:
        """Whether the public library accepts it under this secret alone."""
        try:
            Webhook(secret).verify(self.body, self.headers, json_parse=False)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Receiver:
    """`status` says what the next requests are answered; `hold` keeps answers back until it is set."""

    url: str
    status: Callable[[Received], int] = lambda _: 204
    got: list[Received] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    open_now: int = 0
    open_most: int = 0


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver("")
    receiver.hold.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
            received = Received(headers, await reader.readexactly(int(headers.get("content-length", "0"))))
            receiver.got.append(received)
            receiver.open_now += 1
            receiver.open_most = max(receiver.open_most, receiver.open_now)
            await receiver.hold.wait()
            status = receiver.status(received)
            writer.write(f"HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        finally:
            receiver.open_now -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=t0p"
    async with server:
        yield receiver
