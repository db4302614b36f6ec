"""橙券.

From public clients (no document was readable): POST of JSON with app_id, timestamp and sign; the paths; code 7000 is
success; in an order `amount` is the number of pieces and order_no is our number; its state is SUCCESS, FAIL or
RECHARGE; cards are bought like top-ups and shown as card_no and card_password; a callback names our order_no, its own
cq_order_no, status, message and, as `amount`, the money, is signed like a request, and is answered with `OK`.
This simulator's reading: a time in seconds or in milliseconds, within five minutes; answers name the orders as the
callback does and the money `price`; a repeated number is a new order (`dedupe` off); no safe price; the refusals:

  7001 field missing or unreadable   7002 app_id wrong      7003 signature wrong   7004 time wrong
  7005 no such endpoint              7006 address not on the list                  7007 asked too often
  7101 no such product               7102 off sale          7103 another type      7104 sold out
  7106 declined                      7107 balance too low   7108 account wrong     7109 number used
  7201 no such order
"""

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults, state_now
from simulator.dialects.speech import (
    UNMAPPED_CODE,
    UNMAPPED_STATUS,
    Asking,
    Json,
    Problem,
    Speech,
    Step,
    answer_state,
    as_json,
    endpoint,
    json_object,
    number,
    on_time,
    order_asked_for,
    page_of,
    strange,
    take,
    text,
    whole,
    yuan,
)
from simulator.model import Order, Product, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 5 * 60_000
PAGE_MAX = 100
CODES: dict[Why, int | str] = {
    Why.NO_PRODUCT: 7101,
    Why.OFF_SALE: 7102,
    Why.WRONG_KIND: 7103,
    Why.SOLD_OUT: 7104,
    Why.PRICE: 7105,
    Why.DECLINED: 7106,
    Why.BALANCE: 7107,
    Why.BAD_ACCOUNT: 7108,
    Why.DUPLICATE: 7109,
    Why.BAD_REQUEST: 7001,
}
STATUS = {State.UNTREATED: "RECHARGE", State.PROCESSING: "RECHARGE", State.DONE: "SUCCESS", State.FAILED: "FAIL"}
STEPS: dict[str, Step] = {"order/directCharge": "buy", "order/get": "query"}


class Chengquan(Speech):
    credentials = ("app_id", "key")
    ack = "OK"
    ip_refused, too_fast = 7006, 7007

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body = json_object(request.body, 7001)
        if text(body.get("app_id")) != supplier.credentials["app_id"]:
            raise Problem(7002, "app_id 错误")
        if not signing.same(signing.chengquan(body, supplier.secret), body.get("sign")):
            raise Problem(7003, "签名错误")
        if not on_time(supplier, text(body.get("timestamp")), CLOCK_MS):
            raise Problem(7004, "时间戳已过期")
        name = endpoint(request)
        return Asking(name, STEPS.get(name, "look"), text(body.get("product_id")), text(body.get("order_no")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "order/directCharge":
                return self._buy(desk, shop, asking, faults)
            case "order/get":
                order = order_asked_for(shop, asking.outer, "", 7201)
                return _answer(_order(order, state_now(order)), faults), None
            case "user/balance/get":
                return _answer({"balance": yuan(shop.supplier.balance_fen)}), None
            case "coupon/type/list":
                return _answer([{"id": 1, "name": "直充"}, {"id": 2, "name": "卡密"}]), None
            case "coupon/type/goods/list":
                return _answer(_page(desk, shop, asking.body)), None
        raise Problem(7005, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "message": problem.text, "data": {}})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message: Json = {
            "app_id": supplier.credentials["app_id"],
            "order_no": order.outer,
            "cq_order_no": order.number,
            "status": STATUS[state],
            "message": order.text if state in (State.DONE, State.FAILED) else "",
            "amount": yuan(order.price_fen),
            "timestamp": str(at_ms),
        }
        if not order.plan.unsigned:
            message["sign"] = signing.chengquan(message, supplier.secret)
        if order.plan.tampered:
            message["amount"] = "0.01"
        return Message(signing.compact_json(message).encode())

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("amount"), 1),
                account=text(body.get("recharge_number")),
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("notify_url")) or shop.supplier.callback_url,
            ),
            faults,
            CODES,
        )
        return _answer(_order(order, answer_state(order, faults)), faults), order


def _answer(data: Json | list[Json], faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and isinstance(data, dict):
        data["status"] = f"STATE_{UNMAPPED_STATUS}"
    code = UNMAPPED_CODE if strange(faults) == "code" else 7000
    return as_json({"code": code, "message": "成功", "data": data})


def _order(order: Order, state: State) -> Json:
    done = state is State.DONE
    return {
        "order_no": order.outer,
        "cq_order_no": order.number,
        "product_id": number(order.product),
        "amount": order.quantity,
        "price": yuan(order.price_fen),
        "recharge_number": order.account,
        "status": STATUS[state],
        "message": order.text if done or state is State.FAILED else "",
        "cards": [{"card_no": card.number, "card_password": card.password} for card in order.cards] if done else [],
    }


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    wanted, size = text(body.get("type_id")), min(PAGE_MAX, max(1, whole(body.get("page_size"), 20)))
    goods = [_goods(desk, shop, product) for product in shop.supplier.products.values()]
    goods = [one for one in goods if wanted in ("", str(one["type_id"]))]
    return {"total": len(goods), "list": page_of(goods, whole(body.get("page"), 1), size)}


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "id": number(product.id),
        "product_id": number(product.id),
        "name": product.name,
        "type_id": 2 if product.kind == "card" else 1,
        "face_value": yuan(product.face_value_fen),
        "price": yuan(desk.price_shown_fen(shop, product)),
        "stock": desk.stock_shown(shop, product),
        "status": 1 if product.on_sale else 0,
    }
