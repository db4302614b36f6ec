"""The few HTTP words the simulator needs, on bare ASGI: a framework would cost more than the work it frames."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

import msgspec

BODY_MAX = 4 << 20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Request:
    __slots__ = ("_query", "body", "headers", "method", "path", "query_string", "receive")

    def __init__(self, scope: Scope, body: bytes, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.query_string: bytes = scope["query_string"]
        self.body = body
        self.receive = receive

    def header(self, name: str) -> str:
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")

    def query(self, name: str, otherwise: str = "") -> str:
        return parse_qs(self.query_string.decode("latin-1")).get(name, [otherwise])[0]


def form(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """A form's fields, the last of a name; ValueError for what is not of this charset."""
    pairs = (pair.partition(b"=") for pair in body.replace(b"+", b" ").split(b"&") if pair)
    return {unquote_to_bytes(name).decode(charset): unquote_to_bytes(value).decode(charset) for name, _, value in pairs}


class Answer(msgspec.Struct):
    status: int = 200
    body: bytes = b""
    type: bytes = b"application/json; charset=utf-8"
    drip_ms: int = 0  # spread the body over this long


def as_json(thing: object, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(thing))


def as_html(page: str, status: int = 200) -> Answer:
    return Answer(status, page.encode(), b"text/html; charset=utf-8")


def not_found(what: str) -> Answer:
    return as_json({"error": f"{what} not found"}, 404)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client has gone or sends more than anybody needs."""
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        if message["type"] != "http.request" or len(body) > BODY_MAX:
            return None
        body += message.get("body", b"")
    return body
