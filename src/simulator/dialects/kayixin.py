"""卡易信 v3.

From the document (商家客户API 3.0): the headers X-APP-ID, X-Version, X-Timestamp in seconds and X-Signature over the
body as sent, in callbacks too; the paths; code 1000 is success and every other a failure that only `msg` explains;
goodsType 1 card, 3 top-up; status 1 on sale, 2 paused; rechargeTemplates, whose title is the name that `attach` must
use (type 0: a line of text); safePrice is for the whole order; an order's status 0 unpaid, 1 waiting, 2 under way,
3 done, 4 withdrawn with all the money back, 5 refunded, perhaps nothing or a part (retMoney says), 7 to be matched,
8 and 9 withdrawal and refund under way; an answer to a new order names only its number, and cards that are there at
once; money is a number; cards are in clear but for a callback, where they are one text: AES-256-ECB, PKCS7, base64,
the secret for a key; a callback is answered with `ok`.
From public clients: an `attach` named 充值账号 is the usual one.
This simulator's reading: the clock window; twenty goods to a page, allPage counts pages (the document's titles say the
opposite of the names); a failure that gives the money back is 4, one that does not is 5; a repeated outer number is a
new order (`dedupe` off); callbacks are sent again as everywhere here, the document says after 15 s to 30 min, seven
times; the refusals:

  1001 signature wrong       1002 app id wrong          1003 time outside five minutes   1004 no such endpoint
  1005 field missing or unreadable                      1006 address not on the list     1007 asked too often
  2001 no such product       2002 off sale              2003 another type                2004 sold out
  2005 above the safe price  2006 declined              2007 account wrong               2008 number used
  2009 balance too low       3001 no such order
"""

from simulator import ciphers, signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import QUANTITY_MAX, Asked, Desk, Faults, state_now
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
from simulator.model import Card, Order, Product, State, Supplier, Why
from simulator.world import Shop

VERSION = "3.0"
CLOCK_MS = 5 * 60_000
PAGE = 20
FIELD = "充值账号"
CODES: dict[Why, int | str] = {
    Why.NO_PRODUCT: 2001,
    Why.OFF_SALE: 2002,
    Why.WRONG_KIND: 2003,
    Why.SOLD_OUT: 2004,
    Why.PRICE: 2005,
    Why.DECLINED: 2006,
    Why.BAD_ACCOUNT: 2007,
    Why.DUPLICATE: 2008,
    Why.BALANCE: 2009,
    Why.BAD_REQUEST: 1005,
}
STEPS: dict[str, Step] = {"order/create": "buy", "order/getDetail": "query"}


