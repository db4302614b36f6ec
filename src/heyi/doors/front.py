"""The outermost layer: a trace id for every request, and what no route should ever see."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

import msgspec

from heyi.infra.telemetry import new_trace_id, request_seconds, trace_id

ASGI = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
_TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")


class Front:
    """Wraps the application."""

    def __init__(self, app: ASGI) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            trace_id.set(_given_trace_id(scope) or new_trace_id())
            # PostgreSQL cannot store NUL: a text with it is a mistake or an attack wherever it stands.
            if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                await _refuse_nul(scope, send)
                return
            await self._measured(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _measured(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        started, status = perf_counter(), 0

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._app(scope, receive, noting)
        # The route's pattern, never the path: ids would make a series each.
        route = scope.get("path_template") or "no such route"
        request_seconds.labels(route, status).observe(perf_counter() - started)


def _given_trace_id(scope: MutableMapping[str, Any]) -> str | None:
    """The trace id of a W3C traceparent header, so that a caller's trace and ours are one."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            match = _TRACEPARENT.match(value)
            return match[1].decode() if match else None
    return None


async def _refuse_nul(scope: MutableMapping[str, Any], send: Any) -> None:
    problem = {
        "type": "https://heyi.invalid/problems/request.invalid",
        "title": "请求格式有误",
        "status": 400,
        "detail": "地址中含有 NUL 字符 (the address contains a NUL character)",
        "instance": scope["path"].replace("\x00", ""),
        "code": "request.invalid",
        "trace_id": trace_id.get(),
    }
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
