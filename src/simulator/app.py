"""The application: one path in, one answer out."""

import asyncio
from pathlib import Path
from urllib.parse import unquote

from simulator.asgi import Answer, Receive, Request, Scope, Send, not_found, read_body
from simulator.buyers import Buyers
from simulator.callbacks import Courier
from simulator.control import Control
from simulator.desk import Desk
from simulator.dialects import SPEECHES
from simulator.dialects.partner import Partner
from simulator.poster import Poster
from simulator.receiver import Receivers
from simulator.supply import SupplierDoor
from simulator.till import Till
from simulator.world import World

DRIPS = 20


class Simulator:
    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._partner = Partner()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            body = await read_body(receive)
            if body is not None:
                await _send(send, await self._answer(Request(scope, body, receive)))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        world = World(self._file)
        poster = Poster()
        courier = Courier(world, poster, SPEECHES)
        desk = Desk(world, courier)
        self._world, self._suppliers = world, SupplierDoor(world, desk, courier)
        self._control, self._receivers, self._till = Control(world, desk), Receivers(world), Till()
        self._buyers = Buyers()
        desk.resume()
        flushing = asyncio.create_task(world.store.keep_flushing())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        flushing.cancel()
        await asyncio.wait([flushing])
        await world.close()
        await self._till.close()
        await self._buyers.close()
        poster.close()
        await send({"type": "lifespan.shutdown.complete"})

    def begin_closing(self) -> None:
        """Held connections end now; otherwise the server would wait for them before it shuts down."""
        if hasattr(self, "_world"):
            self._world.closing.set()

    async def _answer(self, request: Request) -> Answer:
        parts = [unquote(part) for part in request.path.split("/") if part]
        match parts:
            case [] | ["control", *_]:
                return await self._control.answer(request, parts[1:])
            case ["buyers", *rest]:
                return await self._buyers.answer(request, rest)
            case ["till", *rest]:
                return await self._till.answer(request, rest)
            case ["receiver", name]:
                return self._receivers.answer(name, request)
            case ["partner", name, *_] if name in self._world.shops:
                return await self._suppliers.answer(self._world.shops[name], request, self._partner)
            case [name, *_] if name in self._world.shops:
                shop = self._world.shops[name]
                return await self._suppliers.answer(shop, request, SPEECHES[shop.supplier.dialect])
        return not_found(request.path)


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.type), (b"content-length", str(len(answer.body)).encode())]
    if answer.status == 204:
        headers = []
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.drip_ms:
        size = max(1, -(-len(answer.body) // DRIPS))
        for start in range(0, len(answer.body), size):
            await asyncio.sleep(answer.drip_ms / 1000 / DRIPS)
            chunk = answer.body[start : start + size]
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.body", "body": answer.body})
