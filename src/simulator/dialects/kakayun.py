"""咔咔云, dock API v3.

From the document (showdoc 2592446100589081): JSON by POST, or the same fields by GET; userid, a timestamp of ten digits
within 300 seconds, sign over every field that is not empty, a list as the JSON it was sent as; the paths and fields
below; code 1 is success, 9999 says nothing, every other a failure:

  -1 anything else       401 signature wrong      402 address not allowed   403 time expired      404 asked too often
  1000 no such merchant  1200 no sign             1201 no userid            1202 no timestamp     1203 no goodsid
  1204 no buynum         1205 usorderno exists    1206 off sale             1207 not by API       1208 no account
  1210 above maxmoney, which is for the whole order                         1211 a field of the account is wrong
  1213 balance too low   1214 no such product     1300 neither number       1301 no such order

goodstype 0 card, 1 top-up; goodsstatus 1 on sale; prices are texts; an order's status 0 paid, 3 under way, 4 failed,
5 done (1 is done for cards and only paid for top-ups, it is not used here), refundstatus 1 all the money is back, 0
nothing; an answer to a new order names only its two numbers; cards as texts and, since 2025-09, as fields; a callback
is JSON, signed like a request with its lists, answered with `ok` in any case, and sent again after 5 to 25 minutes.
This simulator's reading: sold out, an unknown path, a body that is no JSON and an order without our number are all -1;
declined is 1207; how a card's text is written; a card is good for a year.
"""

import json
from urllib.parse import parse_qsl

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.defaults import PHONE, QQ
from simulator.desk import QUANTITY_MAX, Asked, Desk, Faults, state_now
from simulator.dialects.speech import (
    UNMAPPED_CODE,
    UNMAPPED_STATUS,
    Asking,
    Json,
    Problem,
    Speech,
    Step,
    as_json,
    endpoint,
    guard,
    json_object,
    number,
    on_time,
    order_asked_for,
    page_of,
    product_asked_for,
    strange,
    take,
    text,
    whole,
    yuan,
)
from simulator.model import Card, Order, Product, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 300_000
PAGE, PAGE_MAX = 10, 50
CARD_LIFE_S = 365 * 86_400
CODES: dict[Why, int | str] = {
    Why.NO_PRODUCT: 1214,
    Why.OFF_SALE: 1206,
    Why.WRONG_KIND: 1209,
    Why.SOLD_OUT: -1,
    Why.PRICE: 1210,
    Why.DECLINED: 1207,
    Why.BALANCE: 1213,
    Why.BAD_ACCOUNT: 1211,
    Why.DUPLICATE: 1205,
    Why.BAD_REQUEST: -1,
}
MUST = {"sign": 1200, "userid": 1201, "timestamp": 1202}
STATUS = {State.UNTREATED: 0, State.PROCESSING: 3, State.DONE: 5, State.FAILED: 4}
STEPS: dict[str, Step] = {"order/create": "buy", "order/get": "query"}
ACCOUNT = "1"  # the kind of field that an account is
LITE = ("goodsid", "goodsprice", "goodsstatus", "goodstype", "stock")


class Kakayun(Speech):
    credentials = ("userid", "key")
    ack = "ok"
    methods = ("POST", "GET")
    dedupe = True
    ip_refused, too_fast = 402, 404

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body = _fields(request)
        for name, code in MUST.items():
            if not text(body.get(name)):
                raise Problem(code, f"{name} 为空")
        if text(body["userid"]) != supplier.credentials["userid"]:
            raise Problem(1000, "商户ID无效")
        stamp = text(body["timestamp"])
        if len(stamp) != 10 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(403, "时间戳过期")
        if not signing.same(signing.kakayun(body, supplier.secret), body["sign"]):
            raise Problem(401, "签名效验失败")
        name = endpoint(request, "dockapiv3/")
        return Asking(name, STEPS.get(name, "look"), text(body.get("goodsid")), text(body.get("usorderno")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "order/create":
                return self._buy(desk, shop, asking, faults)
            case "order/get":
                identity = text(asking.body.get("orderno"))
                if not asking.outer and not identity:
                    raise Problem(1300, "系统单号和商家单号都为空")
                order = order_asked_for(shop, asking.outer, identity, 1301)
                return _answer(_order(shop.supplier, order, state_now(order)), faults), None
            case "user/info":
                return _answer({"money": _money(shop.supplier.balance_fen), "creditquota": "0.00"}), None
            case "goods/group":
                return _answer([{"groupid": 1, "groupname": "卡密"}, {"groupid": 2, "groupname": "直充"}]), None
            case "goods/all" | "goods/alllite":
                return _page(desk, shop, asking), None
        if asking.endpoint not in ("goods/details", "goods/detailslite", "goods/tpl"):
            raise Problem(-1, "接口不存在")
        if not asking.product:
            raise Problem(1203, "商品ID字段为空")
        product = product_asked_for(shop, asking.product, CODES)
        if asking.endpoint == "goods/tpl":
            fields = [{"type": int(ACCOUNT), "title": one["title"], "desc": one["tip"]} for one in _attach(product)]
            return _answer(fields), None
        goods = _goods(desk, shop, product)
        if asking.endpoint == "goods/detailslite":
            return _answer({name: goods[name] for name in LITE}), None
        return _answer({**goods, "minbuy": 1, "maxbuy": QUANTITY_MAX, "details": ""}), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "msg": problem.text, "data": ""})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        shown: Json = {
            "push_type": 1 if order.kind == "card" else 0,
            **_order(supplier, order, state),
            "timestamp": at_ms // 1000,
        }
        if not order.plan.unsigned:
            shown["sign"] = signing.kakayun(shown, supplier.secret)
        if order.plan.tampered:
            shown["money"] = "0.0100"
        return Message(signing.compact_json(shown).encode())

    def acknowledged(self, answer: str) -> bool:
        return answer.strip().lower() == self.ack

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body, account = asking.body, _account(asking.body.get("attach"))
        product = shop.supplier.products.get(asking.product)
        if not asking.product:
            raise Problem(1203, "商品ID字段为空")
        if not text(body.get("buynum")):
            raise Problem(1204, "buynum字段为空")
        if product and product.kind != "card" and not account:
            raise Problem(1208, "充值帐号为空")
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body["buynum"], 1),
                account=account,
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("callbackurl")) or shop.supplier.callback_url,
                most_fen=guard(body, "maxmoney", CODES),
            ),
            faults,
            CODES,
        )
        return _answer({"orderno": order.number, "usorderno": order.outer}, faults), order


