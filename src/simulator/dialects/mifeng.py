"""蜜蜂汇云 (mf178).

From the document: POST of JSON or of a form; app_key, timestamp in seconds within 30 of the server's, sign over every
parameter, the empty ones too, without `datas`; an array signs as the word `Array`; upload_order with third_id,
miniunit_id and datas {target}; order_info by order_id, or by third_id and then with `time`, the moment of the order;
code 0 is success, and

  10001 field wrong           10002 signature wrong        10003 time wrong      10004 no such merchant
  10006 address not allowed   10010 third_id exists: not a failure, ask for it   10011 balance too low
  10012 channel, stock or configuration                    10013 out of order    10014 the account is wrong
  10015 no such order: a failure only a minute after the order was sent          10016 asked too often

an order's state 1, 11 and 12 waiting, 2 under way, 3 done, 4 failed, 41 unknown, 6 failed and the money is back; a list
of goods by ten, b_id 3 rights, 6 phone credit, 13 cards; a callback is a form (an older page of it says JSON), is
answered with `SUCCESS`, and its ys_cards, {card_no, card_pwd, card_type}, sign as `Array`. The states 9 done and 8
failed belong to the other family of this supplier, /api/card/*, which is not spoken here.
From public clients: datas.num only where cards are sold, ten at most; datas.maxAmount is for the whole order;
goods_name, goods_price with three places, status 1 on sale, an order's `cost`; a third_id used before is refused.
This simulator's reading: sold out, off sale, no such goods and above maxAmount are all 10012; a field `balance` names
the balance; which fields a callback has besides the above, and that its `state` is the order's; the cards are in clear.
"""

from urllib.parse import urlencode

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
    form_object,
    guard,
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
from simulator.model import Order, Product, ProductKind, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 30_000
PAGE_MAX, LIST_MAX = 10, 50
QUANTITY_MAX = 10
FORM = "application/x-www-form-urlencoded"
CODES: dict[Why, int | str] = {
    Why.NO_PRODUCT: 10012,
    Why.OFF_SALE: 10012,
    Why.WRONG_KIND: 10012,
    Why.SOLD_OUT: 10012,
    Why.PRICE: 10012,
    Why.DECLINED: 10013,
    Why.BALANCE: 10011,
    Why.BAD_ACCOUNT: 10014,
    Why.DUPLICATE: 10010,
    Why.BAD_REQUEST: 10001,
}
BUSINESS: dict[ProductKind, int] = {"top_up": 3, "mobile": 6, "card": 13}
STEPS: dict[str, Step] = {"upload_order": "buy", "order_info": "query", "order_list": "query"}


