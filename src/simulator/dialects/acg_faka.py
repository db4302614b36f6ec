"""异次元 acg-faka as a supplier of other shops: forms, answered at once with the cards.

Nothing was published as a document; all of it is from the public code of the shop itself and of its clients: the paths
under /shared; app_id, app_key and sign in the form; MD5 over the sorted fields that are not empty, unescaped, and
`&key=`; {code: 200, msg, data}, and {code: 0, msg} under HTTP 200 for every refusal, so that only the words differ;
amounts as numbers in yuan, factory_price being what the caller pays; `secret` with one card a line; items as categories
with `children`; request_no refused when it was used; an order is asked for by tradeNo only, which the answer to the
purchase brings and nothing else; no time and no callback. A product shipped by hand (delivery_way 1) answers a
sentence for a secret until somebody ships it: the trap of this dialect.
This simulator's reading: what is not a card is shipped by hand, to the account in `contact`, after its work_ms; `stuck`
leaves a card order without a secret; one that fails was rolled back and cannot be found; a card is
`number----password`; every product has one category; `stock`, which newer shops show, is shown.
"""

from simulator import signing
from simulator.asgi import Answer, Request, form
from simulator.desk import Asked, Desk, Faults
from simulator.dialects.speech import Asking, Json, Problem, Speech, text, whole
from simulator.model import Order, Product, Refused, State, Supplier, Why
from simulator.world import Shop, now_ms

PREFIX = "/shared/"
WAITING = "正在发货中，请耐心等待，如有疑问，请联系客服。"
UNMAPPED_STATUS, UNMAPPED_CODE = 97, 9797
WORDS = {
    Why.NO_PRODUCT: "商品不存在",
    Why.WRONG_KIND: "商品不存在",
    Why.OFF_SALE: "当前商品已停售",
    Why.SOLD_OUT: "库存不足",
    Why.BALANCE: "余额不足",
    Why.DUPLICATE: "The request ID already exists",
}
BY_CODE = (
    "commodity/item",
    "commodity/stock",
    "commodity/valuation",
    "commodity/inventory",
    "commodity/inventoryState",
)


class AcgFaka(Speech):
    credentials = ("app_id", "key")
    dedupe = True

    def read(self, supplier: Supplier, request: Request) -> Asking:
        try:
            fields = form(request.body)
        except ValueError as problem:
            raise Problem(0, "参数编码错误") from problem
        if fields.get("app_id") != supplier.credentials["app_id"]:
            raise Problem(0, "商户ID不存在")
        if not signing.exact(signing.acg_faka(fields, supplier.secret), fields.get("sign")):
            raise Problem(0, "密钥错误")
        endpoint = request.path.partition(PREFIX)[2]
        product = fields.get("shared_code") or fields.get("sharedCode") or fields.get("code") or ""
        match endpoint:
            case "commodity/trade":
                return Asking(endpoint, "buy", product, fields.get("request_no", ""), dict(fields))
            case "commodity/query":
                return Asking(endpoint, "query", "", "", {"tradeNo": fields.get("tradeNo", "")})
        return Asking(endpoint, "look", product, "", dict(fields))

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "commodity/trade":
                return self._trade(desk, shop, asking, faults)
            case "commodity/query":
                return _answer(_found(shop, asking), faults), None
            case "authentication/connect":
                balance = _number(shop.supplier.balance_fen)
                return _answer({"shopName": shop.supplier.name, "balance": balance}), None
            case "commodity/items":
                return _answer(_tree(desk, shop)), None
        if asking.endpoint not in BY_CODE:
            raise Problem(0, "接口不存在")
        return _answer(_about(desk, shop, asking)), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return Answer(body=signing.compact_json({"code": problem.code, "msg": problem.text}).encode())

    def _trade(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        product = shop.supplier.products.get(asking.product)
        try:
            order = desk.take(
                shop,
                Asked(
                    product=asking.product,
                    outer=asking.outer,
                    quantity=whole(asking.body.get("num"), 1),
                    account=text(asking.body.get("contact")),
                    kinds=("card", "top_up", "mobile"),
                    callback_url="",
                    at_once=product is not None and product.kind == "card",
                ),
                faults,
            )
        except Refused as refusal:
            raise Problem(0, WORDS.get(refusal.why, refusal.text)) from refusal
        if order.state is State.FAILED:
            raise Problem(0, "发货失败，订单已取消")
        traded = {"url": None, "amount": _number(order.price_fen), "tradeNo": order.number, "secret": _secret(order)}
        return _answer(traded, faults), order


def _found(shop: Shop, asking: Asking) -> Json:
    order = shop.orders.get(asking.body["tradeNo"])
    if order is None or order.plan.hidden_until_ms > now_ms() or order.state is State.FAILED:
        raise Problem(0, "订单不存在")
    return {"secret": _secret(order), "widget": None, "status": 1}


def _secret(order: Order) -> str | None:
    if order.state is State.DONE:
        return "\n".join(f"{card.number}----{card.password}" for card in order.cards) or order.text
    return None if order.kind == "card" else WAITING


def _about(desk: Desk, shop: Shop, asking: Asking) -> object:
    product = shop.supplier.products.get(asking.product)
    if product is None:
        raise Problem(0, WORDS[Why.NO_PRODUCT])
    if not product.on_sale:
        raise Problem(0, WORDS[Why.OFF_SALE])
    goods, quantity = _goods(desk, shop, product), whole(asking.body.get("num"), 1)
    match asking.endpoint:
        case "commodity/item":
            return goods
        case "commodity/stock":
            return {"stock": goods["stock"]}
        case "commodity/valuation":
            return {"price": _number(desk.price_shown_fen(shop, product) * quantity)}
        case "commodity/inventoryState":
            if goods["stock"] < quantity:
                raise Problem(0, WORDS[Why.SOLD_OUT])
            return None
    shown = ("delivery_way", "draft_status", "price", "user_price", "config", "factory_price")
    return {"count": goods["stock"], "is_category": False, **{name: goods[name] for name in shown}}


def _tree(desk: Desk, shop: Shop) -> list[Json]:
    """Without what is off sale, as the shop itself leaves it out."""
    products = [one for one in shop.supplier.products.values() if one.on_sale]
    cards = [_goods(desk, shop, one) for one in products if one.kind == "card"]
    by_hand = [_goods(desk, shop, one) for one in products if one.kind != "card"]
    groups = [{"id": 1, "name": "卡密", "children": cards}, {"id": 2, "name": "直充", "children": by_hand}]
    return [one for one in groups if one["children"]]


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    ours = _number(desk.price_shown_fen(shop, product))
    return {
        "id": product.id,
        "code": product.id,
        "name": product.name,
        "description": "",
        "price": _number(product.face_value_fen),
        "user_price": ours,
        "factory_price": ours,
        "delivery_way": 0 if product.kind == "card" else 1,
        "contact_type": 0,
        "draft_status": 0,
        "minimum": 0,
        "maximum": 0,
        "stock": desk.stock_shown(shop, product),
        "config": "",
        "widget": "[]",
        "status": 1,
    }


def _number(fen: int) -> float:
    return fen / 100


def _answer(data: object, faults: Faults | None = None) -> Answer:
    code, strange = 200, (faults or {}).get("wrong_status")
    if strange and strange.what == "code":
        code = UNMAPPED_CODE
    elif strange and isinstance(data, dict):
        data = {**data, "status": UNMAPPED_STATUS}
    return Answer(body=signing.compact_json({"code": code, "msg": "success", "data": data}).encode())
