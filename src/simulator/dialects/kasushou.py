"""卡速售 v2.

From the vendor's document: headers UserId, Timestamp (13-digit ms), Sign; codes 200 fine, 400 refused (msg says why),
500 unknown error; goods_type 1 card, 2 virtual; goods' status 1 on sale, 2 paused, 3 forbidden; order status 1
waiting, 2 under way, 3 done, 4 cancelled, 5 refunded, -1 unpaid; order/buy answers both numbers and total_price, no
state and no cards; order/info a list; safe_price; the callback's fields, all texts, its 13-digit `time`
and its signature without card_list and express_list, slashes escaped as PHP does; ack `ok`.
From a public client: "订单不存在" for an unknown order.
This simulator's reading (the document does not say): all other words behind a 400; the clock window; callbacks are JSON
and their card_list a list; safe_price is per unit; an order number bought twice (`dedupe` off) answers both orders, the
newest first; a failure without the money back is 4, with it 5; no order is ever unpaid; keys are sorted on every level.
"""

import json
from typing import Any

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import QUANTITY_MAX, Asked, Desk, Faults
from simulator.dialects.speech import Asking, Json, Problem, Speech, fen, number, text, whole, yuan
from simulator.model import Order, Product, Refused, State, Supplier
from simulator.world import Shop, clock_ms, now_ms

CLOCK_MS = 5 * 60_000
PAGE_MAX = 100
UNMAPPED_STATUS, UNMAPPED_CODE = 97, 9797
PREFIX = "/api/v1/"

REFUSED = 400
STATUS = {State.UNTREATED: 1, State.PROCESSING: 2, State.DONE: 3}
CANCELLED, REFUNDED = 4, 5
CARD, VIRTUAL = 1, 2
ON_SALE, PAUSED = 1, 2
STEPS = {"order/buy": "buy", "order/info": "query"}


