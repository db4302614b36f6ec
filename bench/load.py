"""The load generator: a process of its own that speaks HTTP/1.1 over kept connections and uses little CPU.

Reads one JSON specification from standard input, prints one JSON result. Closed: every connection sends its next
order when the last is answered. Open: orders arrive at a rate, however long the answers take; each is followed by the
reveal of its keys, and time counts from the moment it should have arrived.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from typing import Any

import uvloop

_ORDER = (
    '{"channel_order_no":"%s-%08d","bundle":"%s","quantity":1,"buyer":{"id":"u-%08d","phone":"138%07d1",'
    '"ip":"203.0.113.9","device_id":"d-%08d","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X)"},'
    '"accounts":{"phone":"138%07d1"},"expected_amount":{"amount_minor":%d,"currency":"CNY"},'
    '"metadata":{"campaign":"autumn","store":"0042"},"pay_with":"balance"}'
)


class Line(asyncio.Protocol):
    """One connection: one request at a time, one future per answer."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = b""
        self._body_at = 0
        self._ends_at = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; the future answers (status, body)."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._ends_at:
            head_ends = self._buffer.find(b"\r\n\r\n")
            if head_ends < 0:
                return
            head = self._buffer[:head_ends].lower()
            at = head.index(b"content-length:") + 15
            self._body_at = head_ends + 4
            self._ends_at = self._body_at + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) >= self._ends_at:
            status, body = int(self._buffer[9:12]), self._buffer[self._body_at : self._ends_at]
            self._buffer, self._ends_at = b"", 0
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server closed the connection"))


class Load:
    """What the specification asks for, and what came of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.statuses: Counter[int] = Counter()
        self.bad = ""
        self.took_s: list[float] = []
        self.in_time = 0
        self._sent = 0
        head = (
            f"Host: {told['host']}:{told['port']}\r\nAuthorization: Bearer {told['key']}\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        length = len(self._body(0))
        self._order_head = "POST /v1/orders HTTP/1.1\r\n" + head % length
        self._reveal_rest = head % 0

    def next_order(self) -> bytes:
        self._sent += 1
        return (self._order_head + self._body(self._sent)).encode()

    def _body(self, n: int) -> str:
        told = self.told
        buyer = (told["first_buyer"] + n) % 10_000_000
        return _ORDER % (told["prefix"], n, told["bundle"], buyer, buyer, buyer, buyer, told["price_minor"])

    def note(self, status: int, body: bytes, wanted: int) -> bool:
        self.statuses[status] += 1
        if status != wanted and not self.bad:
            self.bad = body[:600].decode(errors="replace")
        return status == wanted

    async def line(self) -> Line:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Line, self.told["host"], self.told["port"]))[1]

    async def closed(self) -> None:
        lines = [await self.line() for _ in range(self.told["connections"])]
        self.began = time.perf_counter()
        ends = self.began + self.told["seconds"]
        await asyncio.gather(*[self._one_after_the_other(line, ends) for line in lines])

    async def _one_after_the_other(self, line: Line, ends: float) -> None:
        orders_max = self.told.get("orders_max") or 1 << 60
        sent_at = time.perf_counter()
        while sent_at < ends and self._sent < orders_max:
            status, body = await line.ask(self.next_order())
            now = time.perf_counter()
            self.note(status, body, 201)
            self.took_s.append(now - sent_at)
            self.in_time += now <= ends
            sent_at = now

    async def open(self) -> None:
        """Poisson arrivals from a seed, over as many connections as it takes."""
        self._idle = [await self.line() for _ in range(self.told["connections"])]
        chance = random.Random(self.told["seed"])
        self.began = due = time.perf_counter()
        running: set[asyncio.Task[None]] = set()
        while due < self.began + self.told["seconds"]:
            due += chance.expovariate(self.told["rate"])
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self._to_key_in_hand(due))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _to_key_in_hand(self, due: float) -> None:
        line = self._idle.pop() if self._idle else await self.line()
        status, body = await line.ask(self.next_order())
        if self.note(status, body, 201):
            order = json.loads(body)["id"]
            request = f"POST /v1/orders/{order}/reveal HTTP/1.1\r\n{self._reveal_rest}"
            status, body = await line.ask(request.encode())
            if self.note(status, body, 200) and body.count(b'"secret"') < self.told["keys"]:
                self.bad = self.bad or f"keys are missing: {body[:300]!r}"
        self.took_s.append(time.perf_counter() - due)
        self.in_time += 1
        self._idle.append(line)

    def result(self) -> dict[str, Any]:
        took = sorted(self.took_s)
        used = resource.getrusage(resource.RUSAGE_SELF)

        def at(share: float) -> float:
            return 1000 * took[min(len(took) - 1, int(share * len(took)))] if took else 0.0

        return {
            "orders": len(took),
            "orders_per_s": self.in_time / self.told["seconds"],
            "lasted_s": time.perf_counter() - self.began,
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "cpu_s": used.ru_utime + used.ru_stime,
            "statuses": dict(self.statuses),
            "bad": self.bad,
        }


def main() -> None:
    load = Load(json.load(sys.stdin))
    uvloop.run(load.closed() if load.told["how"] == "closed" else load.open())
    print(json.dumps(load.result()))


if __name__ == "__main__":
    main()
