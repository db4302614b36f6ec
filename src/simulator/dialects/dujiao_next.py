"""dujiao-next, the successor of 独角数卡, as a supplier of other sites.

From its published document (integration-open-api, protocol 1.0): the paths under /api/v1/upstream, the three headers,
the HMAC over method, path, time and the body's MD5, sixty seconds either way; the product and SKU fields; stock -1 for
no end; an order number is taken once and a repetition answers the first order; the wallet pays at once; the states; the
error codes with their HTTP statuses; `payload` as plain text; the callback's fields, headers and its ack with
`ok: true`; a paid order cannot be cancelled. An order is asked for by the supplier's own order_id only.
From its front-end document: manual_form_schema is {fields: [{key, type, required, label}]}, and manual_form_data may
lie one level deeper, under the product's id.
From what github.com/dujiao-next/dujiao-next does: a callback is signed over one path, wherever it is sent.
This simulator's reading (no document seen): what is not a card is a `manual` product with one field, `account`; a
manual order ends `completed`, a card order `delivered`; a payload is one card a line, `number----password`; a declined
order is the documented payment_failed under HTTP 200; product id and SKU id differ, so that nobody mixes them up.
Left out on purpose: a callback address may lie on this machine, for this world has no other. A path may be signed with
or without the instance's name in front, as it would be behind a proxy.

  400 bad_request, invalid_callback_url, sku_unavailable, product_unavailable   402 insufficient_balance
  401 missing_auth_headers, invalid_timestamp, timestamp_expired, invalid_signature, invalid_api_key
  404 product_not_found, order_not_found   409 insufficient_stock, cancel_not_allowed   200 payment_failed
"""

import json
from urllib.parse import urlsplit

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults, state_now
from simulator.dialects import dujiao_shown as shown
from simulator.dialects.speech import Asking, Json, Problem, Speech, json_object, take, text, whole, yuan
from simulator.model import Order, State, Supplier, Why
from simulator.world import Shop, clock_ms, now_ms

CLOCK_MS = 60_000
PREFIX = "/api/v1/upstream/"
CALLBACK_PATH = "/api/v1/upstream/callback"

CODES = {
    Why.NO_PRODUCT: "sku_unavailable",
    Why.OFF_SALE: "product_unavailable",
    Why.WRONG_KIND: "product_unavailable",
    Why.SOLD_OUT: "insufficient_stock",
    Why.BALANCE: "insufficient_balance",
    Why.DECLINED: "payment_failed",
    Why.BAD_ACCOUNT: "bad_request",
    Why.BAD_REQUEST: "bad_request",
    Why.DUPLICATE: "bad_request",
    Why.PRICE: "bad_request",
}
STATUSES = {
    "insufficient_balance": 402,
    "insufficient_stock": 409,
    "cancel_not_allowed": 409,
    "product_not_found": 404,
    "order_not_found": 404,
    "payment_failed": 200,
    "missing_auth_headers": 401,
    "invalid_timestamp": 401,
    "timestamp_expired": 401,
    "invalid_signature": 401,
    "invalid_api_key": 401,
}


