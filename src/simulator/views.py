"""How the control API shows things: secrets masked in what was sent, state as it is."""

import re
from typing import Any

import msgspec

from simulator.desk import state_now
from simulator.model import Call, Order, State, Supplier
from simulator.world import Shop

TEXT_KEPT = 4_000
SECRET_HEADERS = re.compile(rb"sign|authorization|cookie|key|token")
SECRET_FIELDS = re.compile(
    r'((?:\\*"(?:sign|app_key|card_no|card_password|card_number|password|card_pwd|cardNo|cardPwd|cardno|cardpsw|c|p)\\*"\s*:\s*\\*"'
    r'|----|卡密：|(?:^|&)(?:sign|app_key)=|<card(?:no|psw)>))([^"\\&<]{0,200})'
)


def supplier(shop: Shop) -> dict[str, Any]:
    one: Supplier = shop.supplier
    shown: dict[str, Any] = msgspec.to_builtins(one)
    shown["products"] = [msgspec.to_builtins(product) for product in one.products.values()]
    states = [order.state for order in shop.orders.values()]
    shown["counters"] = {
        "orders": len(states),
        "open": sum(state in (State.UNTREATED, State.PROCESSING) for state in states),
        "done": states.count(State.DONE),
        "failed": states.count(State.FAILED),
        "deliveries": shop.delivered.total(),
        "delivered_twice": sum(times > 1 for times in shop.delivered.values()),
    }
    shown["serving_max"] = shop.serving_max
    return shown


def orders(shop: Shop, outer: str, after: str, limit: int) -> dict[str, Any]:
    """Oldest first; `after` is the number of the last order already seen."""
    found = shop.by_outer.get(outer, []) if outer else list(shop.orders.values())
    if after:
        found = [one for one in found if one.number > after]
    page = found[:limit]
    return {"data": [order(one) for one in page], "next_after": page[-1].number if len(found) > limit else None}


def order(one: Order) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(one)
    shown["state"] = state_now(one).value
    return shown


def calls(shop: Shop, limit: int) -> list[dict[str, Any]]:
    """Newest last."""
    return [_call(one) for one in list(shop.calls)[-limit:]]


def _call(one: Call) -> dict[str, Any]:
    headers = {}
    for name, value in one.headers:
        text = value.decode("latin-1")
        headers[name.decode("latin-1")] = _mask(text) if SECRET_HEADERS.search(name) else text
    return {
        "at_ms": one.at_ms,
        "endpoint": one.endpoint,
        "headers": headers,
        "body": _masked_text(one.body),
        "status": one.status,
        "answer": _masked_text(one.answer),
        "faults": one.faults,
    }


def _masked_text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("gbk", "replace")
    text = text[:TEXT_KEPT]
    return SECRET_FIELDS.sub(lambda match: match[1] + _mask(match[2]), text)


def _mask(secret: str) -> str:
    return f"{secret[:4]}…" if len(secret) > 8 else "…"
