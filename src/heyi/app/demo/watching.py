"""Sells an order and shows its timeline as it happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from heyi.app.cli import story
from heyi.app.cli.client import Client
from heyi.app.process import Trouble

POLL_S = 0.15
Say = Callable[[str], None]
Order = dict[str, Any]

PHONE = "13800138000"


def sell(channel: Client, bundle: str, *, buyer: str, no: str | None = None, **more: object) -> Order:
    """Place an order as the channel. The same `no` answers the same order."""
    body = {"channel_order_no": no or f"demo-{secrets.token_hex(5)}", "bundle": bundle, "buyer": {"id": buyer}, **more}
    order: Order = channel.post("/v1/orders", body)
    return order


def watch(channel: Client, order_id: str, say: Say, *, within_s: float, until: Callable[[Order], bool]) -> Order:
    """Print what happens to the order until it is as wanted. Raises Trouble when it is not in time."""
    seen: set[tuple[str, str, str]] = set()
    start = None
    deadline = time.monotonic() + within_s
    while True:
        order: Order = channel.get(f"/v1/orders/{order_id}")
        enough = until(order)
        for one in channel.get(f"/v1/orders/{order_id}/timeline"):
            key = (one["at"], one["what"], one["text_en"])
            start = start or story.at(one)
            if key not in seen:
                seen.add(key)
                say("  " + story.line(one, start))
        if enough:
            return order
        if time.monotonic() > deadline:
            states = ", ".join(f"{item['component']} {item['state']}" for item in order["items"])
            raise Trouble(
                f"order {order_id} is not there after {within_s:.0f} s: {states}",
                f"heyi order show {order_id}; heyi doctor; is the worker running? .heyi/worker.log",
            )
        time.sleep(POLL_S)


def settled(order: Mapping[str, Any]) -> bool:
    """Nothing is on its way any more: every item is delivered, ended, scheduled or waits for somebody."""
    return all(item["state"] != "delivering" for item in order["items"])


def item_of(order: Mapping[str, Any], component: str) -> dict[str, Any]:
    """The first item of a component."""
    found: dict[str, Any] = next(item for item in order["items"] if item["component"] == component)
    return found
