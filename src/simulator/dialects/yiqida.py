"""亿奇达.

From the document: POST of JSON, in the query timestamp (13 digits), userName and sign over the body as sent; code 200
is success and 506 is every failure; GetCommodityInfo shows price, template, state and stock; a callback carries
orderNo, externalOrderno and status 4 done or 5 failed, and its sign over the body in the query.
From public clients: the paths and fields of orders and lists; every value of `template` is URL-encoded; an order's
status 0 waiting, 2 to be treated, 3 sent, 4 done, 5 failed, 6 processing; `carmi`, a list of texts; a callback is
answered with `ok`.
This simulator's reading: which of the statuses is shown when; a commodity's status 1 is on sale; `template` in a
commodity is a JSON text of {txt, type, regex}; externalSellPrice is what we sell for, so an order that would cost more
is refused; a card's number and password stand in one text, `----` between them; the clock window; no such order is a
506 whose text says so; a repeated outer number is a new order (`dedupe` off); the balance, for which no path was seen,
is /api/UserAccount/GetBalance.
"""

from urllib.parse import unquote, urlencode

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
    number,
    on_time,
    order_asked_for,
    page_of,
    product_asked_for,
    strange,
    take,
    text,
    whole,
)
from simulator.model import Order, Product, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 5 * 60_000
PAGE_MAX = 100
FAILED = 506
CODES: dict[Why, int | str] = dict.fromkeys(Why, FAILED)
STATUS = {State.UNTREATED: 2, State.PROCESSING: 6, State.DONE: 4, State.FAILED: 5}
STEPS: dict[str, Step] = {"UserOrder/CreateOrder": "buy", "UserOrder/QueryOrderModel": "query"}
BETWEEN = "----"


class Yiqida(Speech):
    credentials = ("user_name", "key")
    ack = "ok"
    ip_refused, too_fast = FAILED, FAILED

    def read(self, supplier: Supplier, request: Request) -> Asking:
        stamp = request.query("timestamp")
        if request.query("userName") != supplier.credentials["user_name"]:
            raise Problem(FAILED, "账号不存在")
        if len(stamp) != 13 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(FAILED, "时间戳已过期")
        if not signing.same(signing.yiqida(stamp, request.body, supplier.secret), request.query("sign")):
            raise Problem(FAILED, "签名错误")
        body = json_object(request.body, FAILED)
        product = text(body.get("commodityId") or body.get("id"))
        name = endpoint(request, "api/")
        return Asking(name, STEPS.get(name, "look"), product, text(body.get("external_orderno")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "UserOrder/CreateOrder":
                return self._buy(desk, shop, asking, faults)
            case "UserOrder/QueryOrderModel":
                order = order_asked_for(shop, asking.outer, text(asking.body.get("orderNo")), FAILED)
                return _answer(_order(order, state_now(order)), faults), None
            case "UserAccount/GetBalance":
                return _answer({"userName": shop.supplier.name, "balance": amount(shop.supplier.balance_fen)}), None
            case "UserCommdity/GetCatalogList":
                return _answer([{"id": 1, "name": "直充"}, {"id": 2, "name": "卡密"}]), None
            case "UserCommdity/GetCommodityList":
                return _answer(_page(desk, shop, asking.body)), None
            case "UserCommdity/GetCommodityInfo":
                return _answer(_commodity(desk, shop, product_asked_for(shop, asking.product, CODES))), None
        raise Problem(FAILED, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "msg": problem.text, "data": None})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        shown: Json = {
            "orderNo": order.number,
            "externalOrderno": order.outer,
            "status": STATUS[state],
            "msg": order.text if state in (State.DONE, State.FAILED) else "",
        }
        body = signing.compact_json(shown).encode()
        query = "" if order.plan.unsigned else urlencode({"sign": signing.yiqida("", body, supplier.secret)})
        if order.plan.tampered:
            body = signing.compact_json({**shown, "orderNo": "TAMPERED"}).encode()
        return Message(body, query=query)

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        template = body.get("template")
        first = template[0] if isinstance(template, list) and template else ""
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("buyCount"), 1),
                account=unquote(text(first)),
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("callbackUrl")) or shop.supplier.callback_url,
                most_fen=guard(body, "externalSellPrice", CODES) or None,
            ),
            faults,
            CODES,
        )
        return _answer(_order(order, answer_state(order, faults)), faults), order


def _answer(data: Json | list[Json], faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and isinstance(data, dict):
        data["status"] = UNMAPPED_STATUS
    return as_json({"code": UNMAPPED_CODE if strange(faults) == "code" else 200, "msg": "操作成功", "data": data})


def _order(order: Order, state: State) -> Json:
    return {
        "orderNo": order.number,
        "orderId": number(order.number),
        "externalOrderno": order.outer,
        "commodityId": number(order.product),
        "buyCount": order.quantity,
        "totalPrice": amount(order.price_fen),
        "status": STATUS[state],
        "sellerMessage": [{"message": order.text}] if state in (State.DONE, State.FAILED) else [],
        "carmi": [f"{card.number}{BETWEEN}{card.password}" for card in order.cards] if state is State.DONE else [],
    }


def _commodity(desk: Desk, shop: Shop, product: Product) -> Json:
    field = {"txt": "充值账号", "type": "text", "regex": product.pattern}
    return {
        "mainId": number(product.id),
        "branchId": number(product.id),
        "name": product.name,
        "branchName": product.name,
        "MainImg": "",
        "isPreSale": 1,
        "price": amount(desk.price_shown_fen(shop, product)),
        "guidePrice": amount(product.face_value_fen),
        "catalogId": 2 if product.kind == "card" else 1,
        "stock": desk.stock_shown(shop, product),
        "status": 1 if product.on_sale else 2,
        "template": signing.compact_json([] if product.kind == "card" else [field]),
    }


def _page(desk: Desk, shop: Shop, body: Json) -> list[Json]:
    catalog, size = text(body.get("catalogId")), min(PAGE_MAX, max(1, whole(body.get("size"), 20)))
    goods = [_commodity(desk, shop, product) for product in shop.supplier.products.values()]
    return page_of([one for one in goods if catalog in ("", str(one["catalogId"]))], whole(body.get("page"), 1), size)
