"""A dujiao-next site buys: its upstream API, with us as the upstream. Amounts are text, ids are numbers.

Facts: see heyi/offer/partner/standards/dujiao_next.py.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.exceptions import HTTPException
from msgspec import Meta

from heyi.doors.problems import STATUS, on_crash
from heyi.doors.shapes import Short
from heyi.doors.supply import entry
from heyi.flows import supply
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import partner
from heyi.offer.catalog.errors import BundleNotFound
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards import DUJIAO_NEXT, Bought, Goods, accounts_of, dujiao_next
from heyi.order.checkout import Order
from heyi.settle import ledger

AskedBy = Request[Any, Any, Any]
SITE = "heyi 合益"
PAGE_SIZE, PAGE_SIZE_MAX, PAGES_MAX = 20, 100, 1_000_000
NUMBER_MAX = 2**53
NONCE_MAX = 128
# Our codes in its words, and in no others; what is not named here is a bad request.
WORDS = {
    "supply.key_unknown": (401, "invalid_api_key"), "supply.signature": (401, "invalid_signature"),
    "supply.clock": (401, "timestamp_expired"), "supply.address": (403, "invalid_api_key"),
    "supply.replayed": (401, "invalid_signature"), "supply.unsigned": (401, "missing_auth_headers"),
    "supply.timestamp": (401, "invalid_timestamp"),
    "supply.callback": (400, "invalid_callback_url"), "supply.goods_unknown": (400, "sku_unavailable"),
    "supply.product_unknown": (404, "product_not_found"), "supply.product_off_sale": (404, "product_unavailable"),
    "supply.cancel": (409, "cancel_not_allowed"),
    "bundle.not_found": (400, "sku_unavailable"), "bundle.version_not_found": (400, "sku_unavailable"),
    "bundle.not_on_sale": (400, "product_unavailable"), "bundle.no_offer": (400, "product_unavailable"),
    "stock.sold_out": (409, "insufficient_stock"), "ledger.deposit_too_low": (402, "insufficient_balance"),
    "order.not_found": (404, "order_not_found"), "order.number_reused": (400, "bad_request"),
}  # fmt: skip
BY_KIND = {Kind.INVALID: 400, Kind.UNPROCESSABLE: 400}
SAME = entry.fingerprint(DUJIAO_NEXT)  # a number is the whole question


class Unsigned(Refused):
    """One of the three headers is missing."""

    code, kind = "supply.unsigned", Kind.UNAUTHORISED
    zh, en = "缺少签名请求头", "a header of the signature is missing"


class TimestampMalformed(Refused):
    """The timestamp is not a number of seconds."""

    code, kind = "supply.timestamp", Kind.UNAUTHORISED
    zh, en = "时间戳格式错误", "the timestamp is not a number of seconds"


class ProductUnknown(Refused):
    """Nothing of this number is sold to the caller."""

    code, kind = "supply.product_unknown", Kind.NOT_FOUND
    zh, en = "商品不存在", "there is no such product"


class ProductOffSale(Refused):
    """The product is known, and not on sale (now, or in this standard's words): what was mapped to it is kept."""

    code, kind = "supply.product_off_sale", Kind.NOT_FOUND
    zh, en = "商品已下架", "the product is not on sale now"


class OrderUnknown(Refused):
    """The caller has no such order."""

    code, kind = "order.not_found", Kind.NOT_FOUND
    zh, en = "订单不存在", "there is no such order"


class CancelNotAllowed(Refused):
    """Orders are paid in the call that places them, and delivery has begun."""

    code, kind = "supply.cancel", Kind.CONFLICT
    zh, en = "订单已支付，不能取消", "the order is paid and cannot be cancelled"


class OrderBody(msgspec.Struct):
    sku_id: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]
    manual_form_data: Annotated[dict[Short, entry.Text | int], Meta(max_length=50)] | None = None
    downstream_order_no: entry.Maybe = ""
    trace_id: entry.Text = ""
    callback_url: entry.Callback | None = None


