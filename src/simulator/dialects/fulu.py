"""福禄 v2.

From the documents: one address, the envelope, the signature over sorted characters, the method names, code 0 is
success, accepted is not charged (query is mandatory), an order's `order_state`, the callback's fields (there it is
`order_status`), ack `SUCCESS`, no cards in a callback; number and password of a card are each AES-256-ECB, PKCS7,
base64, the secret for a key.
From public clients: on 3001-3005 and 3008 a client goes on to its next product; the callback's numbers are texts
(price with four decimals) and it names the product_id too; `{"card_number", "card_pwd", "card_deadline"}`.
This simulator's reading (no document seen):
  - the codes' meanings:
    3001 no such product   3002 off sale         3003 sold out            3004 product is of another type
    3005 price changed     3008 in maintenance   1001 signature wrong     1002 app_key wrong
    1003 time outside ten minutes                1004 no such method      1005 field missing or unreadable
    1006 address not on the list                 1007 asked too often
    2001 balance too low   2002 account wrong    2003 number used (dedupe)     4001 no such order
  - real secrets have 32 characters; ours may be of any length (see `ciphers`).
  - a callback is sent again as the 卡速售 document says; the address is a setting, the request carries none.
"""

import json
from datetime import datetime, timedelta, timezone

from simulator import ciphers, signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults, state_now
from simulator.dialects.speech import Asking, Json, Problem, Speech, fen, number, text, whole, yuan
from simulator.model import Order, Product, ProductKind, Refused, State, Supplier, Why
from simulator.world import Shop, clock_ms, now_ms

SHANGHAI = timezone(timedelta(hours=8))
CLOCK_MS = 10 * 60_000
OUTER_MAX = 50
UNMAPPED_STATUS, UNMAPPED_CODE = "suspended", 9797

STATES = {
    State.UNTREATED: "untreated",
    State.PROCESSING: "processing",
    State.DONE: "success",
    State.FAILED: "failed",
}
CODES = {
    Why.NO_PRODUCT: 3001,
    Why.OFF_SALE: 3002,
    Why.SOLD_OUT: 3003,
    Why.WRONG_KIND: 3004,
    Why.PRICE: 3005,
    Why.DECLINED: 3008,
    Why.BALANCE: 2001,
    Why.BAD_ACCOUNT: 2002,
    Why.DUPLICATE: 2003,
    Why.BAD_REQUEST: 1005,
}
KINDS: dict[str, tuple[ProductKind, ...]] = {
    "fulu.order.direct.add": ("top_up",),
    "fulu.order.card.add": ("card",),
    "fulu.order.mobile.add": ("mobile",),
}
TYPES = {"mobile": 1, "card": 3, "top_up": 4}
FIXED = {"version": "2.0", "format": "json", "charset": "utf-8", "sign_type": "md5", "app_auth_token": ""}