class DujiaoNext(Speech):
    credentials = ("api_key", "secret")
    methods = ("GET", "POST")
    dedupe = True

    def read(self, supplier: Supplier, request: Request) -> Asking:
        _check(supplier, request)
        path = request.path.partition(PREFIX)[2].strip("/")
        body = json_object(request.body, "bad_request")
        match request.method, path.split("/"):
            case "POST", ["orders"]:
                outer = text(body.get("downstream_order_no"))
                return Asking("orders.create", "buy", text(body.get("sku_id")), outer, body)
            case "GET", ["orders", identity]:
                return Asking("orders.get", "query", "", "", {"order_id": identity})
            case "POST", ["orders", identity, "cancel"]:
                return Asking("orders.cancel", "look", "", "", {"order_id": identity})
            case "GET", ["products"]:
                page = {"page": request.query("page", "1"), "page_size": request.query("page_size", "20")}
                return Asking("products", "look", "", "", page)
            case "GET", ["products", identity]:
                return Asking("products.get", "look", identity, "", {})
            case ("POST", ["ping"]) | ("GET", ["categories"]):
                return Asking(path, "look", "", "", {})
        raise Problem("bad_request", f"no such call: {request.method} {path}")

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        match asking.endpoint:
            case "orders.create":
                return self._buy(desk, shop, asking, faults)
            case "orders.get":
                order = _order(shop, asking)
                return shown.told(shown.detail(order, state_now(order)), faults), None
            case "orders.cancel":
                _order(shop, asking)
                raise Problem("cancel_not_allowed", "a paid order is not cancelled")
            case "products":
                return shown.answer(shown.page(desk, shop, asking.body)), None
            case "products.get":
                return self._product(desk, shop, asking.product), None
            case "categories":
                return shown.answer({"categories": [shown.category(1, "会员直充"), shown.category(2, "卡密")]}), None
        balance = {"balance": yuan(shop.supplier.balance_fen), "currency": "CNY", "member_level": None}
        return shown.answer(
            {"site_name": shop.supplier.name, "protocol_version": "1.0", "user_id": 42, **balance}
        ), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        told: Json = {"ok": False, "error_code": problem.code, "error_message": problem.text}
        if problem.code == "payment_failed":
            # The document has an order here, cancelled in the same breath; nobody can ask for it afterwards.
            told |= {"order_id": 0, "order_no": "", "status": "canceled"}
        return Answer(STATUSES.get(str(problem.code), 400), signing.compact_json(told).encode())

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        detail = shown.detail(order, state)
        told: Json = {
            "event": "order.status_changed",
            "order_id": detail["order_id"],
            "order_no": detail["order_no"],
            "downstream_order_no": order.outer,
            "status": detail["status"],
            "timestamp": at_ms // 1000,
        }
        if "fulfillment" in detail:
            told["fulfillment"] = detail["fulfillment"]
        body, stamp = signing.compact_json(told).encode(), str(at_ms // 1000)
        headers = {"Dujiao-Next-Api-Key": supplier.credentials["api_key"], "Dujiao-Next-Timestamp": stamp}
        if not order.plan.unsigned:
            headers["Dujiao-Next-Signature"] = signing.dujiao_next(supplier.secret, "POST", CALLBACK_PATH, stamp, body)
        if order.plan.tampered:
            body = signing.compact_json({**told, "status": "delivered", "order_no": "TAMPERED"}).encode()
        return Message(body, headers)

    def acknowledged(self, answer: str) -> bool:
        try:
            return json.loads(answer).get("ok") is True
        except (ValueError, AttributeError):
            return False

    def _product(self, desk: Desk, shop: Shop, identity: str) -> Answer:
        known = (one for one in shop.supplier.products.values() if str(shown.product_id(one.id)) == identity)
        product = next(known, None)
        if product is None:
            raise Problem("product_not_found", "product not found")
        if not product.on_sale:
            refusal = self.refuse(shop.supplier, Problem("product_unavailable", "product is off sale"))
            refusal.status = 404  # where an order for it is answered with 400
            return refusal
        return shown.answer({"product": shown.product(desk, shop, product)})

    def _buy(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order]:
        body, known = asking.body, shop.by_outer.get(asking.outer)
        if known and asking.outer and shop.supplier.dedupe:
            return shown.told(shown.created(known[-1], state_now(known[-1])), faults), known[-1]
        url = text(body.get("callback_url"))
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise Problem("invalid_callback_url", "callback_url is an http address")
        asked = Asked(
            product=asking.product,
            outer=asking.outer,
            quantity=whole(body.get("quantity"), 0),
            account=_account(body.get("manual_form_data")),
            kinds=("top_up", "card", "mobile"),
            callback_url=url or shop.supplier.callback_url,
        )
        order = take(desk, shop, asked, faults, CODES)
        return shown.told(shown.created(order, State.UNTREATED), faults), order


def _check(supplier: Supplier, request: Request) -> None:
    key, stamp = request.header("dujiao-next-api-key"), request.header("dujiao-next-timestamp")
    theirs = request.header("dujiao-next-signature")
    if not (key and stamp and theirs):
        raise Problem("missing_auth_headers", "missing authentication headers")
    if not stamp.isdecimal() or len(stamp) > 12:
        raise Problem("invalid_timestamp", "timestamp is in seconds")
    if abs(int(stamp) * 1000 - clock_ms(supplier)) > CLOCK_MS:
        raise Problem("timestamp_expired", "timestamp expired")
    if key != supplier.credentials["api_key"]:
        raise Problem("invalid_api_key", "invalid api key")
    behind_a_proxy = request.path.removeprefix(f"/{supplier.name}")
    mine = (
        signing.dujiao_next(supplier.secret, request.method, path, stamp, request.body)
        for path in (request.path, behind_a_proxy)
    )
    if not any(signing.exact(one, theirs) for one in mine):
        raise Problem("invalid_signature", "signature mismatch")


def _account(filled: object) -> str:
    """The form's `account`, or else its first answer."""
    if not isinstance(filled, dict):
        return ""
    inside = next((one for one in filled.values() if isinstance(one, dict)), filled)
    return text(inside.get("account") or next(iter(inside.values()), ""))


def _order(shop: Shop, asking: Asking) -> Order:
    identity = asking.body["order_id"]
    order = shop.by_made.get(int(identity)) if identity.isdecimal() else None
    if order is None or order.plan.hidden_until_ms > now_ms():
        raise Problem("order_not_found", "order not found")
    return order
