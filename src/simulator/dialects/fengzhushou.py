"""蜂助手.

From public clients (no document was readable): POST of JSON to the three paths, with projectCode, timestamp in
milliseconds as a text, and sign; the fields of an order, callbackUrl, skuPrice and ext among them; `retcode` is both
the answer's code and an order's state: 0 taken or under way, 1 done, 9 failed; 2000 no such sku or off sale, 3000 no
such order, 3100 the account may not have this, 3104 the price does not match, 3999 the order was not made, 4001 and
4002 the money could not be taken or is short, 9999 the supplier does not know itself; 102, 103, 107, 400 and 1000
refuse a request as a whole; no list of products, no cards in any answer; a callback tells channelOrderNo, orderNo,
retcode and msg, signed like a request, and is answered with `{"code": "0"}`.
This simulator's reading: which of the refusing codes means what (102 signature, 103 time, 107 asked too often, 400 a
field, 1000 project code or address), the clock window, a price that does not match is one that is higher than skuPrice,
which is for one piece; top-ups and phone credit only; a repeated number is a new order (`dedupe` off; on: 3001).
"""

import json

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
    amount,
    answer_state,
    as_json,
    endpoint,
    guard,
    json_object,
    on_time,
    order_asked_for,
    strange,
    take,
    text,
    whole,
)
from simulator.model import Order, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 5 * 60_000
CODES: dict[Why, int | str] = {
    Why.NO_PRODUCT: 2000,
    Why.OFF_SALE: 2000,
    Why.WRONG_KIND: 2000,
    Why.SOLD_OUT: 3999,
    Why.PRICE: 3104,
    Why.DECLINED: 3999,
    Why.BALANCE: 4002,
    Why.BAD_ACCOUNT: 3100,
    Why.DUPLICATE: 3001,
    Why.BAD_REQUEST: 400,
}
RETCODES = {State.UNTREATED: 0, State.PROCESSING: 0, State.DONE: 1, State.FAILED: 9}
STEPS: dict[str, Step] = {"sendgoods": "buy", "queryorder": "query"}


class Fengzhushou(Speech):
    credentials = ("project_code", "key")
    ack = '{"code":"0"}'
    ip_refused, too_fast = 1000, 107

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body = json_object(request.body, 400)
        if body.get("projectCode") != supplier.credentials["project_code"]:
            raise Problem(1000, "项目编码错误")
        if not signing.same(signing.fengzhushou(body, supplier.secret), body.get("sign")):
            raise Problem(102, "签名错误")
        stamp = text(body.get("timestamp"))
        if len(stamp) != 13 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(103, "时间戳已过期")
        name = endpoint(request, "fzs-stdopen-api/api/v1/")
        return Asking(name, STEPS.get(name, "look"), text(body.get("skuCode")), text(body.get("channelOrderNo")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "sendgoods":
                return self._buy(desk, shop, asking, faults)
            case "queryorder":
                order = order_asked_for(shop, asking.outer, "", 3000)
                state = state_now(order)
                return _answer(RETCODES[state], _order(order, state), faults), None
            case "balance":
                return _answer(0, {"balance": amount(shop.supplier.balance_fen)}), None
        raise Problem(400, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"retcode": problem.code, "msg": problem.text, "data": {}})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        message: Json = {
            "projectCode": supplier.credentials["project_code"],
            "channelOrderNo": order.outer,
            "orderNo": order.number,
            "retcode": RETCODES[state],
            "msg": order.text if state in (State.DONE, State.FAILED) else "发货中",
            "timestamp": str(at_ms),
        }
        if not order.plan.unsigned:
            message["sign"] = signing.fengzhushou(message, supplier.secret)
        if order.plan.tampered:
            message["orderNo"] = "TAMPERED"
        return Message(signing.compact_json(message).encode())

    def acknowledged(self, answer: str) -> bool:
        try:
            told = json.loads(answer)
        except ValueError:
            return False
        return isinstance(told, dict) and text(told.get("code")) == "0"

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("num"), 1),
                account=text(body.get("account")),
                kinds=("top_up", "mobile"),
                callback_url=text(body.get("callbackUrl")) or shop.supplier.callback_url,
                safe_price_fen=guard(body, "skuPrice", CODES),
            ),
            faults,
            CODES,
        )
        # Taken is all that this answer ever says: 1 and 9 are the query's and the callback's.
        return _answer(0, _order(order, answer_state(order, faults)), faults), order


def _answer(retcode: int, data: Json, faults: Faults | None = None) -> Answer:
    match strange(faults):
        case "code":
            retcode = UNMAPPED_CODE
        case "status":
            retcode = UNMAPPED_STATUS
    return as_json({"retcode": retcode, "msg": "成功", "data": data})


def _order(order: Order, state: State) -> Json:
    return {
        "orderNo": order.number,
        "channelOrderNo": order.outer,
        "skuCode": order.product,
        "num": order.quantity,
        "skuPrice": amount(order.price_fen // order.quantity),
        "message": order.text if state in (State.DONE, State.FAILED) else "",
    }
