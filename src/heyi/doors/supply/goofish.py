"""闲管家 asks: `/supply/goofish/{mch_id}` is the gateway that an operator gives to its application.

Facts: see heyi/offer/partner/standards/goofish.py. Every answer is HTTP 200 with the standard's own code.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, post
from litestar.exceptions import HTTPException
from msgspec import Meta

from heyi.doors.problems import on_crash
from heyi.doors.shapes import Short
from heyi.doors.supply import entry
from heyi.flows import supply
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import from_text
from heyi.kernel.money import Money
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards import GOOFISH, Bought, Goods, accounts_of, goofish
from heyi.settle import ledger

AskedBy = Request[Any, Any, Any]
CODES = {
    "supply.key_unknown": goofish.BAD_SIGN, "supply.signature": goofish.BAD_SIGN, "supply.clock": goofish.BAD_TIME,
    "supply.address": goofish.BAD_ADDRESS, "supply.goods_unknown": goofish.NO_GOODS,
    "bundle.not_found": goofish.NO_GOODS, "bundle.version_not_found": goofish.NO_GOODS,
    "bundle.not_on_sale": goofish.OFF_SALE, "bundle.no_offer": goofish.OFF_SALE, "stock.sold_out": goofish.SOLD_OUT,
    "order.not_found": goofish.NO_ORDER, "order.number_reused": goofish.NUMBER_USED, "price.above": goofish.TOO_DEAR,
}  # fmt: skip
KINDS = {number: kind for kind, number in goofish.TYPES.items()}
GoodsType = Literal[1, 2]
PageSize = Annotated[int, Meta(ge=1, le=10**6)]
PAGE_SIZE_MAX = 100
PageNo = Annotated[int, Meta(ge=1, le=1_000_000)]


class NotSupported(Refused):
    """A call of the standard that is not served: the features say so too."""

    code, kind = "supply.not_supported", Kind.UNPROCESSABLE
    zh, en = "该货源暂不支持此接口", "this supplier does not serve that call (yet)"


class OrderUnknown(Refused):
    """The caller has no such order."""

    code, kind = "order.not_found", Kind.NOT_FOUND
    zh, en = "订单不存在", "there is no such order"


class ListBody(msgspec.Struct):
    page_no: PageNo = 1
    page_size: PageSize = 50
    keyword: Annotated[str, Meta(max_length=200)] | None = None
    goods_type: Literal[1, 2, ""] | None = None


class DetailBody(msgspec.Struct):
    goods_type: GoodsType
    goods_no: Short


class OrderBody(msgspec.Struct):
    order_no: Short
    goods_no: Short
    buy_quantity: Annotated[int, Meta(ge=1, le=1000)]
    max_amount: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    notify_url: entry.Callback | None = None


class TopUp(msgspec.Struct, omit_defaults=True):
    """The standard's own fields of a top-up; where the buyer sits is left alone."""

    account: entry.Text
    game_name: entry.Text = ""
    game_role: entry.Text = ""
    game_area: entry.Text = ""
    game_server: entry.Text = ""


class TopUpBody(OrderBody, kw_only=True):
    biz_content: TopUp


class QueryBody(msgspec.Struct):
    order_type: GoodsType
    order_no: entry.Maybe | None = None
    out_order_no: entry.Maybe | None = None


async def _asked(request: AskedBy, tools: Tools, mch_id: str) -> tuple[SupplyAccess, bytes]:
    """Who asks and the bytes he signed; raises what is wrong with either."""
    access = await entry.key_holder(request, tools, GOOFISH, mch_id)
    query, body = request.query_params, await request.body()
    timestamp = str(query.get("timestamp", ""))
    entry.check_clock(tools, timestamp, skew_s=goofish.SKEW_S)
    if query.get("mch_id") != access.key:
        raise entry.SignatureWrong
    entry.check_signature(str(query.get("sign", "")), goofish.signature(access, timestamp, body))
    entry.count(request, access)
    return access, body


