"""卡速售 v2 and its clones.

From the documents: headers UserId, Timestamp (13-digit ms), Sign; code 200 is success; status 2 processing, 3 done,
4 failed; `card_list`; safe_price; the callback's signature without card_list and express_list; ack `ok`.
From a public client: the envelope {code, msg, data}; order/info answers a list; goods_name, goods_price, stock_num,
total_price, recharge_hints; "订单不存在" for an unknown order.
This simulator's reading (no document seen): the refusal codes below; goods/list wraps its page in {total, page, limit,
list}; safe_price is per unit; an order number bought twice (`dedupe` off) answers both orders, the newest first.

  401 signature or user wrong   402 balance too low        403 timestamp outside five minutes
  404 no such order or product  405 no such endpoint       409 number used (dedupe)   410 sold out
  406 address not on the list   429 asked too often
  411 off sale                  412 above the safe price   422 account wrong          423 product declined
  400 anything else wrong with the request
"""

import json
from typing import Any

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults
from simulator.dialects.speech import Asking, Json, Problem, Speech, fen, number, text, whole, yuan
from simulator.model import Order, Product, Refused, State, Supplier, Why
from simulator.world import Shop, clock_ms, now_ms

CLOCK_MS = 5 * 60_000
PAGE_MAX = 100
UNMAPPED_STATUS, UNMAPPED_CODE = 97, 9797
PREFIX = "/api/v1/"

STATUS = {State.UNTREATED: 2, State.PROCESSING: 2, State.DONE: 3, State.FAILED: 4}
CODES = {
    Why.NO_PRODUCT: 404,
    Why.OFF_SALE: 411,
    Why.WRONG_KIND: 423,
    Why.SOLD_OUT: 410,
    Why.PRICE: 412,
    Why.DECLINED: 423,
    Why.BALANCE: 402,
    Why.BAD_ACCOUNT: 422,
    Why.DUPLICATE: 409,
    Why.BAD_REQUEST: 400,
}
STEPS = {"order/buy": "buy", "order/info": "query"}


class Kasushou(Speech):
    credentials = ("user_id", "key")
    ack = "ok"
    ip_refused, too_fast = 406, 429

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body = _body(request.body)
        stamp, user = request.header("timestamp"), request.header("userid")
        if len(stamp) != 13 or not stamp.isdecimal() or abs(int(stamp) - clock_ms(supplier)) > CLOCK_MS:
            raise Problem(403, "时间戳已过期")
        mine = signing.kasushou(stamp, body, supplier.secret)
        if user != supplier.credentials["user_id"] or not signing.same(mine, request.header("sign")):
            raise Problem(401, "签名错误")
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
                balance = yuan(shop.supplier.balance_fen)
                user = shop.supplier.credentials["user_id"]
                return _answer({"id": number(user), "username": shop.supplier.name, "balance": balance}), None
            case "goods/cate":
                return _answer([{"id": 1, "name": "直充"}, {"id": 2, "name": "卡密"}]), None
            case "goods/list":
                return _answer(_page(desk, shop, asking.body)), None
            case "goods/info":
                return _answer(_goods(desk, shop, _product(shop, asking.product))), None
            case "goods/attach":
                return _answer(_attach(_product(shop, asking.product))), None
        raise Problem(405, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return Answer(body=_json({"code": problem.code, "msg": problem.text, "data": None}))

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message: Json = {
            **_order(order, state),
            "express_list": [],
            "time": str(at_ms // 1000),
        }
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
            raise Problem(400, "安全价格格式错误")
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
            raise Problem(CODES[refusal.why], refusal.text) from refusal
        # A callback that overtakes its answer must not be overtaken itself: the answer still says "processing".
        state = State.PROCESSING if "callback_before_answer" in faults else order.state
        return _answer(_order(order, state), faults), order

    def _query(self, shop: Shop, asking: Asking, faults: Faults) -> list[Json]:
        if asking.outer:
            found = list(reversed(shop.by_outer.get(asking.outer, [])))
        else:
            order = shop.orders.get(text(asking.body.get("ordersn")))
            found = [order] if order else []
        found = [order for order in found if order.plan.hidden_until_ms <= now_ms()]
        if not found:
            raise Problem(404, "订单不存在")
        return [_order(order, order.state) for order in found]


def _body(raw: bytes) -> Json:
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError as problem:
        raise Problem(400, "请求内容不是 JSON") from problem
    if body == []:
        return {}  # PHP writes an empty map as an empty list
    if not isinstance(body, dict):
        raise Problem(400, "请求内容不是 JSON 对象")
    return body


def _json(body: object) -> bytes:
    return signing.compact_json(body).encode()


def _answer(data: Any, faults: Faults | None = None) -> Answer:
    code = 200
    strange = (faults or {}).get("wrong_status")
    if strange and strange.what == "code":
        code = UNMAPPED_CODE
    elif strange:
        for order in data if isinstance(data, list) else [data]:
            order["status"] = UNMAPPED_STATUS
    return Answer(body=_json({"code": code, "msg": "请求成功", "data": data}))


def _order(order: Order, state: State) -> Json:
    shown: Json = {
        "ordersn": order.number,
        "external_orderno": order.outer,
        "goods_id": number(order.product),
        "quantity": order.quantity,
        "status": STATUS[state],
        "total_price": yuan(order.price_fen),
        "refund_price": yuan(order.price_fen if order.refunded else 0),
        "recharge_account": order.account,
        "recharge_hints": order.text if state in (State.DONE, State.FAILED) else "",
        "card_list": [],
    }
    if state is State.DONE:
        shown["card_list"] = [{"card_no": card.number, "card_password": card.password} for card in order.cards]
    return shown


def _product(shop: Shop, identity: str) -> Product:
    product = shop.supplier.products.get(identity)
    if product is None:
        raise Problem(404, "商品不存在")
    return product


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "id": number(product.id),
        "goods_name": product.name,
        "goods_type": 2 if product.kind == "card" else 1,
        "cate_id": 2 if product.kind == "card" else 1,
        "goods_price": yuan(desk.price_shown_fen(shop, product)),
        "face_value": yuan(product.face_value_fen),
        "stock_num": desk.stock_shown(shop, product),
        "status": 1 if product.on_sale else 0,
        "can_buy": product.on_sale,
        "attach": _attach(product),
    }


def _attach(product: Product) -> list[Json]:
    if product.kind == "card":
        return []
    field = {"key": "recharge_account", "name": "充值账号", "type": "text", "required": 1, "regex": product.pattern}
    return [field]


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    category, page = text(body.get("cate_id")), max(1, whole(body.get("page"), 1))
    limit = min(PAGE_MAX, max(1, whole(body.get("limit"), 20)))
    goods = [_goods(desk, shop, product) for product in shop.supplier.products.values()]
    goods = [one for one in goods if not category or category == str(one["cate_id"])]
    start = (page - 1) * limit
    return {"total": len(goods), "page": page, "limit": limit, "list": goods[start : start + limit]}
