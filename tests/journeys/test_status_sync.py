"""What the buyer, the partner and heyi believe about a right stays the same: partners are polled, asked, and report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.simulator.speaking import Kasushou
from tests.stack import Stack, until


@pytest.fixture
def source(stack: Stack) -> Iterator[dict[str, Any]]:
    """The partner's list is polled every second while the journey lasts."""
    wish = {"partner": stack.partner_id, "protocol": "partner_rights", "interval_s": 1, "fresh_s": 3600,
            "base_url": f"{stack.simulator_url}/partner/kasushou", "key": "simulator-kasushou-partner"}  # fmt: skip
    made = stack.operator.post("/status_sources", wish)
    yield made
    stack.operator.patch(f"/status_sources/{made['id']}", {"state": "off"})


def bought(stack: Stack, buyer: str) -> tuple[str, str]:
    """A delivered top-up: its right, and our number at the supplier."""
    order = stack.order("top-up", buyer, accounts={"phone": "13800138000"})
    item = stack.until_item(order, "video", "delivered")
    [task] = stack.operator.every("/tasks", order=order["id"])
    number = stack.operator.get(f"/tasks/{task['id']}")["tried"][-1]["outer_number"]
    return item["entitlement"], number


def mark(stack: Stack, number: str, state: str) -> None:
    stack.world.put("suppliers/kasushou/rights", {"outer": number, "state": state})


def test_a_partner_and_we_stay_of_one_mind(stack: Stack, source: dict[str, Any]) -> None:
    """Xiao Wang's video month. The partner's list says that he uses it, and we know within seconds. Then the partner
    cancels it: he paid for it, so a person looks, and follows. Of another month the partner knows nothing when it is
    asked; of a third one, bought by nobody here, only the partner knows. Each is listed, and each comes to an end."""
    operator, channel = stack.operator, stack.channel
    right, number = bought(stack, "wang")

    def provider() -> tuple[str, str]:
        told = channel.get(f"/entitlements/{right}")["provider"]
        return told["state"], told["fresh"]

    until(lambda: provider() == ("pending", "yes"))
    mark(stack, number, "used")
    until(lambda: provider() == ("used", "yes"))
    assert channel.get(f"/entitlements/{right}")["state"] == "active"

    mark(stack, number, "cancelled")
    [drift] = until(lambda: operator.every("/drifts", entitlement=right, state="open"))
    assert (drift["class"], drift["ours"], drift["origin"]) == ("we_active_they_ended", "active", "polled")
    operator.post(f"/drifts/{drift['id']}/settle", {"decision": "follow", "note": "refunded by hand"})
    ended = channel.get(f"/entitlements/{right}")
    assert (ended["state"], ended["ended_why"]) == ("ended", "cancelled")
    order = channel.get(f"/entitlements/{right}")["order"]
    story = [line["what"] for line in channel.get(f"/orders/{order}/timeline")]
    assert {"usage.drifted", "usage.settled", "entitlement.ended"} <= set(story)

    other, its_number = bought(stack, "li")
    until(lambda: channel.get(f"/entitlements/{other}")["provider"]["fresh"] == "yes")
    mark(stack, its_number, "missing")
    operator.post(f"/entitlements/{other}/sync")
    [drift] = operator.every("/drifts", entitlement=other)
    assert (drift["class"], drift["theirs"][:20], drift["state"]) == (
        "ours_unknown_to_them", "unknown, last named ", "open",
    )  # fmt: skip
    assert channel.get(f"/entitlements/{other}")["provider"]["state"] == "unknown"
    mark(stack, its_number, "activated")
    asked = operator.post(f"/entitlements/{other}/sync")
    assert (asked["provider"]["state"], asked["state"]) == ("activated", "active")
    drift = operator.get(f"/drifts/{drift['id']}")
    assert (drift["state"], drift["how"], drift["by"]) == ("repaired", "agreed", "rule")

    Kasushou(stack.world).buy("bought-elsewhere-1")
    [drift] = until(lambda: operator.every("/drifts", search="bought-elsewhere"))
    assert (drift["class"], drift["entitlement"], drift["state"]) == ("theirs_unknown_to_us", None, "open")
    operator.post(f"/drifts/{drift['id']}/settle", {"decision": "keep", "note": "another alliance's"})
    operator.post(f"/status_sources/{source['id']}/poll", {"from_start": True})
    before = operator.get(f"/status_sources/{source['id']}")["pages"]
    until(lambda: operator.get(f"/status_sources/{source['id']}")["pages"] > before + 1)
    assert len(operator.every("/drifts", search="bought-elsewhere")) == 1
    stack.audit()


def test_a_partner_that_reports_by_itself_names_rights_its_own_way(stack: Stack) -> None:
    """By our number at the supplier, by the supplier's number, and by our id: it is one right, and told in webhooks."""
    right, number = bought(stack, "zhao")
    [task] = stack.operator.every("/tasks", search=number)
    theirs = stack.operator.get(f"/tasks/{task['id']}")["tried"][-1]["supplier_number"]
    when = "2026-11-01T08:00:00+08:00"
    names = ({"outer_number": number}, {"supplier_number": theirs}, {"entitlement": right})
    events = [
        {"event_id": f"zhao-{n}", "kind": kind, "at": when, **name}
        for n, (name, kind) in enumerate(zip(names, ("activated", "used", "activated"), strict=True))
    ]
    answers = stack.partner.post("/usage", {"events": events})["events"]
    assert {one["entitlement"] for one in answers} == {right}
    assert {one["verdict"] for one in answers} <= {"taken", "late"}
    assert stack.channel.get(f"/entitlements/{right}")["provider"]["state"] == "used"
    reports = stack.operator.every("/usage_reports", entitlement=right)
    assert {one["reference"] for one in reports} >= {f"outer_number:{number}", f"supplier_number:{theirs}", right}
