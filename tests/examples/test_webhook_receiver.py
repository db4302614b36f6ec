"""The example receiver, run as its reader would run it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.watch.conftest import MovableClock
from tests.watch.world import fresh, listen, paid, send_due, state

from heyi.flows import tell
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.watch.webhook import endpoints

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhook_receiver.py"
DEADLINE_S = 20.0


@asynccontextmanager
async def running(secret: str, port: str = "0") -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), "--port", port, env={**os.environ, "WEBHOOK_SECRET": secret},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


async def said(lines: asyncio.StreamReader) -> Any:
    return json.loads(await asyncio.wait_for(lines.readline(), DEADLINE_S))


async def test_it_takes_what_is_ours_and_refuses_what_is_not(tools: Tools) -> None:
    live = replace(tools, clock=MovableClock(tools.clock.now()))
    channel, secret = fresh(live), "whsec_" + "a" * 32
    async with running(secret) as lines, Http() as http:
        url = (await said(lines))["listening"]
        old, _ = await listen(live, channel, url)
        await tell.those_concerned(live, await state(live, [paid(channel)]))
        await send_due(live, http)
        assert "refused" in await said(lines)

    endpoint, secret = await listen(live, channel, url)
    async with running(secret, url.rstrip("/").rpartition(":")[2]) as lines, Http() as http:
        await said(lines)
        await tell.those_concerned(live, await state(live, [paid(channel)]))
        async with live.db.transaction() as tx:
            await endpoints.change(tx, channel, old.id, state="disabled", now=live.clock.now())
        await send_due(live, http)
        first = await said(lines)
        assert (first["type"], first["again"]) == ("order.paid", False)
        async with live.db.transaction() as tx:
            (delivery,) = await endpoints.list_deliveries(tx, channel, endpoint.id, state=None, before=None, most=9)
            await endpoints.resend(tx, channel, endpoint.id, delivery.id, now=live.clock.now())
        await send_due(live, http)
        assert await said(lines) == {**first, "again": True}
