"""京兆云, by the document of its protocol (星权益, xqy1.cn/api-doc, speaks the same).

From the document: a form in the body by POST; customer_id, timestamp in seconds, sign over the key and every name and
value in the order of the names; the paths and fields below; code `ok` is success, `server_error` says nothing, others
are failures (error, invalid_parameters, invalid_sign, disabled_customer, request_frequency) that only `message`
explains; outer_order_id must not repeat; safe_cost is for one piece; an order's state 100 waiting, 101 under way,
200 done, 500 failed, 501 unknown; type 1 top-up, 2 cards; stock_state 1 enough, 2 none; supply_state 1 on sale, 3 off;
money is a text with four places; cards are {card_no, card_password, expired_at} in answers to a new order and in
callbacks, {no, password, expired_at} in queries; a callback is a form, its `cards` a JSON text outside the signature;
it is answered with `ok` and sent three times, ten seconds apart.
From public clients: an empty value is not signed, though its name is sent.
This simulator's reading: the clock window, a time outside of it is invalid_parameters; an unknown customer is a
disabled one; every refusal of an order, no such order, no such path and an address that is not allowed are `error`.
"""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlencode

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import QUANTITY_MAX, Asked, Desk, Faults, state_now
from simulator.dialects.speech import (
    UNMAPPED_STATUS,
    Asking,
    Json,
    Problem,
    Speech,
    Step,
    answer_state,
    as_json,
    endpoint,
    guard,
    number,
    on_time,
    order_asked_for,
    product_asked_for,
    strange,
    take,
    text,
    whole,
    yuan,
)
from simulator.model import Card, Order, Product, State, Supplier, Why
from simulator.world import Shop

CLOCK_MS = 5 * 60_000
FORM = "application/x-www-form-urlencoded"
BEIJING = timezone(timedelta(hours=8))
FINE, FAILED, BAD, UNMAPPED_CODE = "ok", "error", "invalid_parameters", "code_9797"
CODES: dict[Why, int | str] = {**dict.fromkeys(Why, FAILED), Why.BAD_REQUEST: BAD}
MUST = ("customer_id", "timestamp", "sign")
STATE = {State.UNTREATED: 100, State.PROCESSING: 101, State.DONE: 200, State.FAILED: 500}
STEPS: dict[str, Step] = {"buy": "buy", "order": "query", "outer-order": "query"}


