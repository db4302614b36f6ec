"""Agiso 91卡券仓库 (acpr): a merchant's own warehouse of cards, from which one picks.

From its published documents: forms under /acpr; the headers Authorization: Bearer and ApiVersion: 1; timestamp within
ten minutes and sign in the form, MD5 over secret, sorted names and values, secret; twenty calls a second; GetList,
GetDetails, HandPick with cpkId, num, handPickOrderId, buildCpd, usePriority and their answers; IsSuccess, Data,
Error_Code (0 is none), Error_Msg, AllowRetry, RequestId; CardType 820 is a card of its own. There is no query, no
balance and no callback: what was picked is in the answer.
From public clients: the sign is lower case (either case is taken here); `{c, p, d}` is number, password, last day.
This simulator's reading (no document seen): the error codes below; handPickOrderId is the idempotency key, so the same
number answers the same cards again, and new ones when `dedupe` is off; an order that is still being picked, or failed,
answers as an error, and asking again is the only way to learn more; prices are charged though nobody is told.

  1001 token            1002 signature        1003 time            1004 ApiVersion       1005 address not listed
  1006 too often, retry 1007 no such call     2001 no such kind    2002 not enough       2003 off sale
  2004 declined         2005 field missing    2006 being picked, retry                   2007 picking failed
"""

from datetime import datetime, timedelta, timezone

from simulator import signing
from simulator.asgi import Answer, Request, form
from simulator.desk import Asked, Desk, Faults
from simulator.dialects.speech import (
    Asking,
    Json,
    Problem,
    Speech,
    number,
    on_time,
    page_of,
    product_asked_for,
    take,
    whole,
    yuan,
)
from simulator.model import Order, Product, State, Supplier, Why
from simulator.world import Shop, now_ms

SHANGHAI = timezone(timedelta(hours=8))
CLOCK_MS = 10 * 60_000
PAGE_MAX = 100
UNMAPPED_CODE = 9797
TOO_FAST, BEING_PICKED, FAILED = 1006, 2006, 2007
MAY_RETRY = (TOO_FAST, BEING_PICKED)
CODES = {
    Why.NO_PRODUCT: 2001,
    Why.WRONG_KIND: 2001,
    Why.OFF_SALE: 2003,
    Why.SOLD_OUT: 2002,
    Why.BALANCE: 2004,
    Why.DECLINED: 2004,
    Why.BAD_REQUEST: 2005,
    Why.BAD_ACCOUNT: 2005,
    Why.DUPLICATE: 2004,
    Why.PRICE: 2004,
}


class Agiso(Speech):
    credentials = ("token", "secret")
    dedupe = True
    calls_per_s = 20
    ip_refused, too_fast = 1005, TOO_FAST

    def read(self, supplier: Supplier, request: Request) -> Asking:
        if request.header("authorization") != f"Bearer {supplier.credentials['token']}":
            raise Problem(1001, "AccessToken 无效")
        if request.header("apiversion") != "1":
            raise Problem(1004, "ApiVersion 错误")
        try:
            fields = form(request.body)
        except ValueError as problem:
            raise Problem(2005, "参数编码错误") from problem
        stamp = fields.get("timestamp", "")
        if len(stamp) != 10 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(1003, "时间戳误差超过 10 分钟")
        if not signing.same(signing.agiso(fields, supplier.secret), fields.get("sign")):
            raise Problem(1002, "签名错误")
        endpoint = request.path.partition("/acpr/")[2].lower()  # the service does not mind the case
        step = "buy" if endpoint == "cardpwd/handpick" else "look"
        outer = fields.get("handPickOrderId", "")
        return Asking(endpoint, step, fields.get("cpkId", ""), outer, dict(fields))  # type: ignore[arg-type]

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "cardpwd/handpick":
                return self._pick(desk, shop, asking, faults)
            case "cardpwd/getlist":
                return _answer(_page(desk, shop, asking.body)), None
            case "cardpwdkind/getdetails":
                return _answer(_details(desk, shop, product_asked_for(shop, asking.product, CODES))), None
        raise Problem(1007, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return _envelope(None, int(problem.code), problem.text)

    def _pick(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        known = shop.by_outer.get(asking.outer)
        if known and shop.supplier.dedupe:
            return _picked(known[-1], asking, faults), known[-1]
        asked = Asked(
            product=asking.product,
            outer=asking.outer,
            quantity=whole(asking.body.get("num"), 0),
            account="",
            kinds=("card",),
            callback_url="",
            at_once=True,
        )
        order = take(desk, shop, asked, faults, CODES)
        return _picked(order, asking, faults), order


def _picked(order: Order, asking: Asking, faults: Faults) -> Answer:
    if "wrong_status" in faults:
        return _envelope(None, UNMAPPED_CODE, "系统异常")
    if order.state is State.FAILED:
        return _envelope(None, FAILED, "提卡失败")
    if order.state is not State.DONE:
        return _envelope(None, BEING_PICKED, "提卡处理中，请稍后重试")
    if asking.body.get("buildCpd", "").lower() == "true":
        return _answer({"CpdUrl": f"https://cards.example/cpd/{order.number}.aspx"})
    cards = [{"c": one.number, "p": one.password, "d": "2099-12-31 23:59:59"} for one in order.cards]
    return _answer({"CardPwdArr": cards})


def _page(desk: Desk, shop: Shop, asked: Json) -> Json:
    page = max(1, whole(asked.get("pageIndex"), 1))
    size = min(PAGE_MAX, max(1, whole(asked.get("pageSize"), PAGE_MAX)))
    name = asked.get("filterName", "")
    kinds = [one for one in shop.supplier.products.values() if one.kind == "card" and one.on_sale and name in one.name]
    shown = [_kind(desk, shop, one) for one in kinds]
    return {"List": page_of(shown, page, size), "TotalCount": len(kinds), "PageNo": page, "PageSize": size}


def _kind(desk: Desk, shop: Shop, product: Product) -> Json:
    left = desk.stock_shown(shop, product)
    used = sum(one.quantity for one in shop.orders.values() if one.product == product.id and one.delivered)
    return {
        "IdNo": number(product.id),
        "CardType": 820,
        "Title": product.name,
        "RemainingCount": left,
        "UsedCount": used,
        "TotalCount": left + used,
        "CreateTime": "2026-03-01 12:00:00",
        "PurPrice": yuan(desk.price_shown_fen(shop, product)),
    }


def _details(desk: Desk, shop: Shop, product: Product) -> Json:
    shown = _kind(desk, shop, product)
    del shown["RemainingCount"]  # the document's details have the total and the used, not the rest
    return {**shown, "AliasName": None, "ClassId": 0, "WarningNum": 5, "LockingCount": 0}


def _answer(data: object) -> Answer:
    return _envelope(data, 0, "")


def _envelope(data: object, code: int, message: str) -> Answer:
    told = {
        "IsSuccess": code == 0,
        "Data": data,
        "Error_Code": code,
        "Error_Msg": message,
        "AllowRetry": code in MAY_RETRY if code else None,
        "RequestId": datetime.fromtimestamp(now_ms() / 1000, SHANGHAI).strftime("%Y%m%d%H%M%S%f")[:17],
    }
    return Answer(body=signing.compact_json(told).encode())
