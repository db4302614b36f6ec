"""dujiao-next's upstream API, by which card shops of that kind sell each other's goods.

From the public document (github.com/dujiao-next/document, docs/api/integration-open-api.md, of 2026-08): HMAC-SHA256
over method, path, timestamp and md5(body), ±60 s; products with one or more SKUs, amounts as text; order states
paid, fulfilling, partially_delivered, delivered, completed, canceled; `fulfillment` with its payload; signed callbacks
answered {"ok": true}; its error words. The form's fields (key, type, required, label, regex) are from the same
repository's frontend document and public client code. `Dujiao-Next-Nonce`, and the signature that contains it and
SHA-256 in MD5's place, were seen in one public client only. From the project's own code, as of 2026-08: callbacks are
signed over CALLBACK_PATH wherever they are posted (a site whose address has a prefix verifies with it too), and a buyer
acts on delivered, completed, canceled and refunded alone, and drops what any other state brings along.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

import msgspec

from heyi.kernel.errors import Refused
from heyi.kernel.money import Money, decimal
from heyi.kernel.talk import Call
from heyi.offer.partner import errors
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards.words import (
    ACCOUNT,
    CARDS,
    DOING,
    DONE,
    FAILED,
    PARTIAL,
    Bundled,
    Card,
    Goods,
    Report,
    handed_over,
    said_in,
    unsayable,
)

SKEW_S = 60
SHOWN_IN = (DONE, PARTIAL)
TELLS_ALL = True  # the answer to a new order has no place for what was handed over
KEY, TIMESTAMP, SIGNATURE, NONCE = (f"dujiao-next-{name}" for name in ("api-key", "timestamp", "signature", "nonce"))
PROTOCOL = "1.0"
CALLBACK_PATH = "/api/v1/upstream/callback"
CATEGORY = 1
LOW_STOCK = 20
BETWEEN = "----"  # how card shops write a number and its password in one line
FULFILLMENT = {CARDS: "auto", ACCOUNT: "manual"}
_encode = msgspec.json.Encoder().encode


def signature(secret: str, method: str, path: str, timestamp: str, body: bytes, nonce: str | None = None) -> str:
    """With a nonce, the newer form that contains it."""
    said = [method, path, timestamp, hashlib.md5(body, usedforsecurity=False).hexdigest()]
    if nonce is not None:
        said[3:] = [nonce, hashlib.sha256(body).hexdigest()]
    return hmac.new(secret.encode(), "\n".join(said).encode(), "sha256").hexdigest()


def sellable(bundle: Bundled) -> Goods | Refused:
    """Cards and links by themselves, or a form that asks for every account; what is delivered comes as text."""
    if fault := unsayable(bundle):
        return fault
    if bundle.fields:
        return Goods(bundle, ACCOUNT, tuple((one.name, one) for one in bundle.fields))
    others = [part.benefit for part in bundle.parts if not handed_over(part)]
    return errors.SupplyNothing(benefit=others[0]) if others else Goods(bundle, CARDS)


def product(one: Goods, number: int) -> dict[str, Any]:
    """A line of the list of products: one SKU, with the product's own number."""
    bundle = one.bundle
    title, at = {"zh-CN": bundle.title}, bundle.published_at.isoformat()
    sku = {
        "id": number, "sku_code": bundle.code, "spec_values": {}, "price_amount": amount(bundle.price),
        "stock_status": _stock_word(bundle.stock), "stock_quantity": -1 if bundle.stock is None else bundle.stock,
        "is_active": True,
    }  # fmt: skip
    return {
        "id": number, "slug": bundle.code, "title": title, "description": title, "content": {}, "seo_meta": {},
        "images": [], "tags": [], "price_amount": amount(bundle.price), "fulfillment_type": FULFILLMENT[one.kind],
        "manual_form_schema": _form(one), "is_active": True, "category_id": CATEGORY, "skus": [sku],
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def _form(one: Goods) -> dict[str, Any] | None:
    if one.kind == CARDS:
        return None
    fields = [
        {
            "key": name,
            "type": "text",
            "required": True,
            "label": {"zh-CN": ours.label},
            "regex": f"^(?:{ours.pattern})$",
        }
        for name, ours in one.fields
    ]
    return {"fields": fields}


def categories() -> list[dict[str, Any]]:
    """All our bundles are of one kind."""
    name = {"zh-CN": "套餐", "en": "Bundles"}
    return [{"id": CATEGORY, "parent_id": 0, "slug": "bundles", "name": name, "icon": "", "sort_order": 0}]


def placed(report: Report) -> dict[str, Any]:
    """The answer to a new order."""
    return {
        "order_id": report.no, "order_no": report.order, "status": _status(report), "amount": amount(report.amount),
        "currency": report.amount.currency,
    }  # fmt: skip


def detail(report: Report) -> dict[str, Any]:
    """The answer to a query."""
    each = Money(report.amount.amount_minor // max(1, report.quantity), report.amount.currency)
    item = {
        "product_id": report.bought.no, "sku_id": report.bought.no, "title": {"zh-CN": report.bought.title},
        "quantity": report.quantity, "unit_price": amount(each), "total_price": amount(report.amount),
        "fulfillment_type": FULFILLMENT[report.bought.kind],
    }  # fmt: skip
    return {**placed(report), "items": [item], **_fulfillment(report)}


def body(report: Report) -> bytes:
    ended = report.ended_at or report.placed_at
    return _encode(
        {
            "event": "order.status_changed", "order_id": report.no, "order_no": report.order,
            "downstream_order_no": report.number, "status": _status(report), **_fulfillment(report),
            "timestamp": int(ended.timestamp()),
        }
    )  # fmt: skip


def call(access: SupplyAccess, url: str, body: bytes, wall: datetime) -> Call:
    timestamp = str(int(wall.timestamp()))
    signed = signature(access.secret, "POST", CALLBACK_PATH, timestamp, body)
    headers = {"content-type": "application/json", "user-agent": "heyi-supply/1", KEY: access.key,
               TIMESTAMP: timestamp, SIGNATURE: signed}  # fmt: skip
    return Call("POST", url, headers, body)


def acknowledged(answer: bytes) -> bool:
    return said_in(answer).get("ok") is True


def amount(value: Money) -> str:
    """9.90"""
    return decimal(value.amount_minor)


def _status(report: Report) -> str:
    """An order that ended in part is delivered, for it has no other word that brings its cards to anybody."""
    state = report.state
    if state == DOING:
        return "partially_delivered" if report.delivered else "fulfilling"
    return {DONE: "delivered", PARTIAL: "delivered", FAILED: "canceled"}[state]


def _fulfillment(report: Report) -> dict[str, Any]:
    """What was handed over; of an order that ended in part, with what is missing said in the same text."""
    if report.state not in SHOWN_IN:
        return {}
    lines = [_line(card, named=len({one.title for one in report.cards}) > 1) for card in report.cards]
    if report.missing or any(one.refused for one in report.handed):
        lines.append(report.remark)
    cards = [{"title": card.title, "code": card.code, "secret": card.secret, "link": card.link}
             for card in report.cards]  # fmt: skip
    ended = None if report.ended_at is None else report.ended_at.isoformat()
    return {
        "fulfillment": {
            "type": FULFILLMENT[report.bought.kind], "status": _status(report), "payload": "\n".join(lines) or "已完成",
            "delivery_data": {"cards": cards, "missing": list(report.missing)}, "delivered_at": ended,
        }
    }  # fmt: skip


def _line(card: Card, *, named: bool) -> str:
    code, secret = card.pair
    text = secret if code is None else f"{code}{BETWEEN}{secret}"
    return f"{card.title}: {text}" if named else text


def _stock_word(stock: int | None) -> str:
    if stock is None:
        return "unlimited"
    if stock == 0:
        return "out_of_stock"
    return "low_stock" if stock <= LOW_STOCK else "in_stock"
