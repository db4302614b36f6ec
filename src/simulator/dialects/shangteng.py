"""商腾: no document was found; two public clients were written from one.

From the clients: JSON by POST; the headers Userid, Timestamp in seconds and Sign over time, the JSON with its keys
sorted, and the key (卡速售's formula); Order/create, Order/query, User/balance, Product/index and their fields;
`status` 200 is success; face_value may be sent to be checked against the product's; a query's status 0 and 1 under way,
2 done, 3 failed, 4 refunded, a callback's 3 cancelled and 5 failed; a callback is JSON of external_orderno, orderno,
status, msg, total_price, recharge_hints, time and sign, signed like a request with its `time`, and is answered with
`ok`. One of the two says that callbacks bear no signature and believes only a query: so should anybody.
This simulator's reading: milliseconds are a time as well; the clock window; 411 is every failure (a client's tests show
it for low balance, off sale and a wrong signature); no such order is a 411 too; a failure with the money back is 4;
several pieces by `quantity`; it sells no cards and knows no safe price; a repeated number is a new order (`dedupe`
off); goods of other kinds than phone credit have no face value to check; all three balances are the same one.
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
    as_json,
    endpoint,
    fen,
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
PAGE, PAGE_MAX = 20, 100
FINE, FAILED = 200, 411
CODES: dict[Why, int | str] = dict.fromkeys(Why, FAILED)
STATUS = {State.UNTREATED: 0, State.PROCESSING: 1, State.DONE: 2}
REFUNDED, FAILED_ASKED, FAILED_TOLD = 4, 3, 5
STEPS: dict[str, Step] = {"Order/create": "buy", "Order/query": "query"}


class Shangteng(Speech):
    credentials = ("user_id", "key")
    ack = "ok"
    ip_refused, too_fast = FAILED, FAILED

    def read(self, supplier: Supplier, request: Request) -> Asking:
        stamp = request.header("timestamp")
        if request.header("userid") != supplier.credentials["user_id"]:
            raise Problem(FAILED, "用户不存在")
        if not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(FAILED, "时间戳已过期")
        body = json_object(request.body, FAILED)
        mine = signing.kasushou(stamp, json.loads(request.body) if body else {}, supplier.secret)
        if not signing.same(mine, request.header("sign")):
            raise Problem(FAILED, "签名错误")
        name = endpoint(request, "api/")
        outer = text(body.get("external_orderno"))
        return Asking(name, STEPS.get(name, "look"), text(body.get("product_id")), outer, body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "Order/create":
                return self._buy(desk, shop, asking, faults)
            case "Order/query":
                order = order_asked_for(shop, asking.outer, text(asking.body.get("orderno")), FAILED)
                return _answer(_order(order, state_now(order)), faults), None
            case "User/balance":
                balance = yuan(shop.supplier.balance_fen)
                return _answer(dict.fromkeys(("phone_balance", "power_balance", "member_balance"), balance)), None
            case "Product/index":
                return _answer(_page(desk, shop, asking.body)), None
        raise Problem(FAILED, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"status": problem.code, "msg": problem.text, "data": None})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        said = order.text if state in (State.DONE, State.FAILED) else ""
        shown: Json = {
            "external_orderno": order.outer,
            "orderno": order.number,
            "status": _status(order, state, FAILED_TOLD),
            "msg": said if state is State.FAILED else "",
            "total_price": yuan(order.price_fen),
            "recharge_hints": said,
            "time": str(at_ms // 1000),
        }
        if not order.plan.unsigned:
            shown["sign"] = signing.kasushou(shown["time"], shown, supplier.secret)
        if order.plan.tampered:
            shown["total_price"] = "0.01"
        return Message(signing.compact_json(shown).encode())

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body, face = asking.body, fen(asking.body.get("face_value"))
        product = shop.supplier.products.get(asking.product)
        if product and product.kind == "mobile" and face not in (None, product.face_value_fen):
            raise Problem(FAILED, "面值与商品不符")
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("quantity"), 1),
                account=text(body.get("recharge_account")),
                kinds=("top_up", "mobile"),
                callback_url=text(body.get("notify_url")) or shop.supplier.callback_url,
            ),
            faults,
            CODES,
        )
        return _answer({"orderno": order.number, "external_orderno": order.outer}, faults), order


def _answer(data: Json, faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and "status" in data:
        data["status"] = UNMAPPED_STATUS
    return as_json({"status": UNMAPPED_CODE if strange(faults) == "code" else FINE, "msg": "操作成功", "data": data})


def _status(order: Order, state: State, failed: int) -> int:
    if state is State.FAILED:
        return REFUNDED if order.refunded else failed
    return STATUS[state]


def _order(order: Order, state: State) -> Json:
    return {
        "orderno": order.number,
        "external_orderno": order.outer,
        "status": _status(order, state, FAILED_ASKED),
        "msg": order.text if state is State.FAILED else "",
        "product_id": order.product,
        "recharge_account": order.account,
        "amount": yuan(order.price_fen),
    }


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    goods = [_goods(desk, shop, one) for one in shop.supplier.products.values() if one.kind != "card"]
    size, page = min(PAGE_MAX, max(1, whole(body.get("limit"), PAGE))), max(1, whole(body.get("page"), 1))
    counts = {"total": len(goods), "per_page": size, "current_page": page, "last_page": max(1, -(-len(goods) // size))}
    return {**counts, "data": page_of(goods, page, size)}


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    sold = product.on_sale and desk.stock_shown(shop, product) > 0
    return {
        "id": number(product.id),
        "name": product.name,
        "price": yuan(desk.price_shown_fen(shop, product)),
        "cate_name": "话费" if product.kind == "mobile" else "会员",
        "type_name": "快充",
        "product_name": product.name,
        "isp": "1",
        "remark": "",
        "margin": "0",
        "success_rate": "99%",
        "time_cost": "30秒",
        "api_open": 1,
        "timeout_auto_refund": 0,
        "status": 1 if sold else 0,
        "sort": 0,
        "create_time": 0,
    }