def _fields(request: Request) -> Json:
    if request.method == "GET" and not request.body:
        return dict(parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True))
    body = json_object(request.body, -1)
    nested = json.loads(request.body) if request.body.strip() else {}  # within a list a number is signed as a number
    return {name: nested[name] if isinstance(value, list | dict) else value for name, value in body.items()}


def _account(attach: object) -> str:
    """One text, or a list of fields of which one is the account."""
    if not isinstance(attach, list):
        return text(attach)
    fields = [one for one in attach if isinstance(one, dict)]
    accounts = [one for one in fields if text(one.get("attachtype")) == ACCOUNT]
    return text((accounts or fields or [{}])[0].get("value"))


def _answer(data: Json | list[Json], faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and isinstance(data, dict) and "status" in data:
        data["status"] = UNMAPPED_STATUS
    return as_json({"code": UNMAPPED_CODE if strange(faults) == "code" else 1, "msg": "操作成功", "data": data})


def _money(fen: int) -> str:
    return f"{yuan(fen)}00"


def _order(supplier: Supplier, order: Order, state: State) -> Json:
    ended = state in (State.DONE, State.FAILED)
    back = ended and order.refunded
    cards = order.cards if state is State.DONE else []
    product = supplier.products.get(order.product)
    face = product.face_value_fen // 100 if product else 0
    return {
        "orderno": order.number,
        "usorderno": order.outer,
        "money": _money(order.price_fen),
        "buynum": order.quantity,
        "status": STATUS[state],
        "refundmoney": _money(order.price_fen if back else 0),
        "refundstatus": 1 if back else 0,
        "receipt": order.text if ended else "",
        "cardlist": [f"卡号：{card.number} 卡密：{card.password}" for card in cards],
        "cards": [_card(card, face, order.finished_ms // 1000 + CARD_LIFE_S) for card in cards],
    }


def _card(card: Card, face: int, until_s: int) -> Json:
    said = {"card_no": card.number, "card_pwd": card.password}
    return {**said, "card_type": 1, "card_denomination": face, "card_expire_at": until_s}


def _attach(product: Product) -> list[Json]:
    if product.kind == "card":
        return []
    form = {PHONE: 1, QQ: 2}.get(product.pattern, 0)
    return [{"title": "充值帐号", "tip": "请输入您的充值帐号", "verification": form}]


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "goodsid": number(product.id),
        "goodsname": product.name,
        "groupid": 1 if product.kind == "card" else 2,
        "stock": desk.stock_shown(shop, product),
        "goodsprice": _money(desk.price_shown_fen(shop, product)),
        "marketprice": _money(product.face_value_fen),
        "goodsstatus": 1 if product.on_sale else 0,
        "imgurl": "",
        "goodstype": 0 if product.kind == "card" else 1,
        "attach": _attach(product),
    }


def _page(desk: Desk, shop: Shop, asking: Asking) -> Answer:
    body, wanted = asking.body, asking.body.get("goodsid")
    only = [text(one) for one in wanted] if isinstance(wanted, list) else [asking.product] if asking.product else []
    goods = [_goods(desk, shop, one) for one in shop.supplier.products.values() if not only or one.id in only]
    for name in ("goodstype", "groupid"):
        goods = [one for one in goods if text(body.get(name)) in ("", str(one[name]))]
    goods = [one for one in goods if text(body.get("goodsname")) in one["goodsname"]]
    size, page = min(PAGE_MAX, max(1, whole(body.get("limit"), PAGE))), max(1, whole(body.get("page"), 1))
    shown = page_of(goods, page, size)
    if asking.endpoint == "goods/alllite":
        shown = [{name: one[name] for name in LITE} for one in shown]
    pages = max(1, -(-len(goods) // size))
    counts = {"nowpage": str(page), "allpage": pages, "count": len(goods)}
    return as_json({"code": 1, "msg": "success", "data": shown, **counts})