class Fulu(Speech):
    credentials = ("app_key", "secret")
    ack = "SUCCESS"
    ip_refused, too_fast = 1006, 1007

    def read(self, supplier: Supplier, request: Request) -> Asking:
        envelope = _object(request.body, "请求内容不是 JSON 对象")
        if envelope.get("app_key") != supplier.credentials["app_key"]:
            raise Problem(1002, "app_key 错误")
        if not signing.same(signing.fulu(envelope, supplier.secret), envelope.get("sign")):
            raise Problem(1001, "签名错误")
        wrong = next((name for name, value in FIXED.items() if envelope.get(name) != value), None)
        if wrong:
            raise Problem(1005, f"参数 {wrong} 错误")
        if abs(_time_ms(text(envelope.get("timestamp"))) - clock_ms(supplier)) > CLOCK_MS:
            raise Problem(1003, "时间戳已过期")
        content = text(envelope.get("biz_content"))
        body = _object(content.encode(), "biz_content 不是 JSON 对象") if content else {}
        method = text(envelope.get("method"))
        product = text(body.get("product_id"))
        if method == "fulu.order.mobile.add":
            product = _mobile_product(supplier, body)
        outer = text(body.get("customer_order_no"))
        if method in KINDS:
            return Asking(method, "buy", product, outer, body)
        return Asking(method, "query" if method == "fulu.order.info.get" else "look", product, outer, body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        supplier = shop.supplier
        if asking.step == "buy":
            return self._buy(desk, shop, asking, faults)
        match asking.endpoint:
            case "fulu.order.info.get":
                return _answer(supplier, _query(shop, asking), faults), None
            case "fulu.user.info.get":
                name = supplier.name
                data: object = {"name": name, "balance": yuan(supplier.balance_fen), "is_open": 1}
            case "fulu.goods.list.get":
                data = [_goods(desk, shop, product) for product in supplier.products.values()]
            case "fulu.goods.info.get":
                data = _goods(desk, shop, _product(shop, asking.product))
            case "fulu.goods.template.get":
                data = _template(_product(shop, asking.product or text(asking.body.get("template_id"))))
            case "fulu.goods.stock.check":
                product = _product(shop, asking.product)
                enough = desk.stock_shown(shop, product) >= whole(asking.body.get("buy_num"), 1)
                data = {"product_id": number(product.id), "stock_status": "充足" if enough else "断货"}
            case _:
                raise Problem(1004, "接口不存在")
        return _answer(supplier, data), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return _envelope(supplier, problem.code, problem.text, "")

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message: Json = {
            "order_id": order.number,
            "charge_finish_time": _clock(at_ms),
            "customer_order_no": order.outer,
            "order_status": STATES[state],
            "recharge_description": order.text,
            "product_id": order.product,
            "price": f"{yuan(order.price_fen // order.quantity)}00",
            "buy_num": str(order.quantity),
            "operator_serial_number": order.serial,
        }
        if not order.plan.unsigned:
            message["sign"] = signing.fulu(message, supplier.secret)
        if order.plan.tampered:
            message["price"] = "0.0100"
        return Message(signing.compact_json(message).encode())

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        if len(asking.outer) > OUTER_MAX:
            raise Problem(1005, "外部订单号超过 50 个字符")
        try:
            order = desk.take(
                shop,
                Asked(
                    product=asking.product,
                    outer=asking.outer,
                    quantity=whole(body.get("buy_num"), 1),
                    account=text(body.get("charge_account") or body.get("charge_phone")),
                    kinds=KINDS[asking.endpoint],
                    callback_url=shop.supplier.callback_url,
                ),
                faults,
            )
        except Refused as refusal:
            raise Problem(CODES[refusal.why], refusal.text) from refusal
        # Accepted is not charged: whatever has happened meanwhile, the answer to a new order is "untreated".
        return _answer(shop.supplier, _order(shop.supplier, order, State.UNTREATED), faults), order


def _query(shop: Shop, asking: Asking) -> Json:
    found = [one for one in shop.by_outer.get(asking.outer, []) if one.plan.hidden_until_ms <= now_ms()]
    if not found:
        raise Problem(4001, "订单不存在")
    order = found[-1]
    return _order(shop.supplier, order, state_now(order))


def _object(raw: bytes, otherwise: str) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as problem:
        raise Problem(1005, otherwise) from problem
    if not isinstance(body, dict):
        raise Problem(1005, otherwise)
    return body


def _time_ms(stamp: str) -> int:
    try:
        if len(stamp) != len("2026-01-01 00:00:00") or stamp[10] != " ":
            return 0
        return int(datetime.fromisoformat(stamp).replace(tzinfo=SHANGHAI).timestamp() * 1000)
    except ValueError:
        return 0


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _envelope(supplier: Supplier, code: int | str, message: str, result: str) -> Answer:
    sign = signing.fulu_text(result, supplier.secret)
    envelope = {"code": code, "message": message, "result": result, "sign": sign}
    return Answer(body=signing.compact_json(envelope).encode())


def _answer(supplier: Supplier, data: object, faults: Faults | None = None) -> Answer:
    code, strange = 0, (faults or {}).get("wrong_status")
    if strange and strange.what == "code":
        code = UNMAPPED_CODE
    elif strange and isinstance(data, dict):
        data["order_state"] = UNMAPPED_STATUS
    return _envelope(supplier, code, "接口调用成功", signing.compact_json(data))


def _order(supplier: Supplier, order: Order, state: State) -> Json:
    shown: Json = {
        "order_id": order.number,
        "customer_order_no": order.outer,
        "product_id": number(order.product),
        "order_type": TYPES[order.kind],
        "order_price": yuan(order.price_fen),
        "buy_num": order.quantity,
        "charge_account": order.account,
        "order_state": STATES[state],
        "create_time": _clock(order.taken_ms),
        "finish_time": _clock(order.finished_ms) if state in (State.DONE, State.FAILED) else "",
        "recharge_description": order.text if state in (State.DONE, State.FAILED) else "",
        "operator_serial_number": order.serial if state is State.DONE else "",
        "cards": [],
    }
    if state is State.DONE:
        shown["cards"] = [
            {
                "card_number": ciphers.aes_256_ecb(card.number, supplier.secret),
                "card_pwd": ciphers.aes_256_ecb(card.password, supplier.secret),
                "card_deadline": "2099-12-31 23:59:59",
            }
            for card in order.cards
        ]
    return shown


def _product(shop: Shop, identity: str) -> Product:
    product = shop.supplier.products.get(identity)
    if product is None:
        raise Problem(CODES[Why.NO_PRODUCT], "商品不存在")
    return product


def _mobile_product(supplier: Supplier, body: Json) -> str:
    """Phone credit is bought by its face value, not by a product number."""
    value = fen(body.get("charge_value"))
    fitting = (one.id for one in supplier.products.values() if one.kind == "mobile" and one.face_value_fen == value)
    return next(fitting, "")


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "product_id": number(product.id),
        "product_name": product.name,
        "product_type": {"card": "卡密", "top_up": "直充", "mobile": "话费"}[product.kind],
        "face_value": yuan(product.face_value_fen),
        "purchase_price": yuan(desk.price_shown_fen(shop, product)),
        "sales_status": "上架" if product.on_sale else "下架",
        "stock_status": "充足" if desk.stock_shown(shop, product) else "断货",
        "template_id": product.id,
        "details": "",
    }


def _template(product: Product) -> Json:
    field = {"InputName": "充值账号", "key": "charge_account", "required": True, "regex": product.pattern}
    return {"template_id": product.id, "elements": [] if product.kind == "card" else [field]}