async def _asked(request: AskedBy, tools: Tools) -> tuple[SupplyAccess, bytes]:
    """Who asks and the bytes he signed; raises what is wrong with either. A nonce is used up once all else is right."""
    headers, body = request.headers, await request.body()
    key, timestamp, signature, nonce = [headers.get(name) for name in (
        dujiao_next.KEY, dujiao_next.TIMESTAMP, dujiao_next.SIGNATURE, dujiao_next.NONCE)]  # fmt: skip
    if not key or not timestamp or not signature:
        raise Unsigned
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise TimestampMalformed
    if nonce is not None and not (0 < len(nonce) <= NONCE_MAX and nonce.isascii() and nonce.isprintable()):
        raise entry.BodyWrong(what="Dujiao-Next-Nonce")
    access = await entry.key_holder(request, tools, DUJIAO_NEXT, key)
    entry.check_clock(tools, timestamp, skew_s=dujiao_next.SKEW_S)
    path = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1").partition("?")[0]
    right = dujiao_next.signature(access.secret, request.method, path, timestamp, body, nonce)
    entry.check_signature(signature, right)
    entry.count(request, access)
    if nonce is not None:
        async with tools.db.transaction() as tx:
            if not await partner.supply.use_nonce(tx, access.id, nonce, wall=tools.clock.wall()):
                raise entry.Replayed
    return access, body


