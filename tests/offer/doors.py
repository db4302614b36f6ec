"""The offer's doors alone behind one app, and a client that speaks as an operator or as a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

from heyi.app.web import make_litestar
from heyi.doors.operator_api import benefits, bundles, channels, conditions, offers, partners
from heyi.infra.tools import Tools
from heyi.offer import partner

OPERATOR = [*partners.HANDLERS, *channels.HANDLERS, *benefits.HANDLERS, *offers.HANDLERS, *bundles.HANDLERS,
            *conditions.HANDLERS]  # fmt: skip


class Speaker:
    """JSON in, JSON out, with one key."""

    def __init__(self, client: AsyncTestClient[Litestar], key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}

    async def __call__(self, verb: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        answer = await self._client.request(verb, path, json=body, headers=self._headers, **more)
        return answer.status_code, answer.json() if answer.content else None

    async def ok(self, verb: str, path: str, body: Any = None) -> Any:
        status, answer = await self(verb, path, body)
        assert status < 300, answer
        return answer

    def as_key(self, key: str) -> Speaker:
        return Speaker(self._client, key)


@asynccontextmanager
async def speaking_as_operator(tools: Tools) -> AsyncIterator[Speaker]:
    async with tools.db.transaction() as tx:
        first = await partner.bootstrap_operator(tx, now=tools.clock.now())
    assert first is not None, "one operator a database"
    async with AsyncTestClient(make_litestar(tools)) as client:
        yield Speaker(client, first.secret)
