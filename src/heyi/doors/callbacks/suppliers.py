"""`POST /callbacks/{token}`: suppliers tell that an order is finished. The token names the account."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from litestar import Request, Response, post
from litestar.status_codes import HTTP_400_BAD_REQUEST, HTTP_404_NOT_FOUND

from heyi.doors import peers
from heyi.flows import hear
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.provision.fulfilment.hearing import Ack, Arrived
from heyi.provision.fulfilment.suppliers import Callback

BODY_BYTES_MAX = 64 * 1024
TOKEN_MAX = 100

# Callbacks come in swarms after a sale: those that wait together are kept in one transaction.
_ears: WeakKeyDictionary[Any, Gather[Arrived, Ack | None]] = WeakKeyDictionary()


@post(
    "/callbacks/{token:str}",
    include_in_schema=False,
    opt={"stores_no_answer": True},
    request_max_body_size=BODY_BYTES_MAX,
)
async def supplier_callback(token: str, request: Request[Any, Any, Any], tools: Tools) -> Response[str]:
    """The supplier's own word of acknowledgement, or why it is not given: 404 nobody's address, 400 not trusted."""
    if len(token) > TOKEN_MAX or not (token.isascii() and token.isalnum()):
        return _answer("not found", HTTP_404_NOT_FOUND)
    headers = {name.lower(): value for name, value in request.headers.items()}
    address = peers.address_of(request, tools.settings.trusted_proxies)
    query = request.scope["query_string"].decode("latin-1")
    ack = await _ears_of(tools).ask(Arrived(token, Callback(headers, query, await request.body()), address))
    if ack is None:
        return _answer("not found", HTTP_404_NOT_FOUND)
    if not ack.trusted:
        return _answer("not trusted", HTTP_400_BAD_REQUEST)
    return Response(ack.word.body, status_code=ack.word.status, media_type=ack.word.content_type)


def _ears_of(tools: Tools) -> Gather[Arrived, Ack | None]:
    if tools.db not in _ears:
        _ears[tools.db] = Gather(lambda arrived: hear.hear(tools, arrived))
    return _ears[tools.db]


def _answer(text: str, status: int) -> Response[str]:
    return Response(text, status_code=status, media_type="text/plain")


HANDLERS = [supplier_callback]
