"""梵尘, and the many `*.do` platforms built alike: forms in GBK, answered in GBK as JSON (`fanchen`) or XML
(`fanchen_xml`).

From a published document of the `*.do` family: POST of a form; MD5 over `name=value&…&key=` in an order that each
call fixes; XML with `order` and `user` as roots; the callback's fields and its signature over the first five of them;
the result codes
     0 waiting   1 done   2 under way   9 failed and refunded
  5001 no such client        5002 balance too low        5003 product not to be had   5004 number and product differ
  5005 signature wrong       5006 order number used      5007 no such order           5008 sold at a loss
  5009 address not listed    5010 product and price      5011 quantity                5012 field missing or bad
  9999 unknown: go and look. In that document a query is not signed; so the XML platform asks for no signature there.
From public clients: the four `fc….do` names (without `fc` elsewhere), upper case, JSON answers, 5013 too busy;
back_url and checkprice (for the whole order) outside the signature; cards as {cardno, cardpsw, effecttime};
fundbalance, parvalue and remark1 in the callback, which is a form too; the ack `OK`; phone credit at onlinepay.do.
This simulator's reading (no document seen): the fields of a price list beside productid, productname, productprice;
a new order always answers 0; no time window, for spordertime is the order's own time and need only be a time;
a callback tells also that a refund or a success was only `under way` when it comes out of order.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from simulator import signing
from simulator.asgi import Answer, Request, form
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults, state_now
from simulator.dialects.speech import Asking, Json, Problem, Speech, fen, order_asked_for, take, text, whole, yuan
from simulator.model import Order, Product, State, Supplier, Why
from simulator.world import Shop

SHANGHAI = timezone(timedelta(hours=8))
GBK = "gbk"
OUTER_MAX = 30
UNMAPPED = "9797"

STATES = {State.UNTREATED: "0", State.PROCESSING: "2", State.DONE: "1", State.FAILED: "9"}
CODES = {
    Why.NO_PRODUCT: 5003,
    Why.OFF_SALE: 5003,
    Why.SOLD_OUT: 5003,
    Why.WRONG_KIND: 5004,
    Why.BAD_ACCOUNT: 5004,
    Why.PRICE: 5008,
    Why.DECLINED: 5013,
    Why.BALANCE: 5002,
    Why.DUPLICATE: 5006,
    Why.BAD_REQUEST: 5012,
}
SIGNED = {
    "searchbalance.do": ("userid",),
    "userproductprice.do": ("userid", "productid"),
    "searchpay.do": ("userid", "sporderid"),
    "gameonlinepay.do": (
        "userid", "productid", "num", "areaid", "serverid", "account", "spordertime", "sporderid",
    ),
    "onlinepay.do": ("userid", "productid", "price", "num", "mobile", "spordertime", "sporderid"),
}  # fmt: skip
SIGNED_CALLBACK = ("userid", "orderid", "sporderid", "merchantsubmittime", "resultno")
BUYING = {"gameonlinepay.do": "account", "onlinepay.do": "mobile"}


class Fanchen(Speech):
    credentials = ("userid", "key")
    ack = "OK"
    charset = GBK
    dedupe = True
    ip_refused = 5009

    def __init__(self, xml: bool) -> None:
        self._xml = xml

    def read(self, supplier: Supplier, request: Request) -> Asking:
        endpoint = request.path.rpartition("/")[2].removeprefix("fc")
        if endpoint not in SIGNED:
            raise Problem(9999, "接口不存在")
        try:
            fields = form(request.body, GBK)
        except ValueError as problem:
            raise Problem(5012, "参数编码错误") from problem
        if fields.get("userid") != supplier.credentials["userid"]:
            raise Problem(5001, "代理商不存在")
        free = self._xml and endpoint == "searchpay.do"
        if not free and not signing.exact(
            signing.fanchen(fields, SIGNED[endpoint], supplier.secret), fields.get("sign")
        ):
            raise Problem(5005, "充值请求验证错误")
        outer, product = fields.get("sporderid", ""), fields.get("productid", "")
        if endpoint in BUYING:
            _check_time(fields.get("spordertime", ""))
            if len(outer) > OUTER_MAX:
                raise Problem(5012, "代理商订单号超过 30 个字符")
            if not product and endpoint == "onlinepay.do":
                product = _mobile_product(supplier, fields)
            return Asking(endpoint, "buy", product, outer, dict(fields))
        return Asking(endpoint, "query" if endpoint == "searchpay.do" else "look", product, outer, dict(fields))

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        supplier = shop.supplier
        if asking.endpoint in BUYING:
            return self._buy(desk, shop, asking, faults)
        if asking.endpoint == "searchpay.do":
            return self._query(shop, asking, faults), None
        if asking.endpoint == "searchbalance.do":
            user = {"userid": supplier.credentials["userid"], "balance": yuan(supplier.balance_fen), "resultno": "1"}
            return self._answer("user", user), None
        wanted = [one for one in supplier.products.values() if asking.product in ("", one.id)]
        if not wanted:
            raise Problem(5003, "此商品暂时不可购买")
        goods = [_goods(desk, shop, product) for product in wanted]
        return self._answer("products", {"resultno": "1", "products": goods}), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return self._answer("order", {"resultno": str(problem.code), "remark1": problem.text})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message = {
            "userid": supplier.credentials["userid"],
            "orderid": order.number,
            "sporderid": order.outer,
            "merchantsubmittime": _clock(at_ms),
            "resultno": STATES[state],
            "parvalue": yuan(order.price_fen),
            "remark1": order.text,
            "fundbalance": yuan(supplier.balance_fen),
        }
        if not order.plan.unsigned:
            message["sign"] = signing.fanchen(message, SIGNED_CALLBACK, supplier.secret)
        if order.plan.tampered:
            message["resultno"] = STATES[State.FAILED if state is State.DONE else State.DONE]
        body = urlencode(message, encoding=GBK)
        return Message(body.encode(), type="application/x-www-form-urlencoded; charset=GBK")

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        fields = asking.body
        asked = Asked(
            product=asking.product,
            outer=asking.outer,
            quantity=whole(fields.get("num"), 1),
            account=text(fields.get(BUYING[asking.endpoint])),
            kinds=("mobile",) if asking.endpoint == "onlinepay.do" else ("top_up", "card", "mobile"),
            callback_url=text(fields.get("back_url")) or shop.supplier.callback_url,
            most_fen=fen(fields.get("checkprice")),
        )
        order = take(desk, shop, asked, faults, CODES)
        return self._answer("order", _order(order, State.UNTREATED, faults)), order

    def _query(self, shop: Shop, asking: Asking, faults: Faults) -> Answer:
        order = order_asked_for(shop, asking.outer, "", 5007)
        return self._answer("order", _order(order, state_now(order), faults))

    def _answer(self, root: str, fields: Json) -> Answer:
        if not self._xml:
            body = signing.compact_json(fields).encode(GBK, "replace")
            return Answer(body=body, type=b"application/json;charset=GBK")
        body = f'<?xml version="1.0" encoding="GB2312"?>{_xml(root, fields)}'.encode(GBK, "replace")
        return Answer(body=body, type=b"text/xml;charset=GBK")


def _order(order: Order, state: State, faults: Faults) -> Json:
    shown: Json = {
        "orderid": order.number,
        "productid": order.product,
        "num": str(order.quantity),
        "ordercash": yuan(order.price_fen),
        "sporderid": order.outer,
        "account": order.account,
        # In this dialect a code and a state are the same field, so both strange answers look alike.
        "resultno": UNMAPPED if "wrong_status" in faults else STATES[state],
        "remark1": order.text if state in (State.DONE, State.FAILED) else "",
    }
    if state is State.DONE and order.cards:
        shown["cards"] = [
            {"cardno": card.number, "cardpsw": card.password, "effecttime": "2099-12-31"} for card in order.cards
        ]
    return shown


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "productid": product.id,
        "productname": product.name,
        "productprice": yuan(desk.price_shown_fen(shop, product)),
        "parvalue": yuan(product.face_value_fen),
        "producttype": {"card": "卡密", "top_up": "直充", "mobile": "话费"}[product.kind],
        "stock": str(desk.stock_shown(shop, product)),
        "status": "1" if product.on_sale else "0",
    }


def _mobile_product(supplier: Supplier, fields: Mapping[str, str]) -> str:
    """Phone credit is bought by its face value where no product is named."""
    value = fen(fields.get("price"))
    fitting = (one.id for one in supplier.products.values() if one.kind == "mobile" and one.face_value_fen == value)
    return next(fitting, "")


def _check_time(stamp: str) -> None:
    try:
        datetime.strptime(stamp if len(stamp) == 14 else "", "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    except ValueError as problem:
        raise Problem(5012, "订单时间格式错误") from problem


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, SHANGHAI).strftime("%Y%m%d%H%M%S")


def _xml(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_xml(key, one) for key, one in value.items())}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(_xml(name.removesuffix('s'), one) for one in value)}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"
