"""The web process: every door behind one ASGI app.

`make_app` is the table of contents of our HTTP surface; `python -m heyi.app.web` serves it.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import HTTPException

from heyi.app.wiring import open_tools
from heyi.doors import docs, openapi
from heyi.doors.access import Doorman, caller_of
from heyi.doors.callbacks import HANDLERS as CALLBACKS
from heyi.doors.front import Front
from heyi.doors.idempotency import Idempotency
from heyi.doors.open_api.v1 import HANDLERS as OPEN
from heyi.doors.operator_api import HANDLERS as OPERATOR
from heyi.doors.problems import on_crash, on_http, on_refused
from heyi.doors.reading import StrictRequest
from heyi.doors.supply import HANDLERS as SUPPLY
from heyi.flows import buy
from heyi.infra import telemetry
from heyi.infra.gather import Gather
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.order.checkout import Asked

BODY_BYTES_MAX = 1 << 20


@get("/healthz", include_in_schema=False)
async def healthz(tools: Tools) -> dict[str, str]:
    """Ready: the database answers."""
    async with tools.db.reading() as tx:
        await tx.row("select 1 as one")
    return {"status": "ok"}


@get("/metrics", include_in_schema=False)
async def metrics() -> Response[bytes]:
    return Response(telemetry.metrics(), media_type="text/plain; version=0.0.4")


def make_litestar(tools: Tools) -> Litestar:
    """All routes over these tools (already open)."""

    async def place(asked: Sequence[Asked]) -> list[buy.Answer]:
        telemetry.batch_size.labels("buy").observe(len(asked))
        with telemetry.batch_seconds.labels("buy").time():
            answers = await buy.buy(tools, asked)
        placed = sum([not isinstance(answer, Refused) and not answer[1] for answer in answers])
        telemetry.orders_placed.labels("balance").inc(placed)
        return answers

    orders: Gather[Asked, buy.Answer] = Gather(
        place,
        batch_max=tools.settings.batch_max,
        runners_max=tools.settings.web_connections,
    )
    app = Litestar(
        route_handlers=[
            Router("/v1", route_handlers=OPEN),
            Router("/v1/operator", route_handlers=OPERATOR),
            *CALLBACKS,
            *SUPPLY,
            docs.page,
            healthz,
            metrics,
        ],
        dependencies={
            "tools": Provide(lambda: tools, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        middleware=[Idempotency()],
        request_class=StrictRequest,
        exception_handlers={Refused: on_refused, HTTPException: on_http, Exception: on_crash},
        openapi_config=openapi.config(),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        debug=False,
    )
    app.state.tools = tools
    app.state.orders = orders
    app.state.doorman = Doorman(tools)
    return app


class Lazy:
    """An ASGI app whose tools are opened in the process that serves it (uvicorn forks workers before that)."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await self._app(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            self._app = Front(await self._stack.enter_async_context(serving()))  # type: ignore[arg-type]
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def serving() -> AsyncIterator[Litestar]:
    settings = Settings.from_environment()
    telemetry.set_up_logs(settings, "web")
    # The order path has its own share of connections; the rest serves reads and everything else.
    async with open_tools(settings, name="web", connections_max=settings.web_connections + 6) as tools:
        app = make_litestar(tools)
        # What is loaded by now stays: collecting garbage need not look at it again for every few hundred objects.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        yield app


def make_app() -> Lazy:
    """The factory that uvicorn calls in every worker process."""
    return Lazy()


def main() -> None:
    """`python -m heyi.app.web --port 8700 --processes 2`"""
    parser = argparse.ArgumentParser(description="Serve heyi's HTTP doors.")
    parser.add_argument("--host", default=os.environ.get("HEYI_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("HEYI_PORT", "8700")))
    parser.add_argument("--processes", type=int, default=int(os.environ.get("HEYI_WEB_PROCESSES", "1")))
    told = parser.parse_args()
    uvicorn.run(
        "heyi.app.web:make_app",
        factory=True,
        host=told.host,
        port=told.port,
        workers=told.processes,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=10,
        server_header=False,
        proxy_headers=False,  # doors/peers.py believes only the proxies that the settings name
    )


if __name__ == "__main__":
    main()
