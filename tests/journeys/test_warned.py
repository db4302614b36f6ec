"""Operators are warned: a supplier's balance runs low, they hear of it, put money in, and it is over."""

from __future__ import annotations

import json
from typing import Any

from tests.stack import Stack, until

PHONE = {"phone": "13800138000"}


def test_a_balance_runs_low_and_is_topped_up(stack: Stack) -> None:
    """What was bought is booked with what was charged, the supplier's own balance agrees, and a threshold above what is
    left reaches the operators' endpoint: once when it is crossed, once when money has come."""
    operator, world = stack.operator, stack.world
    endpoint = operator.post("/v1/webhook_endpoints", {"url": f"{stack.simulator_url}/receiver/ops"})
    world.put("receivers/ops", {"secret": endpoint["secret"]})
    supplier = next(one for one in operator.every("/suppliers") if one["code"] == "kasushou")
    path = f"/suppliers/{supplier['id']}"
    before = operator.get(f"{path}/balance")
    held = int(world.get("suppliers/kasushou")["balance_fen"])
    opening = held - before["booked"]["amount_minor"]
    if opening:  # other journeys bought there, and some let it lie
        amount = {"amount_minor": opening, "currency": "CNY"}
        operator.post(f"{path}/adjustments", {"amount": amount, "key": "opening", "memo": "what was there"})
    order = stack.order("five", "u-warned", accounts=PHONE)
    stack.until_item(order, "video", "delivered")

    def agrees() -> Any:
        look = operator.post(f"{path}/balance/looks")
        return look if look["difference"] == {"amount_minor": 0, "currency": "CNY"} else None

    look = until(agrees)
    shown = operator.get(f"{path}/balance")
    assert shown["reported"] == look["reported"] == shown["left"]
    assert shown["spent"]["amount_minor"] >= before["spent"]["amount_minor"] + 1500
    assert shown["burn"]["hour_minor"] > 0
    line = next(one for one in operator.every(f"{path}/balance/lines") if one["order"] == order["id"])
    assert (line["kind"], line["amount"]["amount_minor"] < 0) == ("cost.accrued", True)

    low = shown["left"]["amount_minor"] + 1
    operator.patch(f"/warning_thresholds/{supplier['id']}", {"balance_minor": low, "hours": 0, "hours_critical": 0})
    for unknown in ("sup_01k742sg00eq9aqqfvrzv91hqh", "ben_01k742sg00eq9aqqfvrzv91hqh", "nobody"):
        assert operator.refused("GET", f"/warning_thresholds/{unknown}").status == 404
        assert operator.refused("PATCH", f"/warning_thresholds/{unknown}", json={"hours": 1}).status == 404
    for _ in range(2):
        operator.post(f"{path}/balance/looks")
    (warned,) = operator.get("/warnings", kind="supplier_balance_low", about=supplier["id"])["data"]
    assert warned["numbers"]["left_minor"] < low
    told = until(lambda: _told(stack, warned["id"]))
    assert [one["type"] for one in told] == ["warning.raised"]
    assert told[0]["data"]["zh"] == warned["zh"]
    events = operator.get("/v1/events", type="warning.raised")["data"]
    assert warned["id"] in [one["subject"] for one in events]

    more = {"amount_minor": low, "currency": "CNY"}
    fen = int(world.get("suppliers/kasushou")["balance_fen"])
    world.put("suppliers/kasushou", {"balance_fen": fen + low})
    operator.post(f"{path}/top_ups", {"amount": more, "key": "more"})
    assert operator.post(f"{path}/balance/looks")["difference"]["amount_minor"] == 0
    until(lambda: len(_told(stack, warned["id"])) == 2)
    assert operator.get(f"/warnings/{warned['id']}")["cleared_at"]
    assert {one["type"] for one in _told(stack, warned["id"])} == {"warning.raised", "warning.cleared"}
    heard = stack.world.get("receivers/ops", limit=1000)
    assert heard["verified"] == heard["total"]
    assert {one["type"].split(".")[0] for one in _bodies(stack)} == {"warning"}, "operators hear of nobody's orders"
    problem = stack.channel.refused("POST", "/webhook_endpoints", json={"url": "https://x.example", "events": [
        "warning.raised"]})  # fmt: skip
    assert problem.code == "webhook.event_unknown"
    operator.send("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    stack.audit()


def _told(stack: Stack, warning: str) -> list[Any]:
    """What the operators' endpoint was told about a warning."""
    return [body for body in _bodies(stack) if body["data"].get("warning") == warning]


def _bodies(stack: Stack) -> list[Any]:
    found = stack.world.get("receivers/ops", limit=1000)["deliveries"]
    return [json.loads(one["body"]) for one in found]