class Jingzhao(Speech):
    credentials = ("customer_id", "key")
    ack = "ok"
    dedupe = True
    ip_refused, too_fast = FAILED, "request_frequency"

    def read(self, supplier: Supplier, request: Request) -> Asking:
        body: Json = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if not all(body.get(name) for name in MUST):
            raise Problem(BAD, "参数错误")
        if body["customer_id"] != supplier.credentials["customer_id"]:
            raise Problem("disabled_customer", "商家已被禁用")
        stamp = body["timestamp"]
        if len(stamp) != 10 or not on_time(supplier, stamp, CLOCK_MS):
            raise Problem(BAD, "timestamp 已过期")
        if not signing.same(signing.jingzhao(body, supplier.secret), body["sign"]):
            raise Problem("invalid_sign", "sign错误")
        name = endpoint(request, "api/")
        return Asking(
            name, STEPS.get(name, "look"), text(body.get("product_id")), text(body.get("outer_order_id")), body
        )

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        supplier = shop.supplier
        match asking.endpoint:
            case "buy":
                return self._buy(desk, shop, asking, faults)
            case "order" | "outer-order":
                identity = text(asking.body.get("order_id")) if asking.endpoint == "order" else ""
                order = order_asked_for(shop, "" if identity else asking.outer, identity, FAILED)
                return _answer(_order(supplier, order, state_now(order)), faults), None
            case "customer":
                identity = supplier.credentials["customer_id"]
                told = {"id": number(identity), "name": supplier.name, "balance": _money(supplier.balance_fen)}
                return _answer(told), None
            case "product-list":
                return _answer([_product(desk, shop, one) for one in supplier.products.values()]), None
            case "product":
                return _answer(_product(desk, shop, product_asked_for(shop, asking.product, CODES))), None
            case "product/recharge-params":
                if product_asked_for(shop, asking.product, CODES).kind == "card":
                    raise Problem(FAILED, "仅支持充值类商品")
                return _answer({"recharge_account_label": "充值账号", "recharge_params": []}), None
        raise Problem(FAILED, "接口不存在")

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"code": problem.code, "message": problem.text, "data": None})

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        cards = [_card(card, order) for card in order.cards] if state is State.DONE else []
        fields: Json = {
            "order_id": order.number,
            "outer_order_id": order.outer,
            "product_id": order.product,
            "quantity": str(order.quantity),
            "state": str(STATE[state]),
            "state_info": order.text if state in (State.DONE, State.FAILED) else "",
            "created_at": _beijing(order.taken_ms),
            "customer_id": supplier.credentials["customer_id"],
            "timestamp": str(at_ms // 1000),
        }
        if not order.plan.unsigned:
            fields["sign"] = signing.jingzhao(fields, supplier.secret)
        if order.plan.tampered and cards:
            cards = [{**card, "card_password": "TAMPERED"} for card in cards]  # no signature covers them
        elif order.plan.tampered:
            fields["quantity"] = "99"
        return Message(urlencode({**fields, "cards": signing.compact_json(cards)}).encode(), type=FORM)

    def acknowledged(self, answer: str) -> bool:
        return answer.strip() == self.ack

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body = asking.body
        order = take(
            desk,
            shop,
            Asked(
                product=asking.product,
                outer=asking.outer,
                quantity=whole(body.get("quantity"), -1),
                account=text(body.get("recharge_account")),
                kinds=("top_up", "card", "mobile"),
                callback_url=text(body.get("notify_url")) or shop.supplier.callback_url,
                safe_price_fen=guard(body, "safe_cost", CODES),
            ),
            faults,
            CODES,
        )
        state = answer_state(order, faults)
        told: Json = {
            "order_id": order.number,
            "product_price": _money(order.price_fen // order.quantity),
            "total_price": _money(order.price_fen),
            "recharge_url": "",
            "state": STATE[state],
        }
        if order.kind == "card" and state is State.DONE:
            told["cards"] = [_card(card, order) for card in order.cards]
        return _answer(told, faults), order


def _answer(data: Json | list[Json], faults: Faults | None = None) -> Answer:
    if strange(faults) == "status" and isinstance(data, dict):
        data["state"] = UNMAPPED_STATUS
    return as_json({"code": UNMAPPED_CODE if strange(faults) == "code" else FINE, "message": "请求成功", "data": data})


def _money(fen: int) -> str:
    return f"{yuan(fen)}00"


def _beijing(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _expiry(order: Order) -> str:
    return f"{datetime.fromtimestamp(order.finished_ms / 1000, UTC).year + 1}-12-31 00:00:00"


def _card(card: Card, order: Order) -> Json:
    return {"card_no": card.number, "card_password": card.password, "expired_at": _expiry(order)}


def _order(supplier: Supplier, order: Order, state: State) -> Json:
    product = supplier.products.get(order.product)
    shown: Json = {
        "id": order.number,
        "product_id": number(order.product),
        "product_name": product.name if product else "",
        "product_type": 2 if order.kind == "card" else 1,
        "product_price": _money(order.price_fen // order.quantity),
        "quantity": order.quantity,
        "total_price": _money(order.price_fen),
        "refunded_amount": _money(order.price_fen if order.refunded and state is State.FAILED else 0),
        "buyer_customer_id": number(supplier.credentials["customer_id"]),
        "buyer_customer_name": supplier.name,
        "state": STATE[state],
        "created_at": _beijing(order.taken_ms),
        "outer_order_id": order.outer,
    }
    if order.kind != "card":
        said = order.text if state in (State.DONE, State.FAILED) else ""
        return {**shown, "recharge_account": order.account, "recharge_params": "{}", "recharge_info": said}
    cards = order.cards if state is State.DONE else []
    told = [{"no": card.number, "password": card.password, "expired_at": _expiry(order)} for card in cards]
    return {**shown, "recharge_url": "", "cards": told}


def _product(desk: Desk, shop: Shop, product: Product) -> Json:
    return {
        "id": number(product.id),
        "product_name": product.name,
        "name": product.name,
        "price": _money(desk.price_shown_fen(shop, product)),
        "valid_purchasing_quantity": f"1-{QUANTITY_MAX}",
        "type": 2 if product.kind == "card" else 1,
        "stock_state": 1 if desk.stock_shown(shop, product) else 2,
        "supply_state": 1 if product.on_sale else 3,
        "hold_state": 1,
        "ban_start_at": "",
        "ban_end_at": "",
    }