@post("/ping")
async def ping(request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, _ = await _asked(request, tools)
    async with tools.db.transaction() as tx:
        purse = (await ledger.deposits(tx, [access.channel_id])).get(access.channel_id)
        user = (await partner.supply.numbers(tx, [access.channel_id]))[access.channel_id]
    left = Money(0, "CNY") if purse is None else Money(max(0, purse.spendable_minor), purse.balance.currency)
    return _ok({
        "site_name": SITE, "protocol_version": dujiao_next.PROTOCOL, "user_id": user,
        "balance": dujiao_next.amount(left), "currency": left.currency, "member_level": None,
    })  # fmt: skip


@get("/categories")
async def categories(request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    await _asked(request, tools)
    return _ok({"categories": dujiao_next.categories()})


@get("/products")
async def products(request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, _ = await _asked(request, tools)
    page, size = _number(request, "page", 1, PAGES_MAX), _number(request, "page_size", PAGE_SIZE, PAGE_SIZE_MAX)
    found = [
        dujiao_next.product(line.answer, line.number)
        for line in await supply.lines(tools, DUJIAO_NEXT, access.channel_id)
        if isinstance(line.answer, Goods)
    ]
    shown = found[(page - 1) * size : page * size]
    return _ok({"items": shown, "total": len(found), "page": page, "page_size": size})


@get("/products/{number:str}")
async def product(number: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, _ = await _asked(request, tools)
    line = await _line(tools, access, _id(number))
    if isinstance(line, BundleNotFound):
        raise ProductUnknown
    if isinstance(line, Refused) or not isinstance(line.answer, Goods):
        raise ProductOffSale
    return _ok({"product": dujiao_next.product(line.answer, line.number)})


@post("/orders")
async def place_order(request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    """By the document a number that is known answers its order, whatever else is asked with it. A call without one is
    known by its signature: the same bytes heard twice are one order."""
    access, body = await _asked(request, tools)
    data = entry.decoded(body, OrderBody)
    number = data.downstream_order_no.strip() or f"auto_{request.headers[dujiao_next.SIGNATURE][:32]}"
    if await supply.find(tools, access.channel_id, number=number) is not None:
        order = await entry.place(request, access, number, SAME, line=None)
    else:
        order = await _place_new(request, tools, access, data, number)
    found = entry.bought_in(order, access)
    if found is None:
        raise OrderUnknown
    return _ok(dujiao_next.placed(await supply.report(tools, *found, by=entry.by(access), shows=False)))


async def _place_new(
    request: AskedBy, tools: Tools, access: SupplyAccess, data: OrderBody, number: str
) -> Order:  # fmt: skip
    line = await _line(tools, access, data.sku_id)
    if isinstance(line, Refused) or not isinstance(line.answer, Goods):
        raise entry.GoodsUnknown
    given = {name: str(value) for name, value in (data.manual_form_data or {}).items()}
    accounts = accounts_of(line.answer, given)
    if isinstance(accounts, Refused):
        raise accounts
    if data.callback_url:
        await entry.check_callback(tools, data.callback_url)
    bought = Bought(DUJIAO_NEXT, access.key, line.answer.kind, line.bundle.title, line.number,
                    data.callback_url or None, data.trace_id or None)  # fmt: skip
    return await entry.place(request, access, number, SAME, line=line, quantity=data.quantity, accounts=accounts,
                             bought=bought)  # fmt: skip


@get("/orders/{number:str}")
async def order(number: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, _ = await _asked(request, tools)
    found = await _order(tools, access, number)
    return _ok(dujiao_next.detail(await supply.report(tools, *found, by=entry.by(access))))


@post("/orders/{number:str}/cancel")
async def cancel_order(number: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    """Only what has come to nothing already is cancelled: what is paid is on its way."""
    access, _ = await _asked(request, tools)
    found = await _order(tools, access, number)
    told = dujiao_next.placed(await supply.report(tools, *found, by=entry.by(access), shows=False))
    if told["status"] != "canceled":
        raise CancelNotAllowed
    return _ok({name: told[name] for name in ("order_id", "order_no", "status")})


async def _line(tools: Tools, access: SupplyAccess, number: int) -> supply.Line | Refused:
    id = await supply.behind(tools, number)
    if id is None:
        return BundleNotFound()
    return await supply.line(tools, DUJIAO_NEXT, access.channel_id, to_text("bnd", id))


async def _order(tools: Tools, access: SupplyAccess, number: str) -> tuple[Order, Bought]:
    """The caller's order behind a number. Raises OrderUnknown."""
    id = await supply.behind(tools, _id(number))
    found = entry.bought_in(await supply.find(tools, access.channel_id, id=id), access)
    if found is None:
        raise OrderUnknown
    return found


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise entry.BodyWrong(what="id")
    return min(int(text), NUMBER_MAX)


def _number(request: AskedBy, name: str, otherwise: int, most: int) -> int:
    """Out of bounds is no mistake: what is below them is not said, what is above is the most."""
    text = str(request.query_params.get(name, otherwise))
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise entry.BodyWrong(what=name)
    return min(int(text), most) if int(text) >= 1 else otherwise


def _ok(data: dict[str, Any]) -> Response[dict[str, Any]]:
    return Response({"ok": True, **data}, status_code=200)


def _no(status: int, word: str, why: str, headers: dict[str, str] | None = None) -> Response[dict[str, Any]]:
    told = {"ok": False, "error_code": word, "error_message": why}
    return Response(told, status_code=status, headers=headers or {})


def _on_refused(_: AskedBy, refused: Refused) -> Response[dict[str, Any]]:
    otherwise = (BY_KIND.get(refused.kind, STATUS[refused.kind]), "bad_request")
    status, word = WORDS.get(refused.code, otherwise)
    return _no(status, word, refused.sentence("en"), {"Retry-After": "1"} if status in (429, 503) else None)


def _on_http(_: AskedBy, error: HTTPException) -> Response[dict[str, Any]]:
    return _no(error.status_code, "bad_request", error.detail[:200])


def _on_crash(request: AskedBy, error: Exception) -> Response[dict[str, Any]]:
    on_crash(request, error)
    return _no(500, "internal_error", "internal error")


ROUTER = Router(
    "/api/v1/upstream",
    route_handlers=[ping, categories, products, product, place_order, order, cancel_order],
    exception_handlers={Refused: _on_refused, HTTPException: _on_http, Exception: _on_crash},
    include_in_schema=False,
    opt={"stores_no_answer": True},
)