class Kasushou(Speech):
    credentials = ("user_id", "key")
    ack = "ok"
    ip_refused, too_fast = REFUSED, REFUSED

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body = _body(request.body)
        stamp, user = request.header("timestamp"), request.header("userid")
        if len(stamp) != 13 or not stamp.isdecimal() or abs(int(stamp) - clock_ms(supplier)) > CLOCK_MS:
            raise Problem(REFUSED, "时间戳已过期")
        mine = signing.kasushou(stamp, body, supplier.secret)
        if user != supplier.credentials["user_id"] or not signing.same(mine, request.header("sign")):
            raise Problem(REFUSED, "签名错误")
        endpoint = request.path.partition(PREFIX)[2]
        step = STEPS.get(endpoint, "look")
        product = text(body.get("id") or body.get("goods_id")) if endpoint != "order/info" else ""
        return Asking(endpoint, step, product, text(body.get("external_orderno")), body)  # type: ignore[arg-type]

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "order/buy":
                return self._buy(desk, shop, asking, faults)
            case "order/info":
                return _answer(self._query(shop, asking, faults), faults), None
            case "user/info":
                return _answer({"balance": yuan(shop.supplier.balance_fen)}), None
            case "goods/cate":
                return _answer([_category(VIRTUAL, "直充"), _category(CARD, "卡密")]), None
            case "goods/list":
                return _answer(_page(desk, shop, asking.body)), None
            case "goods/info":
                return _answer(_details(desk, shop, _product(shop, asking.product))), None
            case "goods/attach":
                return _answer(_attach(_product(shop, asking.product))), None
        raise Problem(REFUSED, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return Answer(body=_json({"code": problem.code, "msg": problem.text, "data": None}))

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message: Json = {
            "external_orderno": order.outer,
            "ordersn": order.number,
            "status": str(_status(order, state)),
            "has_back_money": yuan(order.price_fen if order.refunded else 0),
            "total_price": yuan(order.price_fen),
            "recharge_hints": _hints(order, state),
            "time": str(at_ms),
        }
        if order.kind == "card":
            message["card_list"] = _cards(order, state)
        if not order.plan.unsigned:
            message["sign"] = signing.kasushou_callback(message, supplier.secret)
        if order.plan.tampered:
            # The cards are not signed, so for a card order the signature still holds: the trap of this dialect.
            if order.cards:
                message["card_list"] = [{"card_no": "TAMPERED", "card_password": "TAMPERED"}]
            else:
                message["total_price"] = "0.01"
        return Message(_json(message))

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        attach = body.get("attach")
        account = text(attach.get("recharge_account")) if isinstance(attach, dict) else ""
        safe_price = body.get("safe_price")
        if safe_price not in (None, "") and fen(safe_price) is None:
            raise Problem(REFUSED, "安全价格格式错误")
        try:
            order = desk.take(
                shop,
                Asked(
                    product=asking.product,
                    outer=asking.outer,
                    quantity=whole(body.get("quantity"), 1),
                    account=account,
                    kinds=("top_up", "card", "mobile"),
                    callback_url=text(body.get("url")) or shop.supplier.callback_url,
                    safe_price_fen=fen(safe_price),
                ),
                faults,
            )
        except Refused as refusal:
            raise Problem(REFUSED, refusal.text) from refusal
        bought = {"ordersn": order.number, "external_orderno": order.outer, "total_price": yuan(order.price_fen)}
        return _answer(bought, faults), order

    def _query(self, shop: Shop, asking: Asking, faults: Faults) -> list[Json]:
        if asking.outer:
            found = list(reversed(shop.by_outer.get(asking.outer, [])))
        else:
            order = shop.orders.get(text(asking.body.get("ordersn")))
            found = [order] if order else []
        found = [order for order in found if order.plan.hidden_until_ms <= now_ms()]
        if not found:
            raise Problem(REFUSED, "订单不存在")
        return [_order(order, order.state) for order in found]


def _body(raw: bytes) -> Json:
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError as problem:
        raise Problem(REFUSED, "请求内容不是 JSON") from problem
    if body == []:
        return {}  # PHP writes an empty map as an empty list
    if not isinstance(body, dict):
        raise Problem(REFUSED, "请求内容不是 JSON 对象")
    return body


def _json(body: object) -> bytes:
    return signing.compact_json(body).encode()


def _answer(data: Any, faults: Faults | None = None) -> Answer:
    code = 200
    strange = (faults or {}).get("wrong_status")
    if strange and strange.what == "code":
        code = UNMAPPED_CODE
    elif strange:
        for order in data if isinstance(data, list) else []:
            order["status"] = UNMAPPED_STATUS
    return Answer(body=_json({"code": code, "msg": "成功", "data": data}))


def _status(order: Order, state: State) -> int:
    if state is State.FAILED:
        return REFUNDED if order.refunded else CANCELLED
    return STATUS[state]


def _hints(order: Order, state: State) -> str:
    return order.text if state in (State.DONE, State.FAILED) else ""


def _cards(order: Order, state: State) -> list[Json]:
    found = order.cards if state is State.DONE else []
    return [{"card_no": card.number, "card_password": card.password} for card in found]


def _order(order: Order, state: State) -> Json:
    asked = [{"n": "充值账号", "v": order.account, "k": "recharge_account"}]
    return {
        "ordersn": order.number,
        "external_orderno": order.outer,
        "recharge_info": [] if order.kind == "card" else asked,
        "recharge_hints": _hints(order, state),
        "status": _status(order, state),
        "total_price": yuan(order.price_fen),
        "has_back_money": yuan(order.price_fen if order.refunded else 0),
        "card_list": _cards(order, state),
    }


def _category(identity: int, name: str) -> Json:
    return {"id": identity, "name": name, "pid": 0, "img": "", "children": []}


def _product(shop: Shop, identity: str) -> Product:
    product = shop.supplier.products.get(identity)
    if product is None:
        raise Problem(REFUSED, "商品不存在")
    return product


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "id": number(product.id),
        "goods_name": product.name,
        "goods_img": "",
        "goods_type": CARD if product.kind == "card" else VIRTUAL,
        "face_value": yuan(product.face_value_fen),
        "goods_price": yuan(desk.price_shown_fen(shop, product)),
        "status": ON_SALE if product.on_sale else PAUSED,
        "stock_num": desk.stock_shown(shop, product),
        "can_buy": "",
        "can_no_buy": "",
        "can_price": "",
        "need_balance": "",
    }


def _details(desk: Desk, shop: Shop, product: Product) -> Json:
    more = {"goods_info": "", "goods_notice": "", "start_count": 1, "end_count": QUANTITY_MAX}
    return {**_goods(desk, shop, product), **more, "attach": _attach(product)}


def _attach(product: Product) -> list[Json]:
    if product.kind == "card":
        return []
    return [{"key": "recharge_account", "name": "充值账号", "type": "text", "tip": "请填写正确的充值账号"}]


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    category, page = text(body.get("cate_id")), max(1, whole(body.get("page"), 1))
    limit = min(PAGE_MAX, max(1, whole(body.get("limit"), PAGE_MAX)))
    goods = [_goods(desk, shop, product) for product in shop.supplier.products.values()]
    goods = [one for one in goods if category in ("", "0", str(one["goods_type"]))]
    start = (page - 1) * limit
    return {"list": goods[start : start + limit], "total": len(goods)}
