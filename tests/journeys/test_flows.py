"""Delivery flows through the real doors: conditions, events with an else, notices, and a delivery that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.stack import Stack, until

from heyi.app.cli.apply import Applying
from heyi.app.cli.client import Client

GOOD = "13811112222"
GIVE, NO = {"do": "deliver"}, {"do": "cancel"}


def notice(then: str, zh: str, en: str) -> dict[str, Any]:
    return {"do": "notify", "title": {"zh": zh, "en": en}, "then": then}


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


FLOWS = {
    # Two at once get the tea now, one alone after three days.
    "many": ("tea", {"start": "many", "nodes": {
        "many": {"do": "condition", "if": op("ge", {"field": "order.quantity"}, 2), "then": "give", "else": "later",
                 "unknown": "later"},
        "later": {"do": "wait", "for": "days", "days": 3, "then": "give"},
        "give": GIVE}}),
    # Who has read the coffee's key within two days gets the tea; the others are told what they missed.
    "keen": ("tea", {"start": "wait", "nodes": {
        "wait": {"do": "wait", "for": "days", "days": 2, "then": "keen"},
        "keen": {"do": "condition", "if": op("le", op("elapsed", {"field": "order.paid_at"},
                                                      {"field": "component.coffee.activated_at"}), {"days": 1}),
                 "then": "give", "else": "tell", "unknown": "tell"},
        "tell": notice("no", "很遗憾", "what a pity"), "give": GIVE, "no": NO}}),
    # Two months of course once the lounge was used within a week; else a notice, and nothing.
    "used": ("course", {"start": "used", "nodes": {
        "used": {"do": "wait", "for": "component", "component": "lounge", "event": "redeemed", "within_days": 7,
                 "then": "tell", "else": "late"},
        "tell": notice("split", "课程来了", "your course comes"),
        "split": {"do": "split", "times": 2, "then": "give"},
        "late": notice("no", "来晚了", "too late"), "give": GIVE, "no": NO}}),
    # A top-up that cannot be delivered is told, and tried once more a day later.
    "again": ("video", {"start": "first", "nodes": {
        "first": {"do": "deliver", "failed": "tell"},
        "tell": notice("wait", "稍后再试", "we try again"),
        "wait": {"do": "wait", "for": "days", "days": 1, "from": "here", "then": "second"},
        "second": {"do": "deliver", "failed": "sorry"},
        "sorry": notice("no", "充值失败", "it did not work"), "no": NO}}),
    # The buyer asks within three days, and then says so again after the coffee was activated; else it comes by itself.
    "asked": ("course", {"start": "ask", "nodes": {
        "ask": {"do": "wait", "for": "buyer", "within_days": 3, "then": "coffee", "else": "give"},
        "coffee": {"do": "wait", "for": "component", "component": "coffee", "event": "activated", "within_days": 5,
                   "then": "again", "else": "no"},
        "again": {"do": "wait", "for": "buyer", "then": "give"}, "give": GIVE, "no": NO}}),
}  # fmt: skip


def bundle(code: str, benefit: str, graph: dict[str, Any]) -> dict[str, Any]:
    others = [part for part in ("coffee", "lounge") if part != benefit]
    parts = [{"code": part, "benefit": part, "weight": 20} for part in others]
    parts.append({"code": benefit, "benefit": benefit, "weight": 20, "delivery": graph})
    return {"code": f"flow-{code}", "title": code, "price": "99.00 CNY", "components": parts}


# A choice that may be left open for a month; the phone is asked for when the music is chosen.
LATE = {
    "code": "flow-late", "title": "任选", "price": "99.00 CNY",
    "components": [{"code": "coffee", "benefit": "coffee", "weight": 1}],
    "groups": [{"code": "snack", "title": "任选二", "pick": 2, "weight": 1,
                "delivery": {"when": "choose", "within_days": 30, "default": ["tea", "course"]},
                "options": [{"code": "tea", "benefit": "tea"}, {"code": "course", "benefit": "course"},
                            {"code": "lounge", "benefit": "lounge", "delivery": {"when": "after_days", "days": 40}},
                            {"code": "ear", "benefit": "music"}]}],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def bundles(stack: Stack) -> None:
    document = {"bundles": [*(bundle(c, b, g) for c, (b, g) in FLOWS.items()), LATE]}
    with Client(stack.url, stack.operator_key) as api:
        made = Applying(api, lambda _: None).apply(document)
        again = Applying(api, lambda _: None).apply(document)
    assert len(made.made) >= len(FLOWS)
    assert not again.made
    assert not again.changed


def notices(stack: Stack, order: dict[str, Any]) -> list[str]:
    """The titles of the notices that the channel reads among its events."""
    found, cursor = [], None
    while True:
        page = stack.channel.get("/events", cursor=cursor, type="delivery.notice", limit=100)
        found += [e for e in page["data"] if e["data"]["order"] == order["id"]]
        if cursor == page["next_cursor"] or not page["data"]:
            return [one["data"]["title"]["en"] for one in found]
        cursor = page["next_cursor"]


def decided(stack: Stack, order: dict[str, Any]) -> list[Any]:
    told = stack.channel.get(f"/orders/{order['id']}/timeline")
    return [line for line in told if line["what"] == "delivery.decided"]


def test_a_condition_has_an_else(stack: Stack) -> None:
    """Whoever buys two gets the tea at once, whoever buys one three days later; the timeline says why."""
    two, one = stack.order("flow-many", "pair", quantity=2), stack.order("flow-many", "single")
    assert {item["state"] for item in two["items"] if item["component"] == "tea"} == {"delivered"}
    later = stack.item(one, "tea")
    assert later["state"] == "scheduled"
    assert later["due_at"] > one["paid_at"]
    (why,) = decided(stack, one)
    assert "the quantity is less than 2" in why["text_en"], why
    assert "购买数量小于 2" in why["text"]
    stack.forward(timedelta(days=3, minutes=1))
    stack.until_item(one, "tea", "delivered")
    stack.audit()


def test_a_condition_looks_at_the_moment_and_may_not_know(stack: Stack) -> None:
    """Two days after payment: was the coffee activated within one day? Who did not activate it at all has no time that
    could be compared: not evaluated, and the flow says what then. The channel hears of it."""
    keen, idle = stack.order("flow-keen", "keen"), stack.order("flow-keen", "idle")
    coffee = stack.item(keen, "coffee")["entitlement"]
    stack.channel.post(f"/entitlements/{coffee}/reveal")
    assert stack.item(keen, "tea")["state"] == "scheduled"
    stack.forward(timedelta(days=2, minutes=1))
    stack.until_item(keen, "tea", "delivered")
    gone = stack.until_item(idle, "tea", "cancelled")
    assert gone["problem"] == "by_flow"
    assert stack.channel.get(f"/entitlements/{gone['entitlement']}")["state"] == "ended"
    until(lambda: notices(stack, idle) == ["what a pity"])
    assert notices(stack, keen) == []
    (why,) = decided(stack, idle)
    assert why["data"]["branch"] == "unknown"
    assert why["data"]["missing"] == ["component.coffee.activated_at"]
    stack.audit()


def test_an_event_then_monthly_parts_else_by_a_deadline(stack: Stack) -> None:
    """The lounge is used: the course comes in two monthly parts, counted from then, and one notice tells of it. Another
    buyer does not use it within the week: both parts are cancelled, and the notice says that."""
    eager, lazy = stack.order("flow-used", "eager"), stack.order("flow-used", "lazy")
    assert [i["state"] for i in eager["items"] if i["component"] == "course"] == ["scheduled", "scheduled"]
    code = stack.channel.post(f"/entitlements/{stack.item(eager, 'lounge')['entitlement']}/code")["code"]
    prepared = stack.partner.post("/redemptions/prepare", {"code": code, "till": "t", "request_no": "flow-used"})
    stack.partner.post(f"/redemptions/{prepared['id']}/confirm")
    stack.until_item(eager, "course", "delivered")
    second = until(lambda: (item := stack.item(eager, "course", 1))["due_at"] and item)
    assert second["state"] == "scheduled"
    until(lambda: notices(stack, eager) == ["your course comes"])
    stack.forward(timedelta(days=7, minutes=1))
    for place in (0, 1):
        stack.until_item(lazy, "course", "cancelled", place=place)
    until(lambda: notices(stack, lazy) == ["too late"])
    assert stack.item(eager, "course", 1)["state"] == "scheduled"
    stack.forward(timedelta(days=25))
    stack.until_item(eager, "course", "delivered", place=1)
    assert stack.now(eager)["status"]["fulfilment"] == "done"
    stack.audit()


def test_a_delivery_that_failed_falls_back(stack: Stack) -> None:
    """The supplier takes the top-up and fails it for good. The flow tells the channel and tries once more a day later,
    under a new number: delivered, once. Where it fails again, the flow cancels; no person had to look."""
    stack.world.faults("kasushou", {"fault": "fail_after_accept"})
    order = stack.order("flow-again", "again", accounts={"phone": GOOD})
    hopeless = stack.order("flow-again", "hopeless", accounts={"phone": GOOD})
    for one in (order, hopeless):
        until(lambda one=one: notices(stack, one) == ["we try again"])
        until(lambda one=one: stack.item(one, "video")["due_at"])
        assert stack.item(one, "video")["state"] == "scheduled"
    assert stack.operator.get("/tasks", state="waiting_for_person", order=order["id"])["data"] == []
    stack.world.faults("kasushou", {"fault": "fail_after_accept", "outer": hopeless_number(stack, hopeless)})
    stack.forward(timedelta(days=1, minutes=1))
    delivered = stack.until_item(order, "video", "delivered")
    assert stack.delivered(delivered) == 1
    stack.until_item(hopeless, "video", "cancelled")
    until(lambda: notices(stack, hopeless) == ["we try again", "it did not work"])
    assert stack.delivered(stack.item(hopeless, "video")) == 0
    stack.audit()


def hopeless_number(stack: Stack, order: dict[str, Any]) -> str:
    return str(stack.item(order, "video")["id"].partition("_")[2])


def test_the_buyer_is_asked_twice_or_not_at_all(stack: Stack) -> None:
    """He asks for the course, activates the coffee and is asked once more; then it comes. Who never asks gets it when
    his three days are over, and nothing is asked of him any longer."""
    order, silent = stack.order("flow-asked", "asking"), stack.order("flow-asked", "silent")
    assert stack.item(order, "course")["state"] == "waiting_for_buyer"
    right = stack.item(order, "course")["entitlement"]
    assert stack.channel.get(f"/entitlements/{right}")["next_step"]["step"] == "activate"
    stack.channel.post(f"/entitlements/{right}/activate", {})
    stack.until_item(order, "course", "scheduled")
    assert stack.channel.get(f"/entitlements/{right}")["next_step"]["step"] == "none"
    stack.channel.post(f"/entitlements/{stack.item(order, 'coffee')['entitlement']}/reveal")
    stack.until_item(order, "course", "waiting_for_buyer")
    asked = until(lambda: (r := stack.channel.get(f"/entitlements/{right}"))["next_step"]["step"] == "activate" and r)
    assert asked["state"] == "pending_delivery"
    stack.channel.post(f"/entitlements/{right}/activate", {})
    stack.until_item(order, "course", "delivered")
    stack.forward(timedelta(days=3, minutes=1))
    stack.until_item(silent, "course", "delivered")
    stack.audit()


def test_the_buyer_chooses_later_or_takes_the_default(stack: Stack) -> None:
    """Two snacks are left open. One buyer chooses the music later, gives his phone, and takes the lounge, which has its
    own day; what he chose once he cannot choose again. Another one says nothing for a month: tea and course.
    """
    order, silent = stack.order("flow-late", "chooser"), stack.order("flow-late", "silent")
    slots = [item for item in order["items"] if item["component"] == "snack"]
    assert [(s["benefit"], s["kind"], s["state"]) for s in slots] == [(None, "choice", "waiting_for_buyer")] * 2
    first, second = (slot["entitlement"] for slot in slots)
    right = stack.channel.get(f"/entitlements/{first}")
    assert (right["next_step"]["step"], right["benefit"], right["partner"]) == ("choose", None, None)
    assert stack.channel.refused("POST", f"/entitlements/{first}/activate", json={}).status == 409
    nothing = stack.channel.refused("POST", f"/entitlements/{first}/choose", json={"option": "gold"})
    assert (nothing.status, nothing.body["errors"][0]["pointer"]) == (422, "/option"), nothing
    chosen = stack.channel.post(f"/entitlements/{first}/choose", {"option": "ear"})
    assert (chosen["benefit"], chosen["next_step"]["step"]) == ("music", "activate")
    assert [field["name"] for field in chosen["next_step"]["accounts"]] == ["phone"]
    assert stack.channel.post(f"/entitlements/{first}/choose", {"option": "ear"}) == chosen
    assert stack.channel.refused("POST", f"/entitlements/{first}/choose", json={"option": "tea"}).status == 409
    assert stack.channel.refused("POST", f"/entitlements/{second}/choose", json={"option": "ear"}).status == 422
    stack.channel.post(f"/entitlements/{first}/activate", {"accounts": {"phone": GOOD}})
    delivered = stack.until_item(order, "ear", "delivered")
    assert (stack.delivered(delivered), delivered["share"]) == (1, slots[0]["share"])
    lounge = stack.channel.post(f"/entitlements/{second}/choose", {"option": "lounge"})
    assert (lounge["kind"], lounge["units_left"], lounge["next_step"]["step"]) == ("voucher", 2, "none")
    scheduled = stack.item(order, "lounge")
    assert (scheduled["state"], scheduled["share"]) == ("scheduled", slots[1]["share"])
    assert scheduled["due_at"] > order["paid_at"]
    stack.forward(timedelta(days=30, minutes=1))
    stack.until_item(silent, "tea", "delivered")
    stack.until_item(silent, "course", "delivered")
    assert stack.now(silent)["status"]["fulfilment"] == "done"
    stack.forward(timedelta(days=10))
    stack.until_item(order, "lounge", "delivered")
    now_or_then = stack.order("flow-late", "at-once", choices={"snack": ["tea", "course"]})
    assert {item["state"] for item in now_or_then["items"]} == {"delivered"}
    shown = stack.channel.get("/bundles/flow-late")["components"][1]["choice_group"]
    assert "30" in shown["later"]["words"]["en"]
    stack.audit()


def test_a_version_is_simulated_before_anybody_buys(stack: Stack) -> None:
    """What would happen, and when: with the lounge used, and not. Reading the version tells every node in words. Not a
    row is written; a draft's faults and a sample's are named."""
    found = next(one for one in stack.operator.every("/bundles", search="flow-used"))
    stack.until_told()
    path, before = f"/bundles/{found['id']}/versions/1", stack.counts()
    told = stack.operator.get(path)["components"][2]
    assert told["delivery_nodes"][0]["name"] == "used"
    assert told["delivery_nodes"][0]["branches"] == {"then": "tell", "else": "late"}
    assert "lounge" in told["delivery_in_words"]["en"]
    paid_at = "2026-12-01T10:00:00+08:00"
    story = stack.operator.post(f"{path}/simulate", {"paid_at": paid_at, "happenings": [
        {"component": "lounge", "what": "redeemed", "at": "2026-12-03T10:00:00+08:00"}]})  # fmt: skip
    ends = [(item["component"], item["state"], item["since"][:10]) for item in story["items"]]
    assert ends == [("coffee", "delivered", "2026-12-01"), ("lounge", "delivered", "2026-12-01"),
                    ("course", "delivered", "2026-12-03"), ("course", "delivered", "2027-01-03")]  # fmt: skip
    idle = stack.operator.post(f"{path}/simulate", {"paid_at": paid_at})
    assert [step["words"]["en"] for step in idle["steps"] if step["what"] == "told"] == ["tell “too late”"]
    assert [item["state"] for item in idle["items"]][2:] == ["cancelled", "cancelled"]
    assert stack.counts() == before
    nobody = {"happenings": [{"component": "tea", "what": "activated", "at": paid_at}]}
    problem = stack.operator.refused("POST", f"{path}/simulate", json=nobody)
    assert problem.body["errors"][0]["pointer"] == "/happenings/0/component", problem
    strange = {"happenings": [{"component": "coffee", "what": "chosen", "at": paid_at, "option": "tea"}]}
    problem = stack.operator.refused("POST", f"{path}/simulate", json=strange)
    assert problem.body["errors"][0]["pointer"] == "/happenings/0/option", problem
    again = next(one for one in stack.operator.every("/bundles", search="flow-again"))
    problem = stack.operator.refused("POST", f"/bundles/{again['id']}/versions/1/simulate", json={"quantity": 2})
    assert problem.body["errors"][0]["pointer"] == "/quantity", "accounts are those of one buyer"
    faulty = bundle("bad", "tea", {"start": "a", "nodes": {
        "a": {"do": "condition", "if": op("gt", {"field": "order.weight"}, 1), "then": "b", "else": "b",
              "unknown": "b"}, "b": GIVE}})  # fmt: skip
    price = {"amount_minor": 9900, "currency": "CNY"}
    body = {"price": price, "components": faulty["components"]}
    problem = stack.operator.refused("POST", f"/bundles/{found['id']}/versions", json=body)
    assert [(e["code"], e["pointer"]) for e in problem.body["errors"]] == [
        ("condition.field_unknown", "/components/2/delivery/nodes/a/if/args/0/field")
    ], "conditions are checked when they are saved"
    faulty["components"][2]["delivery"] = {"start": "a", "nodes": {"a": GIVE, "b": GIVE}}
    draft = stack.operator.post(f"/bundles/{found['id']}/versions", body)
    problem = stack.operator.refused("POST", f"/bundles/{found['id']}/versions/{draft['version']}/simulate", json={})
    assert [e["pointer"] for e in problem.body["errors"]] == ["/components/2/delivery/nodes/b"]
