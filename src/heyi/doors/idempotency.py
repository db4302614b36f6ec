"""`Idempotency-Key` on every POST. Routes with `opt={"stores_no_answer": True}` have their own way or show secrets."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Annotated, Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.middleware import ASGIMiddleware
from litestar.params import Parameter
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from heyi.doors.access import Doorman
from heyi.infra import answers
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused

HEADER = b"idempotency-key"
WAIT_S = 5.0
ASK_AGAIN_S = 0.05
BODY_BYTES_MAX = 1 << 20

# Handlers name it so that it stands in the OpenAPI document; the middleware reads it.
IdempotencyKey = Annotated[str | None, Parameter(header="Idempotency-Key", max_length=255, required=False)]


class KeyReused(Refused):
    """The same Idempotency-Key came with another body."""

    code, kind = "idempotency.key_reused", Kind.UNPROCESSABLE
    zh = "该 Idempotency-Key 已用于另一内容不同的请求"
    en = "this Idempotency-Key was used with another request"


class InProgress(Refused):
    """The first call with this key is still running."""

    code, kind = "idempotency.in_progress", Kind.CONFLICT
    zh = "同一 Idempotency-Key 的首次请求仍在处理"
    en = "the first call with this Idempotency-Key is still running"


class BadKey(Refused):
    """An Idempotency-Key is 1 to 255 visible characters."""

    code, kind = "idempotency.bad_key", Kind.INVALID
    zh = "Idempotency-Key 须为 1 至 255 个可见字符"
    en = "an Idempotency-Key is 1 to 255 visible characters"


class Idempotency(ASGIMiddleware):
    """Answers a repeated POST with its first answer."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        key = _key(scope)
        handler: Any = scope.get("route_handler")
        if key is None or handler is None or handler.opt.get("stores_no_answer"):
            await next_app(scope, receive, send)
            return
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise BadKey
        app = scope["litestar_app"]
        tools: Tools = app.state.tools
        doorman: Doorman = app.state.doorman
        caller = await doorman.caller(ASGIConnection(scope, receive, send))
        body, receive_again = await _whole(receive)
        question = hashlib.blake2b(scope["path"].encode() + b"\0" + scope["query_string"] + b"\0" + body).digest()[:16]
        before = await _first_or_answer(tools, caller.id, key, question)
        if before is not None:
            await _replay(send, before)
            return
        await _run(tools, caller.id, key, next_app, scope, receive_again, send)


def _key(scope: Scope) -> str | None:
    if scope.get("method") != "POST":
        return None
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), None)


async def _first_or_answer(tools: Tools, holder: UUID, key: str, question: bytes) -> answers.Kept | None:
    """None when this call is the first; else the first one's answer, waited for."""
    until = time.monotonic() + WAIT_S
    while True:
        async with tools.db.transaction() as tx:
            kept = await answers.claim(tx, holder, key, question, now=tools.clock.wall())
        if kept.state == "new":
            return None
        if not kept.same_question:
            raise KeyReused
        if kept.state == "answered":
            return kept
        if time.monotonic() > until:
            raise InProgress
        await asyncio.sleep(ASK_AGAIN_S)


async def _run(
    tools: Tools, holder: UUID, key: str, next_app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Run the call, keep its answer before it is sent, and forget it when it was our own error."""
    start: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        if message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
            if message.get("more_body"):
                return
            async with tools.db.transaction() as tx:
                if start["status"] < 500:
                    await answers.keep(tx, holder, key, status=start["status"], body=b"".join(chunks))
                else:
                    await answers.forget(tx, holder, key)
            await send(start)  # type: ignore[arg-type]
            await send({"type": "http.response.body", "body": b"".join(chunks), "more_body": False})

    try:
        await next_app(scope, receive, keep)
    except BaseException as error:
        async with tools.db.transaction() as tx:
            await answers.forget(tx, holder, key)
        raise error


async def _whole(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a `receive` that gives it once more."""
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(bytes(message["body"]))  # type: ignore[typeddict-item]
        more = bool(message.get("more_body", False)) and sum([len(chunk) for chunk in chunks]) <= BODY_BYTES_MAX
    body = b"".join(chunks)
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


async def _replay(send: Send, kept: answers.Kept) -> None:
    kind = b"application/json" if kept.status < 400 else b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", str(len(kept.body)).encode()),
               (b"idempotent-replayed", b"true")]  # fmt: skip
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body, "more_body": False})
