"""The driver that talks to suppliers: what was sent once is never sent again by itself."""

from __future__ import annotations

import asyncio

from heyi.infra.http import Heard, Http
from heyi.kernel.talk import Call, Delivered, Talk, Unknown


async def test_a_broken_connection_is_not_a_second_request() -> None:
    """A kept connection breaks after the second request was heard: the answer is unknown, and nobody asks again."""
    heard = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b""):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Http() as http:
        call = Call("GET", f"http://127.0.0.1:{port}/buy?number=1")
        assert (await http.send(call, timeout_s=5)).reply is not None
        broken = await http.send(call, timeout_s=5)
    assert broken.reply is None
    assert broken.error
    assert len(heard) == 2


async def test_all_exchanges_of_a_talk_are_bounded_together() -> None:
    """A login that takes most of the time leaves the purchase the rest, not as much again: leases are that long."""
    heard: list[Heard] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"/buy" in head:
                await reader.read()  # until they hang up
                break
            await asyncio.wait_for(asyncio.shield(late.wait()), 5)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    def talk(url: str) -> Talk:
        yield Call("GET", f"{url}/login")
        yield Call("POST", f"{url}/buy")
        return Delivered()

    late = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Http() as http:
        asyncio.get_running_loop().call_later(0.3, late.set)
        answer = await http.hold(talk(url), timeout_s=0.5, heard=heard)
    assert answer == Unknown("timeout")
    assert [one.error for one in heard] == ["", "timeout"]
    assert sum(one.duration_ms for one in heard) < 750, "not .3 + .5 s"


async def test_the_whole_exchange_is_bounded() -> None:
    """A server that drips a byte at a time, and one that never stops: both end as silence with a reason."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * (65536 if b"/flood" in head else 1))
            await writer.drain()
            await asyncio.sleep(0 if b"/flood" in head else 0.02)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Http() as http:
        slow = await http.send(Call("POST", f"{url}/slow"), timeout_s=0.3)
        flood = await http.send(Call("POST", f"{url}/flood"), timeout_s=10)
    server.close()
    assert (slow.reply, slow.error) == (None, "timeout")
    assert (flood.reply, flood.error) == (None, "body too long")