@post("/open/info")
async def open_info(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    """The document asks for no parameters here; whoever signs nevertheless must do it right, and is counted."""
    if "sign" in request.query_params:
        access, _ = await _asked(request, tools, mch_id)
    else:
        access = await entry.key_holder(request, tools, GOOFISH, mch_id)
    return _ok({"app_id": int(access.app_id or 0), "features": goofish.FEATURES})


@post("/user/info")
async def user_info(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, _ = await _asked(request, tools, mch_id)
    async with tools.db.reading() as tx:
        purse = (await ledger.deposits(tx, [access.channel_id])).get(access.channel_id)
    return _ok({"balance": max(0, purse.spendable_minor) if purse is not None else 0})


@post("/goods/list")
async def goods_list(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, body = await _asked(request, tools, mch_id)
    data = entry.decoded(body, ListBody)
    word = (data.keyword or "").strip().lower()
    found = [
        line.answer
        for line in await supply.lines(tools, GOOFISH, access.channel_id)
        if isinstance(line.answer, Goods)
        and (not data.goods_type or goofish.TYPES[line.answer.kind] == data.goods_type)
        and (not word or word == line.bundle.code or word in line.bundle.title.lower())
    ]
    size = min(data.page_size, PAGE_SIZE_MAX)
    start = (data.page_no - 1) * size
    page = [goofish.goods(one) for one in found[start : start + size]]
    return _ok({"list": page, "count": len(found)})


@post("/goods/detail")
async def goods_detail(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, body = await _asked(request, tools, mch_id)
    data = entry.decoded(body, DetailBody)
    line = await entry.line_of(tools, access, data.goods_no, KINDS[data.goods_type])
    assert isinstance(line.answer, Goods)
    return _ok(goofish.goods(line.answer))


@post("/order/purchase/create")
async def buy_cards(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, body = await _asked(request, tools, mch_id)
    return await _order(request, tools, access, entry.decoded(body, OrderBody), goofish.CARD, {})


@post("/order/recharge/create")
async def buy_top_up(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, body = await _asked(request, tools, mch_id)
    data = entry.decoded(body, TopUpBody)
    given: dict[str, str] = msgspec.to_builtins(data.biz_content)
    return await _order(request, tools, access, data, goofish.TOP_UP, given)


async def _order(
    request: AskedBy, tools: Tools, access: SupplyAccess, data: OrderBody, type_: int, given: dict[str, str]
) -> Response[dict[str, Any]]:  # fmt: skip
    kind, same = KINDS[type_], entry.fingerprint(GOOFISH, type_, data.goods_no, data.buy_quantity, given)
    if await supply.find(tools, access.channel_id, number=data.order_no) is not None:
        order = await entry.place(request, access, data.order_no, same, line=None)
    else:
        line = await entry.line_of(tools, access, data.goods_no, kind)
        assert isinstance(line.answer, Goods)
        accounts = accounts_of(line.answer, given)
        if isinstance(accounts, Refused):
            raise accounts
        if data.notify_url:
            await entry.check_callback(tools, data.notify_url)
        bought = Bought(GOOFISH, access.key, kind, line.bundle.title, line.number, data.notify_url or None)
        at_most = None if data.max_amount is None else Money(data.max_amount, "CNY")
        order = await entry.place(
            request, access, data.order_no, same, line=line, quantity=data.buy_quantity, accounts=accounts,
            bought=bought, at_most=at_most,
        )  # fmt: skip
    found = entry.bought_in(order, access)
    if found is None:
        raise OrderUnknown
    return _ok(goofish.placed(await supply.report(tools, *found, by=entry.by(access))))


@post("/order/detail")
async def order_detail(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    access, body = await _asked(request, tools, mch_id)
    data = entry.decoded(body, QueryBody)
    if not data.order_no and not data.out_order_no:
        raise entry.BodyWrong(what="order_no, out_order_no")
    id = None if data.order_no else from_text("ord", data.out_order_no or "")
    order = await supply.find(tools, access.channel_id, number=data.order_no or None, id=id)
    found = entry.bought_in(order, access)
    if found is None or goofish.TYPES[found[1].kind] != data.order_type:
        raise OrderUnknown
    return _ok(goofish.detail(await supply.report(tools, *found, by=entry.by(access))))


@post(["/order/refund/apply", "/order/refund/notify", "/order/ticket/create", "/goods/change/subscribe",
       "/goods/change/unsubscribe", "/goods/change/subscribe/list"])  # fmt: skip
async def not_served(mch_id: str, request: AskedBy, tools: Tools) -> Response[dict[str, Any]]:
    """What the features of open/info say no to."""
    await _asked(request, tools, mch_id)
    raise NotSupported


def _ok(data: dict[str, Any]) -> Response[dict[str, Any]]:
    return Response({"code": goofish.OK, "msg": "OK", "data": data}, status_code=200)


def _no(code: int, why: str, status: int = 200) -> Response[dict[str, Any]]:
    return Response({"code": code, "msg": why}, status_code=status)


def _on_refused(_: AskedBy, refused: Refused) -> Response[dict[str, Any]]:
    otherwise = goofish.BAD_ORDER if refused.kind in (Kind.INVALID, Kind.UNPROCESSABLE) else goofish.REFUSED
    code = goofish.REFUSED if refused.code == NotSupported.code else CODES.get(refused.code, otherwise)
    return _no(code, refused.sentence("zh"))


def _on_http(_: AskedBy, error: HTTPException) -> Response[dict[str, Any]]:
    return _no(goofish.BAD_ORDER, error.detail[:200])


def _on_crash(request: AskedBy, error: Exception) -> Response[dict[str, Any]]:
    """Ours; whether an order was placed is not known here, and the standard's word for that makes them ask."""
    on_crash(request, error)
    return _no(goofish.TOO_LATE, "系统异常，请查询订单结果", 500)


ROUTER = Router(
    "/supply/goofish/{mch_id:str}/goofish",
    route_handlers=[open_info, user_info, goods_list, goods_detail, buy_cards, buy_top_up, order_detail, not_served],
    exception_handlers={Refused: _on_refused, HTTPException: _on_http, Exception: _on_crash},
    include_in_schema=False,
    opt={"stores_no_answer": True},
)
