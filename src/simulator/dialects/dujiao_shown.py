"""How dujiao-next shows an order, a product and their like; the signed part of the dialect is in dujiao_next.py."""

from datetime import UTC, datetime

from simulator import signing
from simulator.asgi import Answer
from simulator.desk import Desk, Faults
from simulator.dialects.speech import Json, number, page_of, whole, yuan
from simulator.model import UNLIMITED_STOCK, Order, Product, State
from simulator.world import Shop

PAGE_MAX = 100
LOW_STOCK = 20
PRODUCT_IDS = 500_000  # added to a SKU's id
UNMAPPED_STATUS, UNMAPPED_CODE = "frozen", "code_9797"
CREATED = "2026-03-01T12:00:00Z"

STATES = {State.UNTREATED: "paid", State.PROCESSING: "fulfilling", State.FAILED: "canceled"}


def created(order: Order, state: State) -> Json:
    return {
        "order_id": order.made,
        "order_no": f"DJ{order.number}",
        "status": status(order, state),
        "amount": yuan(order.price_fen),
        "currency": "CNY",
    }


def detail(order: Order, state: State) -> Json:
    item = {
        "product_id": product_id(order.product),
        "sku_id": number(order.product),
        "quantity": order.quantity,
        "unit_price": yuan(order.price_fen // order.quantity),
        "total_price": yuan(order.price_fen),
        "fulfillment_type": delivered_how(order.kind),
    }
    detail = {**created(order, state), "items": [item]}
    if state is State.DONE:
        lines = [f"{card.number}----{card.password}" for card in order.cards]
        detail["fulfillment"] = {
            "type": delivered_how(order.kind),
            "status": "delivered",
            "payload": "\n".join(lines) or order.text,
            "delivery_data": None,
            "delivered_at": datetime.fromtimestamp(order.finished_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    return detail


def status(order: Order, state: State) -> str:
    if state is State.DONE:
        return "delivered" if order.kind == "card" else "completed"
    return STATES[state]


def told(order: Json, faults: Faults) -> Answer:
    strange = faults.get("wrong_status")
    if strange and strange.what == "code":
        return Answer(body=signing.compact_json({**order, "ok": False, "error_code": UNMAPPED_CODE}).encode())
    return answer({**order, "status": UNMAPPED_STATUS} if strange else order)


def answer(fields: Json) -> Answer:
    return Answer(body=signing.compact_json({"ok": True, **fields}).encode())


def delivered_how(kind: str) -> str:
    return "auto" if kind == "card" else "manual"


def product_id(sku: str) -> int | str:
    return int(sku) + PRODUCT_IDS if sku.isdecimal() else f"p-{sku}"


def category(identity: int, name: str) -> Json:
    slug = "cards" if identity == 2 else "top-up"
    return {"id": identity, "parent_id": 0, "slug": slug, "name": {"zh-CN": name}, "icon": "", "sort_order": 0}


def page(desk: Desk, shop: Shop, asked: Json) -> Json:
    page, size = max(1, whole(asked["page"], 1)), min(PAGE_MAX, max(1, whole(asked["page_size"], 20)))
    on_sale = [one for one in shop.supplier.products.values() if one.on_sale]
    items = [product(desk, shop, one) for one in on_sale]
    return {"items": page_of(items, page, size), "total": len(on_sale), "page": page, "page_size": size}


def product(desk: Desk, shop: Shop, one: Product) -> Json:
    stock, price = desk.stock_shown(shop, one), yuan(desk.price_shown_fen(shop, one))
    left = -1 if stock >= UNLIMITED_STOCK else stock
    sku: Json = {
        "id": number(one.id),
        "sku_code": "DEFAULT",
        "spec_values": {},
        "price_amount": price,
        "stock_status": _stock_status(left),
        "stock_quantity": left,
        "is_active": one.on_sale,
    }
    field = {"key": "account", "type": "text", "required": True, "label": {"zh-CN": "充值账号"}}
    return {
        "id": product_id(one.id),
        "slug": f"product-{one.id}",
        "title": {"zh-CN": one.name},
        "description": {},
        "content": {},
        "seo_meta": {},
        "images": [],
        "tags": [],
        "price_amount": price,
        "fulfillment_type": delivered_how(one.kind),
        "manual_form_schema": None if one.kind == "card" else {"fields": [field]},
        "is_active": one.on_sale,
        "category_id": 2 if one.kind == "card" else 1,
        "skus": [sku],
        "created_at": CREATED,
        "updated_at": CREATED,
    }


def _stock_status(left: int) -> str:
    if left < 0:
        return "unlimited"
    if left == 0:
        return "out_of_stock"
    return "low_stock" if left <= LOW_STOCK else "in_stock"
