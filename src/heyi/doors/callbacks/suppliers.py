"""`/callbacks/{token}`: suppliers tell that an order is finished. The token names the account."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_404_NOT_FOUND

from heyi.doors import peers
from heyi.flows import hear
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.provision.fulfilment.hearing import Ack, Arrived
from heyi.provision.fulfilment.suppliers import Callback

BODY_BYTES_MAX = 64 * 1024
TOKEN_MAX = 100

# Callbacks come in swarms after a sale: those that wait together are kept in one transaction.
_ears: WeakKeyDictionary[Any, Gather[Arrived, Ack | None]] = WeakKeyDictionary()


class NotJudged(Refused):
    """The callback is kept, and nobody came to judge it yet: whoever calls again is answered."""

    code, kind = "callback.not_judged", Kind.UNAVAILABLE
    zh, en = "回调已保存，请稍后重试", "The callback is kept: call again in a moment"


@route(
    "/callbacks/{token:str}",
    http_method=[HttpMethod.GET, HttpMethod.POST],
    status_code=HTTP_200_OK,
    include_in_schema=False,
    opt={"stores_no_answer": True},
    request_max_body_size=BODY_BYTES_MAX,
)
async def supplier_callback(token: str, request: Request[Any, Any, Any], tools: Tools) -> Response[str]:
    """The supplier's own word of acknowledgement, or why it is not given: 404 nobody's address, 400 not trusted, 413
    longer than it is read. Some suppliers call with GET; who does not speak so is not understood."""
    if len(token) > TOKEN_MAX or not (token.isascii() and token.isalnum()):
        return _answer("not found", HTTP_404_NOT_FOUND)
    headers: dict[str, str] = {}
    for name, value in request.headers.multi_items():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    query = request.scope["query_string"].decode("latin-1")
    body, length = await _body(request, headers.get("content-length", ""))
    callback = Callback(headers, query, body, request.method)
    address = peers.address_of(request, tools.settings.trusted_proxies)
    ack = await _ears_of(tools).ask(Arrived(token, callback, address, length))
    if ack is None:
        return _answer("not found", HTTP_404_NOT_FOUND)
    if ack.verdict == "kept":
        raise NotJudged
    if ack.verdict == "too_large":
        raise RequestEntityTooLarge
    if not ack.trusted:
        return _answer("not trusted", HTTP_400_BAD_REQUEST)
    return Response(ack.word.body, status_code=ack.word.status, media_type=ack.word.content_type)


async def _body(request: Request[Any, Any, Any], announced: str) -> tuple[bytes, int | None]:
    """The body; when it is too long to be read, how long it was to be."""
    try:
        return await request.body(), None
    except RequestEntityTooLarge:
        told = int(announced) if announced.isascii() and announced.isdecimal() else 0
        return b"", max(told, BODY_BYTES_MAX + 1)


def _ears_of(tools: Tools) -> Gather[Arrived, Ack | None]:
    if tools.db not in _ears:
        _ears[tools.db] = Gather(lambda arrived: hear.hear(tools, arrived))
    return _ears[tools.db]


def _answer(text: str, status: int) -> Response[str]:
    return Response(text, status_code=status, media_type="text/plain")


HANDLERS = [supplier_callback]