class Mifeng(Speech):
    credentials = ("app_key", "secret")
    ack = "SUCCESS"
    dedupe = True
    ip_refused, too_fast = 10006, 10016

    def read(self, supplier: Supplier, request: Request) -> Asking:
        is_form = request.header("content-type").startswith(FORM)
        body = form_object(request.body) if is_form else json_object(request.body, 10001)
        if text(body.get("app_key")) != supplier.credentials["app_key"]:
            raise Problem(10004, "商户不存在")
        if not signing.same(signing.mifeng(body, supplier.secret), body.get("sign")):
            raise Problem(10002, "签名错误")
        stamp = text(body.get("timestamp"))
        if len(stamp) != 10 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(10003, "时间戳超期")
        name = endpoint(request, "api/merchant/")
        return Asking(name, STEPS.get(name, "look"), text(body.get("miniunit_id")), text(body.get("third_id")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "upload_order":
                return self._buy(desk, shop, asking, faults)
            case "order_info":
                return _answer(_asked_for(shop, asking), faults), None
            case "order_list":
                orders = [_order(one, state_now(one)) for one in shop.by_outer.get(asking.outer, [])]
                size = min(LIST_MAX, max(1, whole(asking.body.get("page_size"), 20)))
                page = page_of(orders, whole(asking.body.get("page"), 1), size)
                return _answer({"count": len(orders), "list": page}), None
            case "account":
                return _answer({"balance": yuan(shop.supplier.balance_fen)}), None
            case "productGoodsListNew" | "productGoodsList":
                return _answer(_page(desk, shop, asking.body)), None
        raise Problem(10001, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "message": problem.text, "data": None})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        shown = _order(order, state)
        cards = shown.pop("ys_cards")
        fields: Json = {
            "app_key": supplier.credentials["app_key"],
            **{name: str(value) for name, value in shown.items()},
            "timestamp": str(at_ms // 1000),
        }
        if cards:
            fields["ys_cards"] = cards
        if not order.plan.unsigned:
            fields["sign"] = signing.mifeng(fields, supplier.secret)
        if order.plan.tampered:
            # The word `Array` is all that a signature says of the cards: they may be changed under it.
            cards = [{**card, "card_pwd": "TAMPERED"} for card in cards]
            fields["cost"] = fields["cost"] if cards else "0.01"
        fields.pop("ys_cards", None)
        for place, card in enumerate(cards):
            fields |= {f"ys_cards[{place}][{name}]": value for name, value in card.items()}
        return Message(urlencode(fields).encode(), type=FORM)

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body, datas = asking.body, asking.body.get("datas")
        if not isinstance(datas, dict):
            raise Problem(10001, "参数 datas 错误")
        quantity = whole(datas.get("num"), 1)
        product = shop.supplier.products.get(asking.product)
        if quantity > (QUANTITY_MAX if product and product.kind == "card" else 1):
            raise Problem(10001, "参数 num 错误")
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=quantity,
                account=text(datas.get("target")),
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("call_back_url")) or shop.supplier.callback_url,
                most_fen=guard(datas, "maxAmount", CODES),
            ),
            faults,
            CODES,
        )
        shown = _order(order, answer_state(order, faults))
        return _answer({name: shown[name] for name in ("order_id", "third_id", "state")}, faults), order


def _asked_for(shop: Shop, asking: Asking) -> Json:
    identity = text(asking.body.get("order_id"))
    if not identity and not text(asking.body.get("time")).isdecimal():
        raise Problem(10001, "通过 third_id 查询时 time 必填")
    order = order_asked_for(shop, "" if identity else asking.outer, identity, 10015)
    return _order(order, state_now(order))


def _answer(data: Json, faults: Faults | None = None) -> Answer:
    if strange(faults) == "status":
        data["state"] = UNMAPPED_STATUS
    return as_json({"code": UNMAPPED_CODE if strange(faults) == "code" else 0, "message": "成功", "data": data})


def _state(order: Order, state: State) -> int:
    if state is State.FAILED:
        return 6 if order.refunded else 4
    return {State.UNTREATED: 1, State.PROCESSING: 2, State.DONE: 3}[state]


def _order(order: Order, state: State) -> Json:
    done = state is State.DONE
    return {
        "order_id": order.number,
        "third_id": order.outer,
        "state": _state(order, state),
        "cost": yuan(order.price_fen),
        "voucher": order.serial if done else "",
        "info": order.text if done or state is State.FAILED else "",
        "ys_cards": [{"card_no": one.number, "card_pwd": one.password, "card_type": 1} for one in order.cards]
        if done
        else [],
    }


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    business, identity = text(body.get("b_id")), text(body.get("miniunit_id"))
    goods = [_goods(desk, shop, product) for product in shop.supplier.products.values()]
    goods = [one for one in goods if business in ("", str(one["b_id"])) and identity in ("", str(one["miniunit_id"]))]
    size = min(PAGE_MAX, max(1, whole(body.get("pageSize"), PAGE_MAX)))
    return {"count": len(goods), "data": page_of(goods, whole(body.get("page"), 1), size)}


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "b_id": BUSINESS[product.kind],
        "miniunit_id": number(product.id),
        "goods_sku": f"SK{product.id}",
        "goods_name": product.name,
        "spec": "",
        "amount": yuan(product.face_value_fen),
        "goods_price": f"{yuan(desk.price_shown_fen(shop, product))}0",
        "status": 1 if product.on_sale and desk.stock_shown(shop, product) else 2,
    }
