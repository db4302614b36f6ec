"""An operator's client over the tools of a test, in its event loop: the app may call suppliers through them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from heyi.app.web import make_litestar
from heyi.infra.tools import Tools
from heyi.kernel.ids import new_id
from heyi.offer import partner


class Operator:
    """`ask` answers the parsed body of a call, whose status must be as expected."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def ask(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        reply = await self.client.request(method, f"/v1/operator{path}", **more)
        assert reply.status_code == expect, reply.text
        return reply.json()


@asynccontextmanager
async def operating(tools: Tools) -> AsyncIterator[Operator]:
    async with tools.db.transaction() as tx:
        made = await partner.make_access_key(tx, "operator", new_id(1), label="test", now=tools.clock.now())
    transport = httpx2.ASGITransport(app=make_litestar(tools))  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://heyi") as client:
        client.headers.update({"Authorization": f"Bearer {made.secret}", "Accept-Language": "en"})
        yield Operator(client)