class Kayixin(Speech):
    credentials = ("app_id", "secret")
    ack = "ok"
    ip_refused, too_fast = 1006, 1007

    def read(self, supplier: Supplier, request: Request) -> Asking:
        app_id, stamp = request.header("x-app-id"), request.header("x-timestamp")
        if app_id != supplier.credentials["app_id"]:
            raise Problem(1002, "客户编号错误")
        if len(stamp) != 10 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(1003, "时间戳已过期")
        mine = signing.kayixin(app_id, supplier.secret, VERSION, stamp, request.body)
        if request.header("x-version") != VERSION or not signing.same(mine, request.header("x-signature")):
            raise Problem(1001, "签名错误")
        body = json_object(request.body, 1005)
        name = endpoint(request, "api/v3/")
        return Asking(name, STEPS.get(name, "look"), text(body.get("goodsId")), text(body.get("outerNumber")), body)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "order/create":
                return self._buy(desk, shop, asking, faults)
            case "order/getDetail":
                order = order_asked_for(shop, asking.outer, text(asking.body.get("orderNumber")), 3001)
                return _answer(_order(order, state_now(order)), faults), None
            case "user/getAccount":
                data: Json = {"balance": amount(shop.supplier.balance_fen)}
            case "goods/getDirs":
                kinds = [{"id": 1, "name": "卡券"}, {"id": 3, "name": "直充"}]
                return _answer([{**one, "img": "", "children": [], "brands": []} for one in kinds]), None
            case "goods/getList":
                data = _page(desk, shop, asking.body)
            case "goods/getDetail":
                product = product_asked_for(shop, asking.product, CODES)
                field = {"type": 0, "title": FIELD, "placeholder": "", "required": 1, "regex": product.pattern}
                data = {
                    **_goods(desk, shop, product),
                    "minQuantity": 1,
                    "maxQuantity": QUANTITY_MAX,
                    "stockCount": desk.stock_shown(shop, product),
                    "rechargeTemplates": [] if product.kind == "card" else [{**field, "options": []}],
                }
            case _:
                raise Problem(1004, "接口不存在")
        return _answer(data), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "msg": problem.text, "data": None})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        shown = _order(order, state)
        cards = shown.pop("cards")
        shown["cards"] = ciphers.aes_256_ecb(signing.compact_json(cards), supplier.secret) if cards else ""
        app_id, stamp = supplier.credentials["app_id"], str(at_ms // 1000)
        headers = {"X-APP-ID": app_id, "X-Version": VERSION, "X-Timestamp": stamp}
        body = signing.compact_json(shown).encode()
        if not order.plan.unsigned:
            headers["X-Signature"] = signing.kayixin(app_id, supplier.secret, VERSION, stamp, body)
        if order.plan.tampered:
            body = signing.compact_json({**shown, "money": 0.01}).encode()
        return Message(body, headers)

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        filled = [one for one in body.get("attach") or [] if isinstance(one, dict)]
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("count"), 1),
                account=next((text(one.get("value")) for one in filled if one.get("name") == FIELD), ""),
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("notifyUrl")) or shop.supplier.callback_url,
                most_fen=guard(body, "safePrice", CODES),
            ),
            faults,
            CODES,
        )
        shown = _order(order, answer_state(order, faults))
        told: Json = {"orderNumber": order.number}
        if shown["cards"]:
            told["cards"] = shown["cards"]
        return _answer(told, faults), order


def _answer(data: Json | list[Json], faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and isinstance(data, dict) and "status" in data:
        data["status"] = UNMAPPED_STATUS
    code = UNMAPPED_CODE if strange(faults) == "code" else 1000
    return as_json({"code": code, "msg": "操作成功", "data": data})


def _status(order: Order, state: State) -> int:
    if state is State.FAILED:
        return 4 if order.refunded else 5
    return {State.UNTREATED: 1, State.PROCESSING: 2, State.DONE: 3}[state]


def _order(order: Order, state: State) -> Json:
    ended = state in (State.DONE, State.FAILED)
    return {
        "orderNumber": order.number,
        "outerNumber": order.outer,
        "status": _status(order, state),
        "count": order.quantity,
        "money": amount(order.price_fen),
        "retMoney": amount(order.price_fen if ended and order.refunded else 0),
        "result": order.text if ended else "",
        "startCount": "",
        "nowCount": "",
        "endCount": "",
        "cards": [_card(card) for card in order.cards] if state is State.DONE else [],
    }


def _card(card: Card) -> Json:
    return {"cardId": card.number, "cardNo": card.number, "cardPwd": card.password, "status": 0, "cancelRequest": 0}


def _goods(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "goodsId": number(product.id),
        "name": product.name,
        "imgUrl": "",
        "goodsType": 1 if product.kind == "card" else 3,
        "faceValue": amount(product.face_value_fen),
        "salesPrice": amount(desk.price_shown_fen(shop, product)),
        "status": 1 if product.on_sale else 2,
        "multiple": 1,
        "isRepeat": 1,
        "isRefOrder": 0,
        "isRefMoney": 0,
        "skuType": 0,
        "warrantyTime": 0,
        "warrantyUnit": 0,
    }


def _page(desk: Desk, shop: Shop, body: Json) -> Json:
    wanted, word = text(body.get("goodsType")), text(body.get("keyWord"))
    goods = [_goods(desk, shop, product) for product in shop.supplier.products.values()]
    goods = [one for one in goods if wanted in ("", str(one["goodsType"])) and word in one["name"]]
    pages = max(1, -(-len(goods) // PAGE))
    return {"allCount": len(goods), "allPage": pages, "items": page_of(goods, whole(body.get("page"), 1), PAGE)}
