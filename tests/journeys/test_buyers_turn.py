"""What waits for the buyer: accounts given later or wrong, choices, and what comes after something else."""

from __future__ import annotations

from datetime import timedelta

from tests.stack import Stack, until

GOOD = "13811112222"


def test_the_account_is_given_later(stack: Stack) -> None:
    """A gift: the one who pays does not know the account. The video waits for the buyer, who activates it when he
    likes; asking twice with the same account changes nothing, and another account is refused once it was sent."""
    order = stack.order("top-up", "gifted")
    item = order["items"][0]
    assert item["state"] == "waiting_for_buyer"
    right = stack.channel.get(f"/entitlements/{item['entitlement']}")
    assert (right["state"], right["next_step"]["step"]) == ("pending_delivery", "activate")
    assert [field["name"] for field in right["next_step"]["accounts"]] == ["phone"]

    path = f"/entitlements/{right['id']}/activate"
    wrong = stack.channel.refused("POST", path, json={"accounts": {"phone": "!"}})
    assert (wrong.status, wrong.body["errors"][0]["pointer"]) == (422, "/accounts/phone"), wrong
    assert stack.channel.refused("POST", path, json={"accounts": {}}).body["errors"][0]["pointer"] == "/accounts/phone"
    stack.channel.post(path, {"accounts": {"phone": GOOD}})
    stack.channel.post(path, {"accounts": {"phone": GOOD}})
    delivered = stack.until_item(order, "video", "delivered")
    assert stack.delivered(delivered) == 1
    assert stack.channel.refused("POST", path, json={"accounts": {"phone": "13800000001"}}).status == 409
    assert stack.channel.get(f"/entitlements/{right['id']}")["state"] == "active"
    stack.audit()


def test_a_wrong_account_comes_back_to_the_buyer(stack: Stack) -> None:
    """The supplier refuses an account that begins with "bad". The item waits for the buyer again, with a problem that
    he can read; with the right account it is delivered, once."""
    order = stack.order("top-up", "typo", accounts={"phone": "bad-account"})
    waiting = stack.until_item(order, "video", "waiting_for_buyer")
    assert waiting["problem"]
    assert "账号" in waiting["problem"] or "account" in waiting["problem"]
    right = stack.channel.get(f"/entitlements/{waiting['entitlement']}")
    assert (right["state"], right["next_step"]["step"]) == ("pending_delivery", "activate")
    stack.channel.post(f"/entitlements/{right['id']}/activate", {"accounts": {"phone": GOOD}})
    delivered = stack.until_item(order, "video", "delivered")
    assert delivered["problem"] is None
    assert stack.delivered(delivered) == 1
    assert stack.now(order)["status"]["fulfilment"] == "done"
    stack.audit()


def test_he_chooses_two_of_four(stack: Stack) -> None:
    """A coffee, and two snacks of his choice; a choice too few, too many, twice the same, or of nothing there is
    refused with a pointer, and only what was chosen is delivered."""
    for picked in ([], ["tea"], ["tea", "tea"], ["tea", "course", "lounge"], ["tea", "gold"]):
        body = stack.order_body("choice", choices={"snack": picked})
        problem = stack.channel.refused("POST", "/orders", json=body)
        assert problem.status == 422, problem
        assert any(e["pointer"].startswith("/choices") for e in problem.body["errors"]), problem
    order = stack.order("choice", "chooser", choices={"snack": ["tea", "course"]})
    assert [item["component"] for item in order["items"]] == ["coffee", "tea", "course"]
    assert {item["state"] for item in order["items"]} == {"delivered"}
    assert sum(item["share"]["amount_minor"] for item in order["items"]) == 9900
    chosen = stack.order("choice", "chooser", choices={"snack": ["ear", "lounge"]}, accounts={"phone": GOOD})
    assert stack.delivered(stack.until_item(chosen, "ear", "delivered")) == 1


def test_one_part_follows_another(stack: Stack) -> None:
    """Tea comes when the coffee is activated, else it is cancelled after a week; the course comes when the lounge was
    used, else it is given all the same after a week."""
    eager, lazy = stack.order("follow", "eager"), stack.order("follow", "lazy")
    for order in (eager, lazy):
        assert [item["state"] for item in order["items"]] == ["delivered", "delivered", "scheduled", "scheduled"]
    rights = {item["component"]: item["entitlement"] for item in eager["items"]}
    refused = stack.channel.refused("POST", f"/entitlements/{rights['tea']}/reveal")
    assert refused.status == 409, refused
    stack.channel.post(f"/entitlements/{rights['coffee']}/reveal")
    stack.until_item(eager, "tea", "delivered")
    assert stack.channel.post(f"/entitlements/{rights['tea']}/reveal")["code"].startswith("tea-")
    code = stack.channel.post(f"/entitlements/{rights['lounge']}/code")["code"]
    prepared = stack.partner.post("/redemptions/prepare", {"code": code, "till": "t", "request_no": "follow"})
    assert stack.item(eager, "course")["state"] == "scheduled"
    stack.partner.post(f"/redemptions/{prepared['id']}/confirm")
    stack.until_item(eager, "course", "delivered")
    assert stack.now(eager)["status"]["fulfilment"] == "done"

    assert [stack.item(lazy, part)["state"] for part in ("tea", "course")] == ["scheduled", "scheduled"]
    stack.forward(timedelta(days=7, minutes=1))
    stack.until_item(lazy, "tea", "cancelled")
    stack.until_item(lazy, "course", "delivered")
    ended = stack.now(lazy)
    assert ended["status"]["fulfilment"] == "partial"
    assert stack.channel.get(f"/entitlements/{stack.item(lazy, 'tea')['entitlement']}")["state"] == "ended"
    stack.audit()


def test_parts_that_come_monthly(stack: Stack) -> None:
    """Three months of video: the first at once, the others when their month comes, each delivered once."""
    order = stack.order("monthly", "monthly", accounts={"phone": GOOD})
    months = [item for item in order["items"] if item["component"] == "video"]
    assert [item["state"] for item in months] == ["delivering", "scheduled", "scheduled"]
    assert months[0]["due_at"] is None
    assert months[1]["due_at"] < months[2]["due_at"]
    waiting = stack.channel.get(f"/entitlements/{months[1]['entitlement']}")
    assert waiting["state"] == "scheduled"
    stack.until_item(order, "video", "delivered")
    for place in (1, 2):
        assert stack.item(order, "video", place)["state"] == "scheduled"
        stack.forward(timedelta(days=31, hours=1))
        delivered = stack.until_item(order, "video", "delivered", place=place)
        assert stack.delivered(delivered) == 1
        assert stack.channel.get(f"/entitlements/{delivered['entitlement']}")["state"] == "active"
    assert stack.now(order)["status"]["fulfilment"] == "done"
    # The first month is over by now.
    until(lambda: stack.channel.get(f"/entitlements/{months[0]['entitlement']}")["state"] == "ended", 40)
    stack.audit()
